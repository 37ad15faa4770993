"""Figures: a metric's value, and what is known about it beyond that."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from telemetry.report.columns import Floats
from telemetry.report.metrics import LATENCIES, Metric, Totals, total, value

Z_95: Final = 1.959963984540054
DRAWS: Final = 1_000
_SEED: Final = 20_240  # the same data give the same report


@dataclass(frozen=True, slots=True)
class Figure:
    """A value with what is known about it: 95 % interval, number of observations, blind spots.

    `censored_share` is the part of the observations whose outcome could not be seen,
    `inferred_share` the part of the events that a client did not report itself.
    """

    value: float | None
    n: int
    low: float | None = None
    high: float | None = None
    censored_share: float = 0.0
    inferred_share: float = 0.0


def wilson(successes: float, trials: float) -> tuple[float, float]:
    """The 95 % interval of a proportion (Wilson 1927); `trials` must not be 0."""
    share = min(max(successes / trials, 0.0), 1.0)
    spread = Z_95 * math.sqrt(share * (1 - share) / trials + Z_95**2 / (4 * trials**2))
    middle = share + Z_95**2 / (2 * trials)
    scale = 1 + Z_95**2 / trials
    return max((middle - spread) / scale, 0.0), min((middle + spread) / scale, 1.0)


def user_draws(users: int, draws: int = DRAWS) -> NDArray[np.float32]:
    """How often each bootstrap draw takes each user: `[draws, users]`, `users` taken a draw."""
    rng = np.random.default_rng(_SEED)
    weights = np.empty((draws, users), dtype=np.float32)
    for row in weights:
        row[:] = np.bincount(rng.integers(0, users, users), minlength=users)
    return weights


def drawn_sums(
    by_user: Mapping[str, NDArray[np.float32]], draws: NDArray[np.float32]
) -> dict[str, Floats]:
    """Sums over users in each bootstrap draw: `{name: [users]}` becomes `{name: [draws]}`."""
    sums = draws @ np.stack(list(by_user.values()), axis=1)  # [draws, sums]
    return {name: sums[:, index].astype(np.float64) for index, name in enumerate(by_user)}


def percentile_interval(samples: Floats) -> tuple[float, float] | None:
    """The middle 95 % of bootstrap samples; None without any."""
    if len(samples) == 0:
        return None
    low, high = np.percentile(samples, [2.5, 97.5])
    return float(low), float(high)


def quantile_interval(ordered: Floats, share: float) -> tuple[float, float, float]:
    """A quantile of sorted values and its distribution-free 95 % interval (order statistics)."""
    count = len(ordered)
    spread = Z_95 * math.sqrt(count * share * (1 - share))
    low = max(math.floor(count * share - spread), 0)
    high = min(math.ceil(count * share + spread), count - 1)
    below = math.floor((count - 1) * share)  # the quantile lies between this value and the next
    value = float(np.quantile(ordered[below : below + 2], (count - 1) * share - below))
    return value, min(float(ordered[low]), value), max(float(ordered[high]), value)


def two_sided_p(difference: float, deviation: float) -> float:
    """The chance of a difference at least this large if there were none (normal approximation)."""
    if deviation == 0:
        return 1.0 if difference == 0 else 0.0
    return math.erfc(abs(difference) / deviation / math.sqrt(2))


def figure(metric: Metric, totals: Totals, drawn: Mapping[str, Floats] | None) -> Figure:
    """A metric of one group, from its sums and the same sums in each bootstrap draw of users.

    `drawn` is None where there are too few users to draw from; a ratio then has no interval.
    """
    observed, censored_share = int(totals[metric.count]), _censored_share(metric, totals)
    value = metric.value(totals)
    if value is None:
        return Figure(None, observed, censored_share=censored_share)
    low, high = _interval(metric, totals, drawn) or (None, None)
    events = total(totals, metric.events)
    inferred_share = total(totals, metric.inferred) / events if events else 0.0
    return Figure(value, observed, low, high, censored_share, inferred_share)


def _interval(
    metric: Metric, totals: Totals, drawn: Mapping[str, Floats] | None
) -> tuple[float, float] | None:
    if metric.is_proportion:
        return wilson(total(totals, metric.numerator), total(totals, metric.denominator))
    return None if drawn is None else percentile_interval(samples(metric, drawn))


def samples(metric: Metric, drawn: Mapping[str, Floats]) -> Floats:
    """The metric in each bootstrap draw in which it is defined."""
    numerator, denominator = (
        np.sum([drawn[name] for name in names], axis=0)
        for names in (metric.numerator, metric.denominator)
    )
    defined = denominator > 0
    ratios: Floats = numerator[defined] / denominator[defined]
    return ratios


def _censored_share(metric: Metric, totals: Totals) -> float:
    if metric.censored is None:
        return 0.0
    censored = max(totals[metric.censored], 0.0)
    everything = censored + totals[metric.count]
    return censored / everything if everything else 0.0


def latency_figures(ordered: Floats) -> dict[str, Figure]:
    """Percentiles of the time from request to reply, from sorted milliseconds."""
    if len(ordered) == 0:
        return {name: Figure(None, 0) for name in LATENCIES}
    return {
        name: Figure(value, len(ordered), low, high)
        for name, share in LATENCIES.items()
        for value, low, high in [quantile_interval(ordered, share)]
    }


def interval(name: str, figure: Figure) -> str:
    """The 95 % interval, or nothing where there is none."""
    if figure.low is None or figure.high is None:
        return ""
    return f"{value(name, figure.low)} to {value(name, figure.high)}"


def cells(name: str, figure: Figure) -> tuple[str, ...]:
    """A figure in words: value, interval, n, censored and inferred shares."""
    return (
        value(name, figure.value),
        interval(name, figure),
        f"{figure.n:,}",
        share(figure.censored_share),
        share(figure.inferred_share),
    )


def share(number: float) -> str:
    """A share of observations, blank if there are none."""
    return f"{100 * number:.1f} %" if number else ""
