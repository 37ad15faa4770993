"""A calibrated probability from a handful of numbers: an additive scorecard, readable as it stands.

Each feature's value falls into one of a few bins, each bin has its points, and the sum of all
points is the log-odds of the outcome: a logistic regression over binned features. Whoever opens the
file sees what counts for a completion and what against it.
"""

import math
from bisect import bisect_right
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Self


@dataclass(frozen=True, slots=True)
class Scale:
    """The points for one feature: `points[i]` below `edges[i]`, the last from the last edge on."""

    edges: tuple[float, ...]
    points: tuple[float, ...]

    def __post_init__(self) -> None:
        if len(self.points) != len(self.edges) + 1 or list(self.edges) != sorted(self.edges):
            raise ValueError("a scale has ascending edges, and one point more than edges")

    def of(self, value: float) -> float:
        """Return the points for a value."""
        return self.points[bisect_right(self.edges, value)]


@dataclass(frozen=True, slots=True)
class Scorecard:
    """The log-odds of an outcome: `intercept` and the points of each feature."""

    intercept: float
    scales: Mapping[str, Scale]

    def probability(self, features: Mapping[str, float]) -> float:
        """Return the outcome's probability. Raises `KeyError` for a feature that is missing."""
        score = self.intercept
        for name, scale in self.scales.items():
            score += scale.of(features[name])
        return 1.0 / (1.0 + math.exp(-score))

    def to_json(self) -> dict[str, Any]:
        """Return what `from_json` reads."""
        return {
            "intercept": self.intercept,
            "features": {
                name: {"edges": list(scale.edges), "points": list(scale.points)}
                for name, scale in self.scales.items()
            },
        }

    @classmethod
    def from_json(cls, values: Mapping[str, Any]) -> Self:
        """Read a scorecard. Raises `KeyError`, `TypeError` or `ValueError` for anything else."""
        scales = {
            str(name): Scale(tuple(map(float, scale["edges"])), tuple(map(float, scale["points"])))
            for name, scale in values["features"].items()
        }
        return cls(float(values["intercept"]), scales)
