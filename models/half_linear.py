"""Products in half precision on a CPU, over one of a few numbers of rows.

torch has oneDNN compile a kernel for every shape that it meets: that takes milliseconds, in which a
person waits, and half a megabyte that stays. Prompts and drafts come in all lengths, so their rows
are filled up to the next of a few numbers. float32 has kernels for all shapes.

What a row gets does not depend on the others, to the last bit, but on processors that multiply in
tiles (AMX), which are several times as fast and add up in an order that depends on the number of
rows. A single row would have a kernel of its own as well: it is filled up.
"""

from bisect import bisect_left
from collections.abc import Callable
from functools import cache

import torch
from torch import Tensor
from torch.nn.functional import linear, pad

ROWS = (2, 3, 4, 5, 6, 7, 8, 10, 12, 14, 16, 20, 24, 28, 33, 40, 48, 64, 96, 128, 192, 256)
"""Up to what a step has, in small steps: there, a row more is paid for by everybody who waits."""


def half_linear(states: Tensor, weight: Tensor, bias: Tensor | None = None) -> Tensor:
    """Map states [T, in] to [T, out] by `weight` [out, in], with kernels for `ROWS` alone."""
    count = len(states)
    if count > ROWS[-1]:
        pieces = states.split(ROWS[-1])  # type: ignore[no-untyped-call]
        return torch.cat([half_linear(piece, weight, bias) for piece in pieces])
    missing = ROWS[bisect_left(ROWS, count)] - count
    if not missing:
        return linear(states, weight, bias)
    return linear(pad(states, (0, 0, 0, missing)), weight, bias)[:count]


def multiplies_in_tiles(dtype: torch.dtype) -> bool:
    """Whether this processor multiplies a dtype in tiles: bfloat16, with AMX.

    Then attention, too, is two to three times as fast in it as in float32; elsewhere it is slower.
    """
    return dtype == torch.bfloat16 and _has_tiles()


@cache
def _has_tiles() -> bool:
    if not hasattr(torch.cpu, "get_capabilities"):
        return False  # torch 2.6 cannot say
    return bool(torch.cpu.get_capabilities().get("amx_bf16", False))


def linear_for(weight: Tensor) -> Callable[[Tensor, Tensor, Tensor | None], Tensor]:
    """Return the product for a weight's device and dtype."""
    halved = weight.dtype in (torch.bfloat16, torch.float16)
    return half_linear if halved and weight.device.type == "cpu" else linear
