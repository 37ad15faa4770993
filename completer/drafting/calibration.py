"""How far each kind of match is to be trusted: the factors that `blending` multiplies and learns.

One array of floats holds them all; this module says what stands where, what a new drafter starts
from, and into which class a length, a count or a probability falls.
"""

import numpy as np
from numba import njit
from numpy.typing import NDArray

Float64s = NDArray[np.float64]

REPOSITORY, LIVE, DEPENDENCIES, NEARBY, RECENT = range(5)
"""Sources of evidence: the first three equal the `Source` of the same name; what is nearby (in the
document's folder) is part of the repository, what is recent (shortly before the caret) of the live
texts."""
SOURCES, ORDERS, DOMINANCES, COUNTS, PROBS, RANKS = 5, 10, 6, 6, 8, 8
BY_ORDER = 0
BY_DOMINANCE = BY_ORDER + SOURCES * ORDERS
BY_COUNT = BY_DOMINANCE + ORDERS * DOMINANCES
BY_NONE = BY_COUNT + SOURCES * COUNTS
BY_SUPPORT = BY_NONE + ORDERS + 1
BY_RANK = BY_SUPPORT + 2 * PROBS * (ORDERS + 1)
RATE = BY_RANK + RANKS
N_FACTORS = RATE + 1
"""Where the factors begin: by source and order; by order and dominance; by source and count; of
"none of these" by order; by side (live or not), probability and order; of recycled tokens by rank.
`RATE` is the learning rate."""

MAX_EXPERTS = SOURCES * ORDERS
LEARNING_RATE = 0.02

# FITTED
_BY_ORDER = [
    [-1.16, -0.55, -1.44, 0.11, -0.22, -0.03, 0.55, 1, 1.33, 1.89],
    [-1.15, -0.35, -0.22, 0.27, 0.27, 0.33, 0.71, 0.9, 1.25, 1.29],
    [0, 0, 0, 0, 0, 0, 0, 0, 0, 0],
    [-2.35, -1.92, -1.01, -1.38, -0.66, -0.49, -0.4, 0.23, 1.08, 2.88],
    [-0.26, 0.29, 0.1, 0.29, 0.29, 0.09, -0.02, -0.36, -0.05, 0.33],
]
_BY_DOMINANCE = [
    [-1.48, 0.5, -0.44, -0.89, -1.09, -1.52],
    [-1.13, 1, 0.05, -0.39, -0.76, -1.3],
    [-0.55, 0.72, -0.53, -0.02, -0.67, -1.52],
    [-0.58, 1.64, 0.43, -0.13, -0.68, -1.39],
    [-0.06, 1.27, 0.36, 0.06, -0.56, -1.39],
    [0.01, 1.42, 0.25, 0.29, -0.36, -1.72],
    [0.34, 1.94, 0.43, 0.28, -0.19, -1.96],
    [0.89, 2.21, 1.37, 0.68, -0.15, -3.22],
    [1.35, 2.77, 0.38, 0.55, 0.05, -1.49],
    [1.99, 4.05, 0.93, 0.72, 0.04, -1.35],
]
_BY_COUNT = [
    [0.16, -0.58, -0.07, 0.45, 0.87, 0.65],
    [0.57, 0.03, 0.51, 0.76, 1.42, 0],
    [0, 0, 0, 0, 0, 0],
    [0.28, -0.46, -0.45, -0.78, -0.74, -1.89],
    [-0.23, -0.74, -0.04, 0.62, 1.09, 0],
]
_BY_NONE = [-0.81, -0.41, -0.24, -0.04, -0.01, -0.13, -0, 0.06, 0.08, 0.03, 0]
_BY_SUPPORT = [
    [
        [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0],
        [-0.19, 0.21, 0.28, 0.36, 0.2, 0.19, -0.03, 0.38, 0.27, -0.07, -0.01],
        [-0.1, 0.18, 0.11, 0.01, 0.07, 0.07, 0.11, 0.11, 0.58, 0.01, -0.13],
        [-0.25, -0, -0.02, -0.04, 0.08, 0.12, 0.05, 0.08, 0, 0.22, 0.54],
        [-0.38, 0.13, 0.11, -0.02, 0.09, -0, 0.06, 0.12, 0.13, 0.39, 0.04],
        [-0.2, 0.28, 0.17, -0.1, -0.07, -0.07, 0.14, 0.12, 0.19, 0.07, 0.1],
        [-0.19, 0.43, 0.19, 0.43, 0.16, 0.08, -0.09, -0.13, -0.09, 0.21, 0.08],
        [-0.06, 0.33, 0.84, 0.96, 0.47, 0.64, 0.47, 0.22, 0.08, -0.11, -0.09],
    ],
    [
        [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0],
        [-0.23, 0.08, -0.09, 0, 0.05, 0.11, 0.12, 0.1, 0.14, 0.8, 0.51],
        [-0.25, 0.06, 0.27, 0.05, 0.12, 0.18, 0.09, 0.15, 0.12, -0.14, 0.37],
        [-0.3, 0.02, 0.14, 0.1, 0.23, 0.07, 0.13, 0.16, 0.1, -0.13, 0.25],
        [-0.26, -0.15, 0.11, 0.14, 0.07, 0.12, 0.01, 0.08, 0.2, 0.07, 0.28],
        [-0.18, -0.15, -0.08, 0.25, 0.16, 0.12, 0.19, -0, 0.09, 0.21, 0.05],
        [-0.22, -0.1, 0.01, 0.44, 0.28, 0.34, 0.2, 0.16, -0.03, -0.03, -0],
        [-0.18, -0, 0.43, 0.72, 0.62, 0.77, 0.77, 0.35, 0.24, 0.09, -0.06],
    ],
]
# END
_BY_RANK = [0.20, 0.08, 0.05, 0.03, 0.02, 0.02, 0.01, 0.01]


def initial_factors() -> Float64s:
    """Return the factors that a new drafter starts from: [N_FACTORS]."""
    factors = np.zeros(N_FACTORS)
    factors[BY_ORDER:BY_DOMINANCE] = np.ravel(_BY_ORDER)
    factors[BY_DOMINANCE:BY_COUNT] = np.ravel(_BY_DOMINANCE)
    factors[BY_COUNT:BY_NONE] = np.ravel(_BY_COUNT)
    factors[BY_NONE:BY_SUPPORT] = _BY_NONE
    factors[BY_SUPPORT:BY_RANK] = np.ravel(_BY_SUPPORT)
    factors = np.exp(factors)
    factors[BY_RANK:RATE] = _BY_RANK
    factors[RATE] = LEARNING_RATE
    return factors


@njit(cache=True, nogil=True)
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


@njit(cache=True, nogil=True)
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


@njit(cache=True, nogil=True)
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


@njit(cache=True, nogil=True)
def prob_class(prob: float) -> int:
    """Return the class of a probability: 0 to PROBS - 1."""
    if prob < 0.08:
        return 0 if prob < 0.01 else 1 if prob < 0.03 else 2
    if prob < 0.35:
        return 3 if prob < 0.18 else 4
    if prob < 0.6:
        return 5
    return 6 if prob < 0.85 else 7
