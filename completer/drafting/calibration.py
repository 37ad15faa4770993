"""How far each kind of match is to be trusted: the factors that `blending` multiplies and learns.

One array of floats holds them all; this module says what stands where, what a new drafter starts
from, and into which class a length, a count or a probability falls.
"""

from enum import IntEnum

import numpy as np
from numpy.typing import NDArray

from completer.drafting import prior
from completer.drafting.jit import kernel

Float64s = NDArray[np.float64]


class EvidenceSource(IntEnum):
    """Where evidence comes from; the first three equal the `tree.DraftSource` of the same name.

    What is nearby (in the document's folder) is part of the repository, what is recent (shortly
    before the caret) of the live texts. Of an alignment the order is for how long it has agreed
    since a mismatch, the count how long the match was before it.
    """

    REPOSITORY = 0
    LIVE = 1
    DEPENDENCIES = 2
    NEARBY = 3
    RECENT = 4
    ALIGNED_REPOSITORY = 5
    ALIGNED_LIVE = 6


class Side(IntEnum):
    """Whose match supports a token: of the live texts, of the others, or of an alignment."""

    LIVE = 0
    OTHERS = 1
    ALIGNED = 2


SOURCES, SIDES = len(EvidenceSource), len(Side)
ORDERS, DOMINANCES, COUNTS, PROBS, RANKS = 10, 6, 6, 8, 8
BY_ORDER = 0
BY_DOMINANCE = BY_ORDER + SOURCES * ORDERS
BY_COUNT = BY_DOMINANCE + ORDERS * DOMINANCES
BY_NONE = BY_COUNT + SOURCES * COUNTS
BY_SUPPORT = BY_NONE + ORDERS + 1
BY_RANK = BY_SUPPORT + SIDES * PROBS * (ORDERS + 1)
BY_RANK_BESIDE = BY_RANK + RANKS
RATE = BY_RANK_BESIDE + RANKS
N_FACTORS = RATE + 1
"""Where the factors begin: by source and order; by order and dominance; by source and count; of
"none of these" by order; by side, probability and order; of recycled tokens by rank, where nothing
matches, and where none of what matches comes.
`RATE` is the learning rate."""

MAX_EXPERTS = SOURCES * ORDERS
LEARNING_RATE = 0.02
_DEPENDENCIES_DISCOUNT = -1.0  # in logarithms: they count for less than the repository

_BY_RANK = [
    0.20,
    0.08,
    0.05,
    0.03,
    0.02,
    0.02,
    0.01,
    0.01,
]  # as it is beside matches, to begin with


def initial_factors() -> Float64s:
    """Return the factors that a new drafter starts from: [N_FACTORS]."""
    factors = np.zeros(N_FACTORS)
    by_order, by_count = np.array(prior.ORDER), np.array(prior.COUNT)
    known, discounted = EvidenceSource.REPOSITORY, EvidenceSource.DEPENDENCIES
    by_order[discounted] = by_order[known] + _DEPENDENCIES_DISCOUNT
    by_count[discounted] = by_count[known]
    factors[BY_ORDER:BY_DOMINANCE] = by_order.ravel()
    factors[BY_DOMINANCE:BY_COUNT] = np.array(prior.DOMINANCE).ravel()
    factors[BY_COUNT:BY_NONE] = by_count.ravel()
    factors[BY_NONE:BY_SUPPORT] = prior.NONE
    factors[BY_SUPPORT:BY_RANK] = np.array(prior.SUPPORT).ravel()
    factors = np.exp(factors)
    factors[BY_RANK:RATE] = _BY_RANK * 2
    factors[RATE] = LEARNING_RATE
    return factors


@kernel
def order_class(length: int) -> int:
    """Return the class of a match of `length` tokens (at least 1): 0 to ORDERS - 1."""
    if length <= 5:
        return length - 1
    if length <= 7:
        return 5
    if length <= 11:
        return 6
    if length <= 19:
        return 7
    return 8 if length <= 31 else 9


@kernel
def dominance_class(count: float, largest: float) -> int:
    """Return the class of how much of `count` the commonest token, counted `largest` times, has."""
    if count < 1.5:
        return 0
    share = largest / count
    if share > 0.999:
        return 1
    if share > 0.8:
        return 2
    if share > 0.5:
        return 3
    return 4 if share > 0.25 else 5


@kernel
def count_class(count: float) -> int:
    """Return the class of how much was counted: 0 to COUNTS - 1."""
    if count < 1.5:
        return 0
    if count < 2.5:
        return 1
    if count < 4.5:
        return 2
    if count < 10:
        return 3
    return 4 if count < 40 else 5


@kernel
def prob_class(prob: float) -> int:
    """Return the class of a probability: 0 to PROBS - 1."""
    if prob < 0.08:
        return 0 if prob < 0.01 else 1 if prob < 0.03 else 2
    if prob < 0.35:
        return 3 if prob < 0.18 else 4
    if prob < 0.6:
        return 5
    return 6 if prob < 0.85 else 7
