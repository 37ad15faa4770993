"""How many tokens an accepted draft token saves: the more, the less likely the next is drafted.

A step yields the accepted tokens and the bonus token. Accepting a node therefore brings the token
*after* it, and that saves a step only if the next draft would not have had it anyhow. The token
after a node is "covered" if a draft is likely to have it. The probability of that is known where
the node's children were looked up; elsewhere a logistic regression predicts it from the length of
the match, the token, and the token with the one before: after a bracket nearly anything may come,
in the middle of a name little. It is trained online on all emitted tokens.

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
"""A token of this probability or more is covered: about the least that pays on a CPU."""
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
"""Tokens saved by a token though the next is covered: the draft reaches further, if by little."""


def new_coverage() -> Float32s:
    """Return the weights that a new drafter starts from: by match, by token, by pair."""
    coverage = np.zeros(_BY_PAIR + _PAIRS, np.float32)
    coverage[:_BY_TOKEN] = _MATCH_PRIOR
    return coverage


@kernel
def tokens_saved(covered: float, saved: float, step: float) -> float:
    """Return how many tokens it saves to accept a token: about 1 on average.

    covered: the probability that the next token is covered. saved: the cost of a drafted token, in
    tokens; step: of a step.
    """
    covered = min(1.0, covered)
    return _LEAST + (1.0 - _LEAST) * (covered * saved + (1.0 - covered) * step)


@kernel
def predict_covered(coverage: Float32s, before: int, token: int, match_len: int) -> float:
    """Return the probability that what follows a token id is covered.

    before: the id before it. match_len: how many tokens, this one the last, stood so before.
    """
    by_match, by_token, by_pair = _weights(before, token, match_len)
    logit = coverage[by_match] + coverage[by_token] + coverage[by_pair]
    return 1.0 / (1.0 + exp(-logit))


@kernel
def learn_covered(
    coverage: Float32s, before: int, token: int, match_len: int, covered: bool
) -> None:
    """Learn whether what followed a token id was covered."""
    error = (1.0 if covered else 0.0) - predict_covered(coverage, before, token, match_len)
    by_match, by_token, by_pair = _weights(before, token, match_len)
    coverage[by_match] += _MATCH_RATE * error
    coverage[by_token] += _TOKEN_RATE * error
    coverage[by_pair] += _PAIR_RATE * error


@kernel
def _weights(before: int, token: int, match_len: int) -> tuple[int, int, int]:
    by_match = order_class(match_len) + 1 if match_len else 0
    pair = (before * 30011 + token * 40503) & (_PAIRS - 1)
    return by_match, _BY_TOKEN + (token & (_TOKENS - 1)), _BY_PAIR + pair
