"""int8 weights: linear layers whose products are of integers, on a CPU.

Both sides of a product are quantised symmetrically: weights once, with a scale for each output;
states as they come, with a scale for each row. The product of integers is exact, so that what a
token gets depends on no other token of its batch, bit for bit. Embedding, norms and attention stay
as they are, and so does the head: its inputs have outliers that one scale holds badly.
"""

from collections.abc import Callable, Sequence

import torch
from torch import Tensor, nn

from models.errors import ModelError

INT8 = "int8"
LARGEST = 127
_SMALLEST_SCALE = 1e-30  # of a row of zeros
_PROBES = ((1, 256, 64), (8, 256, 64))  # rows, inputs, outputs: one row has kernels of its own


class Int8Linear(nn.Module):
    """What takes the place of an `nn.Linear`: `weight` [out, in] in int8, `scale` [out]."""

    scale: Tensor

    def __init__(self, linear: nn.Linear) -> None:
        super().__init__()
        quantised, scale = quantise_rows(linear.weight)
        self.weight = nn.Parameter(quantised, requires_grad=False)
        self.register_buffer("scale", scale[:, 0])
        self.bias = linear.bias
        self.out_features = linear.out_features

    def forward(self, states: Tensor) -> Tensor:
        """Map states [..., in] to [..., out]."""
        return int8_linear(states, self.weight, self.scale, self.bias)

    @staticmethod
    def stacked(
        parts: "Sequence[Int8Linear]", weight: Tensor, bias: Tensor | None
    ) -> Callable[[Tensor], Tensor]:
        """Return one product for several layers whose weights were stacked."""
        scale = torch.cat([each.scale for each in parts])
        return lambda states: int8_linear(states, weight, scale, bias)


def int8_linear(states: Tensor, weight: Tensor, scale: Tensor, bias: Tensor | None) -> Tensor:
    """Map states [..., in] to [..., out] by `weight` [out, in] in int8 times `scale` [out]."""
    rows, row_scale = quantise_rows(states.reshape(-1, states.shape[-1]))
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


def quantise_rows(rows: Tensor) -> tuple[Tensor, Tensor]:
    """Return rows [R, in] as int8, and their scales [R, 1] in float32."""
    rows = rows.float()
    scale = rows.abs().amax(-1, keepdim=True).div_(LARGEST).clamp_min_(_SMALLEST_SCALE)
    return (rows / scale).round_().to(torch.int8), scale
