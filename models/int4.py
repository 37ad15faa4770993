"""int4 weights on a CPU: a quarter of bfloat16's memory, and of what a token's step has to read.

Weights are quantised in groups along the inputs, each with a scale and a zero. The rounding is
half-quadratic quantisation (HQQ, Badri and Shaji 2023), which needs no data. `few_bits.py`
multiplies by them.
"""

from collections.abc import Callable, Sequence

import torch
from torch import Tensor, nn

from models.errors import ModelError
from models.few_bits import BLOCK, has_kernels, multiply, pack, pack_scales

INT4 = "int4"
GROUP = 64
"""Inputs that share a scale and a zero: 4.5 bits a weight."""
LARGEST, MIDDLE = 15, 8
_SMALLEST_SCALE = 2.0**-24  # that float16 has: of a group whose weights are all the same
_STEPS, _POWER, _BETA, _GROWTH = 20, 0.7, 10.0, 1.01  # of HQQ, as its authors have them


class Int4Linear(nn.Module):
    """What takes the place of an `nn.Linear`: `weight` and `scales` as `few_bits.py` packs them.

    Where the weights have been `rounded` already, that is what `quantise_groups` returns.
    """

    scales: Tensor

    def __init__(self, linear: nn.Linear, rounded: tuple[Tensor, Tensor] | None = None) -> None:
        super().__init__()
        integers, scales = rounded or quantise_groups(linear.weight)
        self.weight = nn.Parameter(pack(integers, 4), requires_grad=False)
        self.register_buffer("scales", pack_scales(scales))
        self.bias = linear.bias
        self.out_features = linear.out_features

    def forward(self, states: Tensor) -> Tensor:
        """Map states [..., in] to [..., out]."""
        return multiply(states, self.weight, self.scales, self.bias)

    @staticmethod
    def stacked(
        parts: "Sequence[Int4Linear]", weight: Tensor, bias: Tensor | None
    ) -> Callable[[Tensor], Tensor]:
        """Return one product for several layers whose weights were stacked."""
        scales = torch.cat([each.scales for each in parts])
        blocks = [len(each.scales) for each in parts]
        for each, view in zip(parts, scales.split(blocks), strict=True):  # type: ignore[no-untyped-call]
            each.scales = view  # nothing is held twice
        added = None if bias is None else bias.float()
        return lambda states: multiply(states, weight, scales, added)


def quantise_groups(weight: Tensor) -> tuple[Tensor, Tensor]:
    """Return `weight` [out, in] as integers of 0 to 15, and scales [out, in / GROUP, 2].

    A weight is (integer - 8) * scale + zero, both in float16.
    """
    groups = weight.float().view(len(weight), -1, GROUP)
    low, high = groups.amin(-1, keepdim=True), groups.amax(-1, keepdim=True)
    scale = ((high - low) / LARGEST).half().float().clamp_min(_SMALLEST_SCALE)
    zero = _fitted_zero(groups, scale, -low / scale)
    shift = ((MIDDLE - zero) * scale).half().float()
    integers = ((groups - shift) / scale + MIDDLE).round().clamp(0, LARGEST)
    return integers.view_as(weight).to(torch.uint8), torch.cat((scale, shift), dim=-1)


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


def check_device(device: torch.device) -> None:
    """Raise `ModelError` for what is no CPU, and for a CPU that multiplies bytes too slowly."""
    if device.type != "cpu":
        raise ModelError(
            f"int4 weights run on a CPU, not on {device}.",
            hint="Set model.dtype to auto, or model.device to cpu.",
        )
    if not has_kernels():
        raise ModelError(
            "This processor has no instruction for int4 products.",
            hint="Set model.dtype to auto; int4 needs AVX-512 VNNI or AVX-VNNI.",
        )


def why_not_int4(linear: nn.Linear) -> str:
    """Say what of a layer's shape int4 does not take; empty where it does."""
    if linear.out_features % BLOCK or linear.in_features % GROUP:
        shape = f"{linear.in_features} inputs and {linear.out_features} outputs"
        return f"a layer of {shape}, not multiples of {GROUP} and {BLOCK}"
    return ""
