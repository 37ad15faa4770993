"""Figures: a metric's value, and what is known about it beyond that."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from telemetry.report.columns import Codes, Floats
from telemetry.report.estimates import (
    FEWEST,
    Estimate,
    Numbers,
    estimate,
    share_interval,
    t_95,
    t_interval,
)
from telemetry.report.metrics import LATENCIES, Metric, Totals, total, value

ByUser = Mapping[str, NDArray[np.floating]]

FEW: Final = f"< {FEWEST} people"  # in place of an interval: so few cannot tell


@dataclass(frozen=True, slots=True)
class Figure:
    """A value with what is known about it: 95 % interval, number of observations, blind spots.

    `censored_share` is the part of the observations whose outcome could not be seen,
    `inferred_share` the part of the events that a client did not report itself, `people` how many
    people the value is from, None where that is not counted.
    """

    value: float | None
    n: int
    low: float | None = None
    high: float | None = None
    censored_share: float = 0.0
    inferred_share: float = 0.0
    people: int | None = None


def figure(metric: Metric, totals: Totals, by_user: ByUser) -> Figure:
    """A metric of one group, from its sums and the same sums by user, `{name: [users]}`.

    Where there are fewer than `FEWEST` people, or a sum is not kept by user, it has no interval.
    """
    observed, censored_share = int(totals[metric.count]), _censored_share(metric, totals)
    value = metric.value(totals)
    if value is None:
        return Figure(None, observed, censored_share=censored_share)
    events = total(totals, metric.events)
    inferred_share = total(totals, metric.inferred) / events if events else 0.0
    found = metric_estimate(metric, by_user)
    ends = _interval(found, metric.unit == "share")
    people = found.people if found else None
    return Figure(value, observed, *ends, censored_share, inferred_share, people)


def metric_estimate(metric: Metric, by_user: ByUser) -> Estimate | None:
    """A metric with its error over people; None if nobody has any, or sums are not kept by user."""
    if not all(name in by_user for name in (*metric.numerator, *metric.denominator)):
        return None
    return estimate(added(metric.numerator, by_user), added(metric.denominator, by_user))


def added(names: Sequence[str], by_user: ByUser) -> NDArray[np.floating]:
    """Sums added up for each user, `[users]`."""
    total: NDArray[np.floating] = np.sum([by_user[name] for name in names], axis=0)
    return total


def proportion(count: Numbers, of: Numbers) -> Figure:
    """The share of some cases in others, given both by user, `[users]`."""
    found = estimate(count, of)
    if found is None:
        return Figure(None, 0)
    ends = _interval(found, is_share=True)
    return Figure(found.value, int(count.sum()), *ends, people=found.people)


def _interval(found: Estimate | None, is_share: bool) -> tuple[float | None, float | None]:
    if found is None or not found.is_known:
        return None, None
    if is_share and found.value <= 1:
        return share_interval(found)
    low, high = t_interval(found)
    return (max(low, 0.0), high) if found.error > 0 else (None, None)


def _censored_share(metric: Metric, totals: Totals) -> float:
    if metric.censored is None:
        return 0.0
    censored = max(totals[metric.censored], 0.0)
    everything = censored + totals[metric.count]
    return censored / everything if everything else 0.0


def latency_figures(ordered: Floats, users: Codes) -> dict[str, Figure]:
    """Percentiles of the time from request to reply, from sorted milliseconds and whose they are.

    An interval's ends are the times below which the ends of the share's interval lie (Woodruff
    1952).
    """
    if len(ordered) == 0:
        return {name: Figure(None, 0) for name in LATENCIES}
    of_users = np.bincount(users)
    figures = {}
    for name, share in LATENCIES.items():
        rank = (len(ordered) - 1) * share
        value = float(np.quantile(ordered[math.floor(rank) : math.floor(rank) + 2], rank % 1))
        count = np.searchsorted(ordered, value, side="right")
        found = estimate(np.bincount(users[:count], minlength=len(of_users)), of_users)
        low, high, people = _times_around(ordered, share, found)
        figures[name] = Figure(value, len(ordered), low, high, people=people)
    return figures


def _times_around(
    ordered: Floats, share: float, found: Estimate | None
) -> tuple[float | None, float | None, int | None]:
    """The ends of a percentile's interval, and how many people it is from."""
    if found is None or not found.is_known:
        return None, None, found.people if found else None
    reach = t_95(found.freedom) * found.error
    low, high = np.clip([share - reach, share + reach], 0, 1) * (len(ordered) - 1)
    return float(ordered[math.floor(low)]), float(ordered[math.ceil(high)]), found.people


def interval(name: str, figure: Figure) -> str:
    """The 95 % interval; where there is none, why."""
    if figure.low is None or figure.high is None:
        return FEW if figure.people is not None and figure.people < FEWEST else ""
    return f"{value(name, figure.low)} to {value(name, figure.high)}"


def cells(name: str, figure: Figure) -> tuple[str, ...]:
    """A figure in words: value, interval, n, people, censored and inferred shares."""
    return (
        value(name, figure.value),
        interval(name, figure),
        f"{figure.n:,}",
        "" if figure.people is None else f"{figure.people:,}",
        share(figure.censored_share),
        share(figure.inferred_share),
    )


def share(number: float) -> str:
    """A share of observations, blank if there are none."""
    return f"{100 * number:.1f} %" if number else ""
