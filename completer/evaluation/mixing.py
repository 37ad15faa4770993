"""Fits the mixture's weights: the likeliest ones for what stands in a repository's own files.

With weight w, a token has the probability (1 - w·s)·p_model + w·p_repository, whose logarithm is
concave in w: the best weight is found by bisection of the derivative. Languages with little
evidence lean on the best weight for all.
"""

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from completer.calibration import Mixture
from completer.evaluation.forcing import Evidence

_LEANING = 300.0  # tokens that the evidence of all languages counts as
_HIGHEST = 0.98  # the model is never left out: it must be able to say what no repository says
_HALVINGS = 30

Floats = NDArray[np.float64]


def fit_mixture(found: Mapping[str, Sequence[Evidence]]) -> Mixture:
    """Return the weights that make the evidence, by language, likeliest.

    Languages that were not seen get the mean of the others' weights.
    """
    everything = [token for tokens in found.values() for token in tokens]
    weights = {language: _best_weight(own, everything) for language, own in found.items()}
    return Mixture(round(sum(weights.values()) / max(1, len(weights)), 3), weights)


def _best_weight(own: Sequence[Evidence], whole: Sequence[Evidence]) -> float:
    """Return the best weight for `own`, to which `whole` adds as much as `_LEANING` tokens."""
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
    return round(low, 3)
