"""int8 weights: linear layers whose products are of integers, on a CPU.

Both sides of a product are quantised symmetrically: weights once, with a scale for each output;
states as they come, with a scale for each row. The product of integers is exact, so that what a
token gets depends on no other token of its batch, bit for bit. Embedding, norms and attention stay
as they are, and so does the head: its inputs have outliers that one scale holds badly.
"""

from typing import TYPE_CHECKING, Any, cast

import torch
from torch import Tensor, nn

from models.errors import ModelError

if TYPE_CHECKING:
    from models.decoder import Model

INT8 = "int8"
LARGEST = 127
_SMALLEST_SCALE = 1e-30  # of a row of zeros
_PROBES = ((1, 256, 64), (8, 256, 64))  # rows, inputs, outputs: one row has kernels of its own


class Int8Linear(nn.Module):
    """What takes the place of an `nn.Linear`: `weight` [out, in] in int8, `scale` [out]."""

    scale: Tensor

    def __init__(self, linear: nn.Linear) -> None:
        super().__init__()
        quantised, scale = _quantise_rows(linear.weight)
        self.weight = nn.Parameter(quantised, requires_grad=False)
        self.register_buffer("scale", scale[:, 0])
        self.bias = linear.bias
        self.out_features = linear.out_features

    def forward(self, states: Tensor) -> Tensor:
        """Map states [..., in] to [..., out]."""
        return int8_linear(states, self.weight, self.scale, self.bias)


def int8_linear(states: Tensor, weight: Tensor, scale: Tensor, bias: Tensor | None) -> Tensor:
    """Map states [..., in] to [..., out] by `weight` [out, in] in int8 times `scale` [out]."""
    rows, row_scale = _quantise_rows(states.reshape(-1, states.shape[-1]))
    product = torch._int_mm(rows, weight.T).to(torch.float32).mul_(scale).mul_(row_scale)
    if bias is not None:
        product += bias
    return product.to(states.dtype).view(*states.shape[:-1], -1)


def check_device(device: torch.device) -> None:
    """Raise `ModelError` for a device that is no CPU, or a CPU whose int8 products are not exact.

    Older processors add pairs of products in 16 bits, which is too few; trying finds them out.
    """
    if device.type != "cpu":
        raise ModelError(
            f"int8 weights run on a CPU, not on {device}.",
            hint="Set model.dtype to auto, or model.device to cpu.",
        )
    for rows, inputs, outputs in _PROBES:
        left = torch.full((rows, inputs), LARGEST, dtype=torch.int8)
        right = torch.full((outputs, inputs), LARGEST, dtype=torch.int8)
        if not (torch._int_mm(left, right.T) == LARGEST**2 * inputs).all():
            raise ModelError(
                "This processor's int8 products are not exact.",
                hint="Set model.dtype to auto; int8 needs AVX-512 VNNI, AVX-VNNI or AMX.",
            )


def quantise(model: "Model") -> None:
    """Quantise a model's linear layers, all but the head, in place and one after the other.

    Raises `ModelError` for an architecture most of whose weights are not in linear layers.
    `check_device` says whether the result runs there.
    """
    names = _inner_linears(model)
    _check_architecture(model, names)
    for name in names:
        model.set_submodule(name, Int8Linear(cast(nn.Linear, model.get_submodule(name))))


def is_quantised(model: "Model") -> bool:
    """Whether a model's linear layers are in int8."""
    return any(isinstance(module, Int8Linear) for module in model.modules())


def _quantise_rows(rows: Tensor) -> tuple[Tensor, Tensor]:
    """Return rows [R, in] as int8, and their scales [R, 1]."""
    rows = rows.float()
    scale = rows.abs().amax(-1, keepdim=True).div_(LARGEST).clamp_min_(_SMALLEST_SCALE)
    return (rows / scale).round_().to(torch.int8), scale


def _inner_linears(model: "Model") -> list[str]:
    """Names of the layers to quantise; of single inputs torch 2.13 computes wrong products."""
    head: nn.Module | None = model.get_output_embeddings()
    return [
        name
        for name, module in model.named_modules()
        if isinstance(module, nn.Linear) and module is not head and module.in_features > 1
    ]


def _check_architecture(model: "Model", names: list[str]) -> None:
    """Refuse a model that would stay as large as it is."""
    linear: list[Any] = [model.get_submodule(name) for name in names]
    embedding = cast(Tensor, model.get_input_embeddings().weight)
    head: Any = model.get_output_embeddings()
    others = {id(each.weight) for each in linear} | {id(embedding), id(head.weight)}
    left = sum(each.numel() for each in model.parameters() if id(each) not in others)
    if left > sum(each.weight.numel() for each in linear):
        raise ModelError(
            f"Most weights of architecture {model.config.model_type} are not in linear layers,"
            " which alone can be int8.",
            hint="Set model.dtype to auto.",
        )
