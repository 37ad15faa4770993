"""How good a probability is: expected calibration error, Brier skill, and what a threshold does."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

BINS = 15

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Bin:
    """Predictions of like height: their number, their mean, and how often the outcome came."""

    n: int
    predicted: float
    observed: float


def bins(predicted: Floats, right: Floats, weights: Floats | None = None) -> list[Bin]:
    """Cut predictions [n] in `BINS` of equal mass, the lowest first; `right` [n] is 0 or 1.

    `weights` [n] count a prediction more or less than once.
    """
    weights = np.ones(len(predicted)) if weights is None else weights
    order = np.argsort(predicted, kind="stable")
    return [
        Bin(
            len(part),
            float(np.average(predicted[part], weights=weights[part])),
            float(np.average(right[part], weights=weights[part])),
        )
        for part in np.array_split(order, BINS)
        if len(part)
    ]


def calibration_error(found: Sequence[Bin]) -> float:
    """Return the expected calibration error: the bins' mean distance from the diagonal."""
    total = sum(each.n for each in found)
    return sum(each.n * abs(each.predicted - each.observed) for each in found) / total


def brier_skill(predicted: Floats, right: Floats, weights: Floats | None = None) -> float:
    """Return 1 - (Brier score / that of always saying the base rate): 1 perfect, 0 no use."""
    base = np.average(right, weights=weights)
    of_base = np.average((right - base) ** 2, weights=weights)
    if of_base == 0:
        return 0.0
    return float(1.0 - np.average((predicted - right) ** 2, weights=weights) / of_base)


def reliability(predicted: Floats, right: Floats, weights: Floats | None = None) -> dict[str, Any]:
    """Return both measures and the bins, as `--json` prints them."""
    found = bins(predicted, right, weights)
    return {
        "n": len(predicted),
        "n_right": int(right.sum()),
        "ece": round(calibration_error(found), 4),
        "brier_skill": round(brier_skill(predicted, right, weights), 4),
        "bins": [{name: round(value, 4) for name, value in asdict(each).items()} for each in found],
    }
