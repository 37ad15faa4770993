"""Blends all orders of context and all sources into one probability, and learns to do it better.

What follows a context is predicted by a mixture of experts. An expert is one source at one order of
context; it says count(token) / count(any). Its weight in the mixture is a product of three factors,
looked up by what its evidence looks like: how long the match is and whose (source, order), how
dominant its commonest token is (order, dominance), how much it counted (source, count). One more
expert, whose weight depends on the longest order alone, stands for "none of these":

    P(token) = sum over experts of weight * count(token) / count(any), divided by all weights

What a mixture cannot say, that live and saved text agreeing is worth more than either, a second
step adds: the odds of P are multiplied by one factor for the longest live match behind the token,
one for the longest other match and one for the longest alignment.

After each accepted token the factors follow the gradient of its log-probability (exponentiated
gradient; Kivinen and Warmuth 1997), so that they adapt to the workspace and the model at hand.
"""

from math import exp

import numpy as np
from numpy.typing import NDArray

from completer.drafting.calibration import (
    BY_COUNT,
    BY_DOMINANCE,
    BY_NONE,
    BY_ORDER,
    BY_SUPPORT,
    COUNTS,
    DOMINANCES,
    ORDERS,
    PROBS,
    RATE,
    SIDES,
    SOURCES,
    EvidenceSource,
    count_class,
    dominance_class,
    prob_class,
)
from completer.drafting.jit import kernel
from completer.drafting.scratch import ExpertMixture, OccurrenceEvidence

Float64s = NDArray[np.float64]

_LARGEST_FACTOR = 1000.0
_LEAST_LEARNED = 0.01
_RANK_RATE = 0.01


@kernel
def blend(
    evidence: OccurrenceEvidence,
    mixture: ExpertMixture,
    factors: Float64s,
    n: int,
    candidates: int,
    watched: int,
) -> float:
    """Score what may follow; return the sum of all weights, "none of these" among them.

    Reads n pieces of evidence, writes the mixture's scores of so many candidates, and the experts
    consulted, with what the candidate `watched` (-1: none) has of each one's counts.
    """
    mixture.counted[:] = 0.0
    mixture.fresh[:] = 0
    mixture.count[:, :candidates] = 0.0
    mixture.score[:candidates] = 0.0
    mixture.experts = 0
    total = factors[BY_NONE + (evidence.order[0] if n else ORDERS)]
    for i in range(n):
        _count(mixture, evidence.source[i], evidence.candidate[i], evidence.weight[i])
        if evidence.close[i]:
            in_folder = evidence.source[i] == EvidenceSource.REPOSITORY
            close = EvidenceSource.NEARBY if in_folder else EvidenceSource.RECENT
            _count(mixture, close, evidence.candidate[i], evidence.weight[i])
        order = evidence.order[i]
        if i + 1 == n or evidence.order[i + 1] != order:
            for source in range(SOURCES):
                if mixture.fresh[source]:
                    total += _consult(mixture, factors, source, order, candidates, watched)
            mixture.fresh[:] = 0
    return float(total)


@kernel
def _count(mixture: ExpertMixture, source: int, candidate: int, weight: float) -> None:
    mixture.count[source, candidate] += weight
    mixture.counted[source] += weight
    mixture.fresh[source] = 1


@kernel
def _consult(
    mixture: ExpertMixture,
    factors: Float64s,
    source: int,
    order: int,
    candidates: int,
    watched: int,
) -> float:
    """Add one expert's opinion to the scores; return its weight."""
    count, counted, score = mixture.count[source], mixture.counted[source], mixture.score
    largest = 0.0
    for candidate in range(candidates):
        largest = max(largest, count[candidate])
    expert = mixture.expert[mixture.experts]
    expert[0] = BY_ORDER + source * ORDERS + order
    expert[1] = BY_DOMINANCE + order * DOMINANCES + dominance_class(counted, largest)
    expert[2] = BY_COUNT + source * COUNTS + count_class(counted)
    weight: float = factors[expert[0]] * factors[expert[1]] * factors[expert[2]]
    share = weight / counted
    for candidate in range(candidates):
        score[candidate] += share * count[candidate]
    mixture.expert_weight[mixture.experts] = weight
    mixture.expert_share[mixture.experts] = count[watched] / counted if watched >= 0 else 0.0
    mixture.experts += 1
    return weight


@kernel
def agree(factors: Float64s, prob: float, support: NDArray[np.int8]) -> float:
    """Return a blended probability after the second step.

    support: [3] order class + 1 of the longest live match, of the longest other match, and of the
    longest alignment; 0 for none.
    """
    first, odds = _first_support(prob), prob / max(1e-6, 1.0 - prob)
    for side in range(SIDES):
        odds *= factors[first + side * PROBS * (ORDERS + 1) + support[side]]
    return odds / (1.0 + odds)


@kernel
def _first_support(prob: float) -> int:
    """Return where the factors of the second step begin for a probability, of the first side."""
    return BY_SUPPORT + prob_class(prob) * (ORDERS + 1)


@kernel
def adapt(
    evidence: OccurrenceEvidence,
    mixture: ExpertMixture,
    factors: Float64s,
    total: float,
    candidates: int,
    watched: int,
) -> None:
    """Learn from what `blend` has just scored that `watched` (-1: none of them) came."""
    for candidate in range(candidates):
        prob = mixture.score[candidate] / total
        if prob >= _LEAST_LEARNED:
            support = evidence.support[candidate]
            error = (candidate == watched) - agree(factors, prob, support)
            first = _first_support(prob)
            for side in range(SIDES):
                at = first + side * PROBS * (ORDERS + 1) + support[side]
                _scale(factors, at, factors[RATE] * error)
    explained = mixture.score[watched] if watched >= 0 else 0.0
    none = BY_NONE + evidence.order[0]
    none_error = (0.0 if watched >= 0 else 1.0) - factors[none] / total
    for i in range(mixture.experts):
        weight = mixture.expert_weight[i]
        posterior = weight * mixture.expert_share[i] / explained if watched >= 0 else 0.0
        for j in range(3):
            _scale(factors, mixture.expert[i, j], factors[RATE] * (posterior - weight / total))
    _scale(factors, none, factors[RATE] * none_error)


@kernel
def _scale(factors: Float64s, at: int, step: float) -> None:
    factors[at] = min(_LARGEST_FACTOR, max(1 / _LARGEST_FACTOR, factors[at] * exp(step)))


@kernel
def adapt_rank(factors: Float64s, at: int, hit: bool) -> None:
    """Count one outcome of the recycled tokens of one rank."""
    factors[at] += _RANK_RATE * ((1.0 if hit else 0.0) - factors[at])
