"""Intervals and tests for proportions, single and paired; all intervals are of 95 %."""

from collections.abc import Sequence
from dataclasses import dataclass
from math import comb, sqrt
from statistics import NormalDist

_Z = NormalDist().inv_cdf(0.975)


@dataclass(frozen=True, slots=True)
class Pairs:
    """Counts of paired outcomes: right in both, only in the first, only in the second, in none."""

    both: int
    only_first: int
    only_second: int
    none: int

    @property
    def n(self) -> int:
        """All pairs."""
        return self.both + self.only_first + self.only_second + self.none

    @property
    def difference(self) -> float:
        """The first's proportion less the second's."""
        return (self.only_first - self.only_second) / self.n


def wilson(successes: int, n: int) -> tuple[float, float]:
    """The interval of a proportion (Wilson 1927); `n` must not be 0."""
    share, slack = successes / n, _Z * _Z / n
    centre = (share + slack / 2) / (1 + slack)
    half = sqrt(share * (1 - share) * slack + slack * slack / 4) / (1 + slack)
    return max(0.0, centre - half), min(1.0, centre + half)


def median_interval(values: Sequence[float]) -> tuple[float, float, float]:
    """The median and its interval, from the order statistics of a binomial."""
    ordered = sorted(values)
    half_width = _Z * 0.5 * sqrt(len(ordered))
    low = ordered[max(0, int(len(ordered) / 2 - half_width))]
    high = ordered[min(len(ordered) - 1, int(len(ordered) / 2 + half_width))]
    return ordered[len(ordered) // 2], low, high


def mcnemar(pairs: Pairs) -> float:
    """Two-sided p-value of McNemar's test, exact: are the two equally often right alone?"""
    discordant = pairs.only_first + pairs.only_second
    fewer = min(pairs.only_first, pairs.only_second)
    tail = sum(comb(discordant, k) for k in range(fewer + 1))
    return float(min(1.0, 2 * tail / 2**discordant)) if discordant else 1.0


def difference_interval(pairs: Pairs) -> tuple[float, float]:
    """The interval of `pairs.difference` (Newcombe 1998, method 10); `pairs.n` must not be 0."""
    first, second = pairs.both + pairs.only_first, pairs.both + pairs.only_second
    low_1, high_1 = wilson(first, pairs.n)
    low_2, high_2 = wilson(second, pairs.n)
    p_1, p_2, phi = first / pairs.n, second / pairs.n, _correlation(pairs)
    low = pairs.difference - _square_and_add(p_1 - low_1, high_2 - p_2, phi)
    high = pairs.difference + _square_and_add(high_1 - p_1, p_2 - low_2, phi)
    return max(-1.0, low), min(1.0, high)  # rounding must not lead beyond what can be


def _square_and_add(one: float, other: float, phi: float) -> float:
    return sqrt(max(0.0, one * one - 2 * phi * one * other + other * other))


def _correlation(pairs: Pairs) -> float:
    """Estimate phi with Newcombe's correction, which keeps it from being too large."""
    first, second = pairs.both + pairs.only_first, pairs.both + pairs.only_second
    spread = first * (pairs.n - first) * second * (pairs.n - second)
    if not spread:
        return 0.0
    product = pairs.both * pairs.none - pairs.only_first * pairs.only_second
    corrected = max(0.0, product - pairs.n / 2) if product > 0 else product
    return corrected / sqrt(spread)
