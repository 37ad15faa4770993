"""int4 weights on a CPU: a quarter of bfloat16's memory, and of what a token's step has to read.

Weights alone are quantised, in groups along the inputs, each with a scale and a zero; states stay
in bfloat16. The rounding is half-quadratic quantisation (HQQ, Badri and Shaji 2023), which needs no
data. Few rows are multiplied by ATen's kernel, which unpacks weights as it goes; for more rows the
weights are widened to bfloat16 first, a part at a time, since products are then faster by far.
"""

from collections.abc import Callable, Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from models.errors import ModelError
from models.half_linear import half_linear

INT4 = "int4"
GROUP = 64
"""Inputs that share a scale and a zero: 4.5 bits a weight."""
BLOCK = 64
"""Outputs that ATen packs together: of each input 32 bytes, whose lower halves are the first 32."""
LARGEST = 15
_SMALLEST_SCALE = 1e-30  # of a group whose weights are all the same
FEW_ROWS = 16
"""Up to so many rows the kernel is faster; it takes as long for each."""
WIDENED_AT_ONCE = 1 << 20  # weights: 2 MB in bfloat16, which caches hold
_STEPS, _POWER, _BETA, _GROWTH = 20, 0.7, 10.0, 1.01  # of HQQ, as its authors have them


class Int4Linear(nn.Module):
    """What takes the place of an `nn.Linear`.

    `weight` [out, in / 2] in uint8 as ATen packs it; `scales` [in / GROUP, out, 2]: scale and zero.
    """

    scales: Tensor

    def __init__(self, linear: nn.Linear) -> None:
        super().__init__()
        quantised, scales = quantise_groups(linear.weight)
        self.weight = nn.Parameter(_pack(quantised), requires_grad=False)
        self.register_buffer("scales", scales)
        self.bias = linear.bias
        self.out_features = linear.out_features

    def forward(self, states: Tensor) -> Tensor:
        """Map states [..., in] to [..., out]."""
        return int4_linear(states, self.weight, self.scales, self.bias)

    @staticmethod
    def stacked(
        parts: "Sequence[Int4Linear]", weight: Tensor, bias: Tensor | None
    ) -> Callable[[Tensor], Tensor]:
        """Return one product for several layers whose weights were stacked."""
        scales = torch.cat([each.scales for each in parts], dim=1)
        return lambda states: int4_linear(states, weight, scales, bias)


def int4_linear(states: Tensor, weight: Tensor, scales: Tensor, bias: Tensor | None) -> Tensor:
    """Map states [..., in] to [..., out] by a weight and scales as `Int4Linear` has them."""
    rows = states.reshape(-1, states.shape[-1]).to(torch.bfloat16).contiguous()
    product = (_few if len(rows) <= FEW_ROWS else _many)(rows, weight, scales)
    if bias is not None:
        product = product + bias
    return product.to(states.dtype).view(*states.shape[:-1], -1)


def quantise_groups(weight: Tensor) -> tuple[Tensor, Tensor]:
    """Return `weight` [out, in] as integers of 0 to 15, and scales [in / GROUP, out, 2].

    A weight is (integer - 8) * scale + zero, both in bfloat16.
    """
    groups = weight.float().view(len(weight), -1, GROUP)
    low, high = groups.amin(-1, keepdim=True), groups.amax(-1, keepdim=True)
    scale = ((high - low) / LARGEST).bfloat16().float().clamp_min(_SMALLEST_SCALE)
    zero = _fitted_zero(groups, scale, -low / scale)
    shift = ((LARGEST // 2 + 1 - zero) * scale).bfloat16().float()
    integers = ((groups - shift) / scale + LARGEST // 2 + 1).round().clamp(0, LARGEST)
    pairs = torch.cat((scale, shift), dim=-1)
    return integers.view_as(weight).to(torch.int32), pairs.transpose(0, 1).contiguous().bfloat16()


def _fitted_zero(groups: Tensor, scale: Tensor, zero: Tensor) -> Tensor:
    """Move zeros [out, groups, 1] so that most weights are met closely, outliers less so.

    HQQ: the error is split into a sparse part, by shrinking it, and one that the zero makes up for.
    """
    best, least, beta = zero, torch.full_like(zero, torch.inf), _BETA
    for _ in range(_STEPS):
        integers = (groups / scale + zero).round().clamp(0, LARGEST)
        error = groups - (integers - zero) * scale
        size = error.abs()
        mean = size.mean(-1, keepdim=True)
        best, least = torch.where(mean < least, zero, best), torch.minimum(mean, least)
        shrunk = error.sign() * (size - size.clamp_min(1e-12) ** (_POWER - 1) / beta).clamp_min(0)
        zero = (integers - (groups - shrunk) / scale).mean(-1, keepdim=True)
        beta *= _GROWTH
    return best


def _pack(integers: Tensor) -> Tensor:
    packed: Tensor = torch.ops.aten._convert_weight_to_int4pack_for_cpu(integers, 1)
    return packed


def _few(rows: Tensor, packed: Tensor, scales: Tensor) -> Tensor:
    product: Tensor = torch.ops.aten._weight_int4pack_mm_for_cpu(rows, packed, GROUP, scales)
    return product


def _many(rows: Tensor, packed: Tensor, scales: Tensor) -> Tensor:
    outputs, inputs = len(packed), packed.shape[1] * 2
    part = max(BLOCK, WIDENED_AT_ONCE // inputs // BLOCK * BLOCK)
    bits = np.empty(part * inputs, np.uint16)
    pairs = scales.float().numpy()
    product = rows.new_empty(len(rows), outputs)
    for begin in range(0, outputs, part):
        end = min(begin + part, outputs)
        wide = bits[: inputs * (end - begin)].reshape(inputs, -1)
        _widen(packed[begin:end].numpy(), pairs[:, begin:end], wide)
        weight = torch.from_numpy(wide).view(torch.bfloat16)
        product[:, begin:end] = half_linear(rows, weight.T)
    return product


def compile_kernels() -> None:
    """Have compiled what takes seconds on a machine's first start, before a person waits for it."""
    import models.int4_widening  # noqa: F401


def _widen(packed: NDArray[np.uint8], pairs: NDArray[np.float32], wide: NDArray[np.uint16]) -> None:
    from models.int4_widening import widen

    widen(packed.reshape(len(packed) // BLOCK, -1, BLOCK // 2), pairs, GROUP, wide)


def check_device(device: torch.device) -> None:
    """Raise `ModelError` for what is no CPU, and for a CPU that packs weights in another order."""
    if device.type != "cpu":
        raise ModelError(
            f"int4 weights run on a CPU, not on {device}.",
            hint="Set model.dtype to auto, or model.device to cpu.",
        )
    integers = torch.arange(2 * BLOCK * GROUP, dtype=torch.int32).view(-1, GROUP) % (LARGEST + 1)
    low, high = integers.view(2, 2, BLOCK // 2, GROUP).transpose(-1, -2).unbind(1)
    if not torch.equal(_pack(integers).flatten(), (low | high << 4).to(torch.uint8).flatten()):
        raise ModelError(
            "This processor packs int4 weights in an order that is not known here.",
            hint="Set model.dtype to int8 or auto; int4 needs AVX-512.",
        )


def why_not_int4(linear: nn.Linear) -> str:
    """Say what of a layer's shape int4 does not take; empty where it does."""
    if linear.out_features % BLOCK or linear.in_features % GROUP:
        shape = f"{linear.in_features} inputs and {linear.out_features} outputs"
        return f"a layer of {shape}, not multiples of {GROUP} and {BLOCK}"
    return ""
