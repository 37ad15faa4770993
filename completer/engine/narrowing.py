"""Narrowing a distribution to tokens that static analysis allows (Agrawal et al., NeurIPS 2023).

Where a set A of tokens is likely to hold the next one, p becomes (1 - w)·p + w·p(· | A): with w = 1
the tokens are drawn from A alone, as masks do it; with less, A weighs. Whatever p says within A,
and outside of it, keeps its proportions.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from completer.drafting.tree import DraftTree
from completer.engine.staging import to_device

_LEAST = -60.0  # the logarithm of a mass that counts as none


@dataclass(frozen=True, slots=True)
class Narrowing:
    """In a `row` of a step, the `allowed` tokens [V] get at least the share `weight`."""

    row: int
    allowed: NDArray[np.bool_]
    weight: float


class Guide(Protocol):
    """Says which tokens are likely to be allowed; `completer.names` has the real one."""

    def narrowings(self, generated: Sequence[int], tree: DraftTree) -> Sequence[Narrowing]:
        """Narrow what follows the tokens so far (row 0), or a node of `tree` (row 1 + node).

        Depends on the tokens alone, not on the steps in which they came.
        """
        ...

    def draft(self, generated: Sequence[int], most: int) -> DraftTree:
        """Draft the only way to go on, at most so many tokens; empty where there are several."""
        ...


def narrow(logits: Tensor, narrowings: Sequence[Narrowing]) -> tuple[Tensor, Tensor]:
    """Return the rows [R, V] as logs of the narrowed distributions, and the masses [n] narrowed to.

    logits: [R, V] of a distribution, or its logs; rows that are not narrowed come back as they are.
    A mass is what the allowed tokens had before.
    """
    device = logits.device
    rows = to_device(np.array([each.row for each in narrowings]), device)
    allowed = to_device(np.stack([each.allowed for each in narrowings]), device)
    weights = np.array([[each.weight] for each in narrowings], np.float32)
    narrowed = logits.to(torch.float32, copy=True)
    narrowed[rows] = narrowed[rows].log_softmax(-1)
    masses = narrowed[rows].masked_fill(~allowed, -math.inf).logsumexp(-1, keepdim=True)
    masses = masses.clamp(min=_LEAST)
    outside, inside = (to_device(each, device).log() for each in (1 - weights, weights))
    factors = torch.where(allowed, outside.logaddexp(inside - masses), outside)
    narrowed.index_add_(0, rows, factors)
    return narrowed, masses[:, 0].exp()
