"""How far each kind of match is to be trusted: the weights that blend all orders of context, learned as it drafts.

What follows a context is predicted by a mixture of experts. An expert is one source at one order of context; it says
count(token) / count(any). Its weight in the mixture is a product of three factors, looked up by what its evidence looks
like: how long the match is and whose (`source, order`), how dominant its commonest token is (`order, dominance`), how
much it counted (`source, count`). One more expert, with a weight that depends on the longest order alone, stands for
"none of these". The weights therefore sum to one, and the mixture is a calibrated probability:

    P(token) = sum over experts of weight * count(token) / count(any)      weight = a * b * c / sum of all

After each accepted token the factors follow the gradient of log P(token) (exponentiated gradient; Kivinen and Warmuth
1997), so that they adapt to the workspace and the model at hand. `initial_factors` are what the same rule learned on
88 files of eleven Python packages.

Recycled tokens (`recycling`) have one learned probability per rank instead.
"""

from math import exp
from typing import Any, TypeAlias

import numpy as np
from numba import njit
from numpy.typing import NDArray

Float64s = NDArray[np.float64]
Record: TypeAlias = Any
"""An element of an array of `growing.SCRATCH`."""

SOURCES, ORDERS, DOMINANCES, COUNTS = 3, 10, 6, 6
BY_ORDER = 0
BY_DOMINANCE = BY_ORDER + SOURCES * ORDERS
BY_COUNT = BY_DOMINANCE + ORDERS * DOMINANCES
BY_NONE = BY_COUNT + SOURCES * COUNTS
BY_RANK = BY_NONE + ORDERS + 1
RANKS = 8
N_FACTORS = BY_RANK + RANKS
"""Layout of the array of factors."""

MAX_EXPERTS = SOURCES * ORDERS
LEARNING_RATE = 0.02
_RANK_RATE = 0.01
_LARGEST_FACTOR = 1000.0

_REPOSITORY = [-1.68, -1.32, -0.98, -0.62, -0.33, 0.18, 0.56, 0.98, 1.50, 2.07]
_LIVE = [-0.64, -0.24, -0.17, -0.08, 0.04, 0.54, 0.76, 1.05, 1.20, 1.49]
_DOMINANCE = [
    [-1.17, 0.80, 0.57, -0.32, -0.79, -1.40],
    [-0.73, 1.15, 0.39, -0.03, -0.46, -1.88],
    [-0.63, 1.53, 0.49, -0.06, -0.70, -1.78],
    [-0.56, 1.65, 0.37, 0.15, -0.62, -1.70],
    [-0.27, 1.57, 0.67, 0.16, -0.64, -1.78],
    [-0.14, 1.83, 0.97, 0.27, -0.57, -1.64],
    [0.16, 2.05, 0.85, 0.57, -0.16, -2.15],
    [0.71, 2.68, 1.24, 1.00, -0.46, -3.14],
    [1.29, 3.10, 0.21, 0.31, -0.29, -1.92],
    [1.74, 3.46, 0.22, 0.98, -0.32, -2.53],
]
_REPOSITORY_COUNT = [-0.13, -0.90, -0.40, 0.14, 0.80, 0.83]
_LIVE_COUNT = [0.53, -0.25, 0.38, 0.72, 1.11, 1.47]
_NONE = [-1.12, -0.74, -0.54, -0.18, -0.06, -0.25, -0.41, -0.32, -0.30, -0.39, 0.0]
_DEPENDENCIES_DISCOUNT = -1.0
_RANK = [0.20, 0.08, 0.05, 0.03, 0.02, 0.02, 0.01, 0.01]


