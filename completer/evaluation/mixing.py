"""Fits the mixture's weights: the likeliest ones for what stands in a repository's own files.

With weight w, a token has the probability (1 - w·s)·p_model + w·p_repository, whose logarithm is
concave in w: the likeliest weight is found by bisection of the derivative. Languages with little
evidence lean on the likeliest weight for all.

A greedy answer is exactly right where the truth is the likeliest token at every place, which is not
what the likelihood measures: the log-odds of all weights are raised by `TOWARDS_REPOSITORY`, with
which more answers were exactly right at other carets (docs/benchmarks.md, "The embedded model").
"""

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from completer.calibration import Mixture
from completer.evaluation.forcing import Evidence

TOWARDS_REPOSITORY = 0.5  # added to the log-odds of a weight
_LEANING = 300.0  # tokens that the evidence of all languages counts as
_HIGHEST = 0.98  # the model is never left out: it must be able to say what no repository says
_HALVINGS = 30

Floats = NDArray[np.float64]


def fit_mixture(found: Mapping[str, Sequence[Evidence]]) -> Mixture:
    """Return weights by language that complete the evidence.

    Languages that were not seen get the mean of the others' weights.
    """
    everything = [token for tokens in found.values() for token in tokens]
    weights = {
        language: raised(likeliest_weight(own, everything)) for language, own in found.items()
    }
    return Mixture(round(sum(weights.values()) / max(1, len(weights)), 3), weights)


def raised(weight: float) -> float:
    """Return a weight whose log-odds are `TOWARDS_REPOSITORY` higher."""
    odds = weight * np.exp(TOWARDS_REPOSITORY)
    return round(float(min(_HIGHEST, odds / (1 - weight + odds))), 3)


def likeliest_weight(own: Sequence[Evidence], whole: Sequence[Evidence]) -> float:
    """Return the weight that makes `own` likeliest, and `whole`, which counts `_LEANING` tokens."""
    tokens = [*own, *whole]
    if not tokens:
        return 0.0
    counts = np.array([1.0] * len(own) + [min(1.0, _LEANING / len(whole))] * len(whole))
    model = np.array([each.model for each in tokens])
    gain = np.array([each.repository - each.confidence * each.model for each in tokens])
    low, high = 0.0, _HIGHEST
    for _ in range(_HALVINGS):
        middle = (low + high) / 2
        slope = counts @ (gain / np.maximum(model + middle * gain, 1e-9))
        low, high = (middle, high) if slope > 0 else (low, middle)
    return low
