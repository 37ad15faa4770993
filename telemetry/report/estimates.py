"""How sure a ratio of sums is, as an estimate for people like those who were observed.

People are what was drawn, not suggestions: one person's suggestions resemble each other, and a few
people make most of them. So the variance of a ratio comes from how far it moves without each
person (the jackknife of a ratio estimator, Cochran 1977, 6.17, as HC3 scales it, MacKinnon and
White 1985), and Student's t makes up for few people. As many people as would weigh the same (Kish
1965) give it too many degrees of freedom where those who write most also accept more, and Bell and
McCaffrey's (2002), of errors alike for all, too few elsewhere: it has their geometric mean, by
simulation (`python -m benchmarks intervals`).
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from telemetry.report.columns import Floats

Numbers = NDArray[np.floating] | NDArray[np.integer]

FEWEST: Final = 10  # people, below whom a report cannot tell how sure a figure is
_ALL_BUT_EVERYTHING: Final = 0.999
_ROUNDING: Final = 1e-9  # of a ratio: less is no difference between people
_MOST_FREEDOM: Final = 10_000.0  # from here on, Student's t is the normal distribution
_ANGLES: Final = np.linspace(0, math.pi / 2, 4097)


@dataclass(frozen=True, slots=True)
class Estimate:
    """A ratio of sums over people: its standard error, and that one's degrees of freedom.

    `people` counts those who have anything in either sum.
    """

    value: float
    error: float
    freedom: float
    people: int

    @property
    def is_known(self) -> bool:
        """Whether there are enough people to say how sure the value is."""
        return self.people >= FEWEST


def estimate(above: Numbers, below: Numbers) -> Estimate | None:
    """The ratio of two sums over people, given each one's parts, `[people]`; None without any."""
    present = (below > 0) | (above != 0)
    y, x = above[present].astype(np.float64), below[present].astype(np.float64)
    whole = float(x.sum())
    if whole <= 0:
        return None
    weights, ratio = x / whole, float(y.sum()) / whole
    concentration = float(weights @ weights)
    if concentration >= 1:
        return Estimate(ratio, 0.0, 1.0, len(x))
    residuals = (y / whole - ratio * weights) / (1 - weights)
    freedom = math.sqrt(max(1 / concentration - 1, 1.0) * _bell_mccaffrey(weights))
    error = math.sqrt(float(residuals @ residuals))
    freedom = min(max(freedom, 1.0), _MOST_FREEDOM)
    return Estimate(ratio, error if error > _ROUNDING * ratio else 0.0, freedom, len(x))


def _bell_mccaffrey(weights: Floats) -> float:
    """Degrees of freedom of the error where everybody's ratio varies alike, from weights (sum 1).

    With D the weights of squared residuals in the variance and M what makes residuals of ratios,
    tr(DMM')² / tr((DMM')²), multiplied out so that it takes no matrix. Where one person is all but
    everything it is 1, and would be what rounding leaves of differences.
    """
    if weights.max() > _ALL_BUT_EVERYTHING:
        return 1.0
    d, s = weights**2 / (1 - weights) ** 2, float(weights @ weights)
    d0, d1, d2 = (float((d * weights**power).sum()) for power in range(3))
    trace = float((d * (1 - 2 * weights + s)).sum())
    own = float((d**2 * (1 - 4 * weights + 2 * s)).sum())
    return trace**2 / (own + (s * d0) ** 2 - 4 * s * d0 * d1 + 2 * d0 * d2 + 2 * d1**2)


def difference(a: Estimate, b: Estimate) -> Estimate:
    """What `b` has more than `a`; degrees of freedom by Welch (1947)."""
    parts = (a.error**2, b.error**2)
    error = sum(parts)
    spread = parts[0] ** 2 / a.freedom + parts[1] ** 2 / b.freedom
    freedom = error**2 / spread if spread > 0 else 1.0
    return Estimate(b.value - a.value, math.sqrt(error), freedom, min(a.people, b.people))


def t_95(freedom: float) -> float:
    """What 95 % of Student's t lie within, above and below 0."""
    angle = np.interp(0.95, _shares(freedom), _ANGLES)
    return math.sqrt(freedom) * math.tan(float(angle))


def two_sided_p(found: Estimate) -> float:
    """The chance of a value at least as far from 0 if it were 0 in truth."""
    if found.error == 0:
        return 1.0 if found.value == 0 else 0.0
    angle = math.atan(abs(found.value) / found.error / math.sqrt(found.freedom))
    return 1.0 - float(np.interp(angle, _ANGLES, _shares(found.freedom)))


def t_interval(found: Estimate) -> tuple[float, float]:
    """The 95 % interval of an estimate."""
    reach = t_95(found.freedom) * found.error
    return found.value - reach, found.value + reach


def share_interval(found: Estimate) -> tuple[float, float]:
    """The 95 % interval of a share, of 1 at most: Wilson's (1927), for people instead of cases.

    It takes as many independent cases as would have the estimate's error, and Student's t (Franco
    et al. 2019). Where all people agree, each counts as one case.
    """
    share = min(max(found.value, 0.0), 1.0)
    cases = found.freedom + 1
    if found.error > 0 and 0 < share < 1:
        cases = share * (1 - share) / found.error**2
    t = t_95(found.freedom)
    spread = t * math.sqrt(share * (1 - share) / cases + t**2 / (4 * cases**2))
    middle, scale = share + t**2 / (2 * cases), 1 + t**2 / cases
    low, high = (middle - spread) / scale, (middle + spread) / scale
    return max(low, 0.0) if share > 0 else 0.0, min(high, 1.0) if share < 1 else 1.0


def _shares(freedom: float) -> Floats:
    """The shares of Student's t within `_ANGLES`, whose tangents are t over √freedom.

    Over these angles its density is cosine to the power of freedom less one.
    """
    density = np.cos(_ANGLES) ** (freedom - 1)
    shares: Floats = np.concatenate([[0.0], np.cumsum(density[1:] + density[:-1])])
    shares /= shares[-1]
    return shares
