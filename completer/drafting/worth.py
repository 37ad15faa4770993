"""What it is worth to have a drafted token accepted: the harder the next one, the more.

A step yields what is accepted and one token more. To accept a node therefore brings the token
*after* it, and that saves a step only if the next draft would not have had it anyhow. How likely it
would, that what follows is "covered", is known where the node's children were looked up; elsewhere
it is foreseen, by a logistic regression on the length of the match and on the token itself: after
a bracket nearly anything may come, in the middle of a name little. All tokens emitted teach it.
"""

from math import exp

import numpy as np
from numpy.typing import NDArray

from completer.drafting.calibration import ORDERS, order_class
from completer.drafting.jit import kernel

Float32s = NDArray[np.float32]

COVERED = 0.12
"""What is this likely is covered by a draft: about the least that pays on a CPU."""
_BY_TOKEN = ORDERS + 1
"""Weights by the length of the match come first."""
_TOKENS = 1 << 14
"""So many tokens have a weight of their own; others share these."""
_MATCH_PRIOR = [-2.5, -2.1, -1.0, -0.5, -0.2, -0.1, 0.3, 0.8, 0.8, 1.5, 1.8]
_MATCH_RATE, _TOKEN_RATE = 0.02, 0.5
_LEAST = 0.3
"""What a token is worth though the next is covered: the draft reaches further, if by little."""


def new_foresight() -> Float32s:
    """Return what a new drafter knows of what is covered: weights by match, then by token."""
    foresight = np.zeros(_BY_TOKEN + _TOKENS, np.float32)
    foresight[:_BY_TOKEN] = _MATCH_PRIOR
    return foresight


@kernel
def worth(covered: float, saved: float, step: float) -> float:
    """Return what it is worth to accept a token after which the next is so likely covered.

    In tokens: about 1 on average. saved: the cost of a drafted token, in tokens; step: of a step.
    """
    covered = min(1.0, covered)
    return _LEAST + (1.0 - _LEAST) * (covered * saved + (1.0 - covered) * step)


@kernel
def foresee(foresight: Float32s, token: int, match_len: int) -> float:
    """Return how likely what follows a token id is covered.

    match_len: how many tokens, this one the last, have stood so before; 0 if it stands nowhere.
    """
    logit = foresight[_match(match_len)] + foresight[_BY_TOKEN + (token & (_TOKENS - 1))]
    return 1.0 / (1.0 + exp(-logit))


@kernel
def learn_covered(foresight: Float32s, token: int, match_len: int, covered: bool) -> None:
    """Learn whether what followed a token id was covered."""
    error = (1.0 if covered else 0.0) - foresee(foresight, token, match_len)
    foresight[_match(match_len)] += _MATCH_RATE * error
    foresight[_BY_TOKEN + (token & (_TOKENS - 1))] += _TOKEN_RATE * error


@kernel
def _match(match_len: int) -> int:
    return order_class(match_len) + 1 if match_len else 0