def initial_factors() -> Float64s:
    """Return the factors that a new drafter starts from: [N_FACTORS]."""
    factors = np.empty(N_FACTORS)
    dependencies = np.array(_REPOSITORY) + _DEPENDENCIES_DISCOUNT
    factors[BY_ORDER:BY_DOMINANCE] = np.concatenate((_REPOSITORY, _LIVE, dependencies))
    factors[BY_DOMINANCE:BY_COUNT] = np.ravel(_DOMINANCE)
    factors[BY_COUNT:BY_NONE] = np.concatenate((_REPOSITORY_COUNT, _LIVE_COUNT, _REPOSITORY_COUNT))
    factors[BY_NONE:BY_RANK] = _NONE
    np.exp(factors[:BY_RANK], out=factors[:BY_RANK])
    factors[BY_RANK:] = _RANK
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
    """Return the class of how much was counted."""
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
def blend(s: Record, factors: Float64s, n: int, candidates: int, watched: int) -> float:
    """Score what may follow; return the sum of the experts' weights, "none of these" among them.

    Reads the evidence in `s` (a `growing.SCRATCH`), longest match first: n times a candidate, a source, an order class and
    a weight. Writes each candidate's unnormalised probability to `s.score`, the experts consulted to `s.expert`, their
    weights to `s.expert_weight`, and what share the candidate `watched` has for each of them to `s.expert_share`.
    """
    s.counted[:] = 0.0
    s.count[:, :candidates] = 0.0
    s.score[:candidates] = 0.0
    s.experts = 0
    total = factors[BY_NONE + (s.evidence_order[0] if n else ORDERS)]
    begin = 0
    for i in range(n):
        source, candidate, weight = s.evidence_source[i], s.evidence[i], s.evidence_weight[i]
        s.count[source, candidate] += weight
        s.counted[source] += weight
        order = s.evidence_order[i]
        if i + 1 == n or s.evidence_order[i + 1] != order:
            for source in range(SOURCES):
                if _occurs(s.evidence_source[begin : i + 1], source):
                    total += _consult(s, factors, source, order, candidates, watched)
            begin = i + 1
    return total


@njit(cache=True, nogil=True)
def _occurs(values: NDArray[np.int8], wanted: int) -> bool:
    for value in values:  # noqa: SIM110  (any() of a generator does not compile)
        if value == wanted:
            return True
    return False


@njit(cache=True, nogil=True)
def _consult(
    s: Record, factors: Float64s, source: int, order: int, candidates: int, watched: int
) -> float:
    """Add one expert's opinion to the scores; return its weight."""
    counted = s.counted[source]
    largest = 0.0
    count = s.count[source]
    for candidate in range(candidates):
        largest = max(largest, count[candidate])
    expert = s.expert[s.experts]
    expert[0] = BY_ORDER + source * ORDERS + order
    expert[1] = BY_DOMINANCE + order * DOMINANCES + dominance_class(counted, largest)
    expert[2] = BY_COUNT + source * COUNTS + count_class(counted)
    weight = factors[expert[0]] * factors[expert[1]] * factors[expert[2]]
    score, share = s.score, weight / counted
    for candidate in range(candidates):
        score[candidate] += share * count[candidate]
    s.expert_weight[s.experts] = weight
    s.expert_share[s.experts] = count[watched] / counted if watched >= 0 else 0.0
    s.experts += 1
    return float(weight)


@njit(cache=True, nogil=True)
def adapt(s: Record, factors: Float64s, total: float, top_class: int) -> None:
    """Move the factors along the gradient of log P(the token that came), the one `blend` has watched.

    "None of these" is right where no expert gave the token a share.
    """
    explained = 0.0
    for i in range(s.experts):
        explained += s.expert_weight[i] * s.expert_share[i]
    seen = explained > 0.0
    none = BY_NONE + top_class
    none_step = (0.0 if seen else 1.0) - factors[none] / total
    for i in range(s.experts):
        weight = s.expert_weight[i]
        posterior = weight * s.expert_share[i] / explained if seen else 0.0
        step = exp(LEARNING_RATE * (posterior - weight / total))
        for j in range(3):
            _scale(factors, s.expert[i, j], step)
    _scale(factors, none, exp(LEARNING_RATE * none_step))


@njit(cache=True, nogil=True)
def _scale(factors: Float64s, at: int, step: float) -> None:
    factors[at] = min(_LARGEST_FACTOR, max(1 / _LARGEST_FACTOR, factors[at] * step))


@njit(cache=True, nogil=True)
def adapt_rank(factors: Float64s, rank: int, hit: bool) -> None:
    """Count one outcome of the recycled token of this rank."""
    factors[BY_RANK + rank] += _RANK_RATE * ((1.0 if hit else 0.0) - factors[BY_RANK + rank])
