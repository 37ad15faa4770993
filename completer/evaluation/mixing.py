"""Fits the mixture's weights: the likeliest ones for what stands in a repository's own files.

With weight w, a token has the probability (1 - w·s)·p_model + w·p_repository, whose logarithm is
concave in w: in each class of match length and confidence, the best weight is found by bisection of
the derivative. Classes with little evidence lean on the best weight for all.
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from completer.engine.mixture import CONFIDENCES, LENGTHS, Mixture, classes
from completer.evaluation.forcing import Evidence

_LEANING = 300.0  # tokens that the evidence of all classes counts as
_HIGHEST = 0.98  # the model is never left out: it must be able to say what no repository says
_HALVINGS = 30

Floats = NDArray[np.float64]


def fit_mixture(found: Sequence[Evidence]) -> Mixture:
    """Return the weights that make the evidence likeliest."""
    cells: dict[tuple[int, int], list[Evidence]] = {}
    for each in found:
        cells.setdefault(classes(each.match_length, each.confidence), []).append(each)
    rows = []
    for length in range(len(LENGTHS) + 1):
        row = []
        for confidence in range(len(CONFIDENCES) + 1):
            own = cells.get((length, confidence), [])
            row.append(round(_best_weight(own, found), 3))
        rows.append(tuple(row))
    return Mixture(tuple(rows))


def _best_weight(own: Sequence[Evidence], whole: Sequence[Evidence]) -> float:
    """Return the best weight for `own`, to which `whole` adds as much as `_LEANING` tokens."""
    everything = [*own, *whole]
    if not everything:
        return 0.0
    share = min(1.0, _LEANING / len(whole))
    counts = np.array([1.0] * len(own) + [share] * len(whole))
    model = np.array([each.model for each in everything])
    gain = np.array([each.repository - each.confidence * each.model for each in everything])
    low, high = 0.0, _HIGHEST
    for _ in range(_HALVINGS):
        middle = (low + high) / 2
        slope = counts @ (gain / np.maximum(model + middle * gain, 1e-9))
        low, high = (middle, high) if slope > 0 else (low, middle)
    return low
