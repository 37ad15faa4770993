"""What it is worth to have a drafted token accepted: the harder the next one, the more.

A step yields what is accepted and one token more. To accept a node therefore brings the token
*after* it, and that saves a step only if the next draft would not have had it anyhow. How likely it
would, that what follows is "covered", is known where the node's children were looked up; elsewhere
it is foreseen, by a logistic regression on the length of the match, on the token, on it and the one
before: after a bracket nearly anything may come, in the middle of a name little. All tokens
emitted teach it.

The constants were chosen for the least cost per token on files held out of six repositories (five
packages, and 21 small ones taken as one; none of them in the drafting benchmark).
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
_BY_PAIR = _BY_TOKEN + _TOKENS
_PAIRS = 1 << 14
"""Pairs of tokens share so many weights."""
_MATCH_PRIOR = [-2.5, -2.1, -1.0, -0.5, -0.2, -0.1, 0.3, 0.8, 0.8, 1.5, 1.8]
_MATCH_RATE, _TOKEN_RATE, _PAIR_RATE = 0.02, 0.5, 0.3
_LEAST = 0.3
"""What a token is worth though the next is covered: the draft reaches further, if by little."""


def new_foresight() -> Float32s:
    """Return what a new drafter knows of what is covered: weights by match, by token, by pair."""
    foresight = np.zeros(_BY_PAIR + _PAIRS, np.float32)
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
def foresee(foresight: Float32s, before: int, token: int, match_len: int) -> float:
    """Return how likely what follows a token id is covered.

    before: the id before it. match_len: how many tokens, this one the last, stood so before.
    """
    by_match, by_token, by_pair = _weights(before, token, match_len)
    logit = foresight[by_match] + foresight[by_token] + foresight[by_pair]
    return 1.0 / (1.0 + exp(-logit))


@kernel
def learn_covered(
    foresight: Float32s, before: int, token: int, match_len: int, covered: bool
) -> None:
    """Learn whether what followed a token id was covered."""
    error = (1.0 if covered else 0.0) - foresee(foresight, before, token, match_len)
    by_match, by_token, by_pair = _weights(before, token, match_len)
    foresight[by_match] += _MATCH_RATE * error
    foresight[by_token] += _TOKEN_RATE * error
    foresight[by_pair] += _PAIR_RATE * error


@kernel
def _weights(before: int, token: int, match_len: int) -> tuple[int, int, int]:
    by_match = order_class(match_len) + 1 if match_len else 0
    pair = (before * 30011 + token * 40503) & (_PAIRS - 1)
    return by_match, _BY_TOKEN + (token & (_TOKENS - 1)), _BY_PAIR + pair
