"""Two arms of an experiment side by side.

Users are assigned, not requests, so how sure a difference is follows from how users differ. One
metric is named beforehand; among seventy others, some differ by chance, so theirs are corrected.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final, TypeVar

import numpy as np
from numpy.typing import NDArray

from telemetry.report.estimates import (
    Estimate,
    difference,
    share_interval,
    t_95,
    t_interval,
    two_sided_p,
)
from telemetry.report.metrics import BY_NAME, METRICS, Metric, title, value
from telemetry.report.statistics import ByUser, metric_estimate
from telemetry.report.sums import Sums

K = TypeVar("K", bound=Hashable)

PRIMARY: Final = "acceptance"
EFFECT: Final = 0.05  # the relative difference that the power is told for
_NORMAL_95, _NORMAL_80 = 1.959964, 0.841621  # quantiles of 97.5 % and of 80 %


@dataclass(frozen=True, slots=True)
class Difference:
    """One metric in both arms: `difference` is b less a, with its 95 % interval and p-value.

    Neither is there where an arm has fewer than `estimates.FEWEST` people.
    """

    a: float | None
    b: float | None
    difference: float | None = None
    low: float | None = None
    high: float | None = None
    p_value: float | None = None


@dataclass(frozen=True, slots=True)
class Comparison:
    """Arm `b` against arm `a`, metric by metric.

    The p-value of the metric `primary` is as it is; the others' are corrected together (Holm
    1979), so that in 95 of 100 experiments without any effect none is below 0.05. `needed` is how
    many people each arm needs, in as many `days`, to see a difference of `EFFECT` in the primary
    metric four times in five; None where that cannot be told.
    """

    arm_a: str
    arm_b: str
    users_a: int
    users_b: int
    metrics: dict[str, Difference]
    primary: str = PRIMARY
    needed: int | None = None
    days: int = 0

    @property
    def power(self) -> str:
        """How many people it takes, in words."""
        if self.needed is None:
            return "Too few people to tell how many it takes."
        return (
            f"To see {title(self.primary)} change by {100 * EFFECT:.0f} % of itself four times in "
            f"five, each arm needs {self.needed:,} people for {self.days:,} days like these."
        )


def compare(sums: Sums, arm_a: str, arm_b: str, primary: str = PRIMARY) -> Comparison:
    """Compare two arms of sums that keep every sum by user (`Sums(clustered_arms=True)`).

    Raises ValueError if an arm has no data, or if `primary` is no metric.
    """
    if primary not in BY_NAME:
        raise ValueError(f"no metric {primary!r}; there are: {', '.join(BY_NAME)}")
    known = sums.cells.names["by_arm"][1:]
    for arm in (arm_a, arm_b):
        if arm not in known:
            names = ", ".join(sorted(known)) or "none"
            raise ValueError(f"no arm {arm!r} in the telemetry; there are: {names}")
    (comparison,) = compare_with(sums, arm_a, (arm_b,), primary)
    return comparison


def compare_with(
    sums: Sums, control: str, arms: Sequence[str], primary: str
) -> tuple[Comparison, ...]:
    """Compare each of several arms with one; p-values are corrected for all arms together."""
    of_control = sums.by_user("by_arm", control)
    of_arms = {arm: sums.by_user("by_arm", arm) for arm in arms}
    found = differences_from(of_control, of_arms, primary)
    days = len(sums.cells.names["by_day"]) - 1
    return tuple(
        Comparison(
            control,
            arm,
            int(present(of_control).sum()),
            int(present(own).sum()),
            found[arm],
            primary,
            people_needed(of_control, own, BY_NAME[primary]),
            days,
        )
        for arm, own in of_arms.items()
    )


def present(by_user: ByUser) -> NDArray[np.bool_]:
    """Who has anything in a group, `[users]`."""
    found: NDArray[np.bool_] = np.any([values != 0 for values in by_user.values()], axis=0)
    return found


def differences(a: ByUser, b: ByUser, primary: str) -> dict[str, Difference]:
    """Every metric in two arms, from sums by user, `[users]`; p-values but one are corrected."""
    return differences_from(a, {"b": b}, primary)["b"]


def differences_from(
    control: ByUser, arms: Mapping[str, ByUser], primary: str
) -> dict[str, dict[str, Difference]]:
    """Every metric in each arm against one; those of the primary are corrected by themselves."""
    found = {
        (arm, metric.name): _difference(metric, control, own)
        for arm, own in arms.items()
        for metric in METRICS
    }
    p_values = {key: each.p_value for key, each in found.items() if each.p_value is not None}
    primaries = {key: p for key, p in p_values.items() if key[1] == primary}
    others = {key: p for key, p in p_values.items() if key[1] != primary}
    corrected = holm(primaries) | holm(others)
    return {
        arm: {
            metric.name: replace(found[arm, metric.name], p_value=corrected.get((arm, metric.name)))
            for metric in METRICS
        }
        for arm in arms
    }


def holm(p_values: Mapping[K, float]) -> dict[K, float]:
    """p-values of several tests, corrected so that they hold for all together (Holm 1979)."""
    corrected: dict[K, float] = {}
    least = 0.0
    for index, (name, p) in enumerate(sorted(p_values.items(), key=lambda item: item[1])):
        least = corrected[name] = min(max(least, p * (len(p_values) - index)), 1.0)
    return corrected


def people_needed(a: ByUser, b: ByUser, metric: Metric) -> int | None:
    """People an arm who would show a relative difference of `EFFECT` in 80 of 100 experiments."""
    of_arms = [_estimate(metric, arm) for arm in (a, b)]
    known = [one for one in of_arms if one is not None and one.is_known and one.error > 0]
    if len(known) < 2 or known[0].value <= 0:
        return None
    variance = sum(one.error**2 * one.people for one in known)
    seen = EFFECT * known[0].value
    return int(np.ceil((_NORMAL_95 + _NORMAL_80) ** 2 * variance / seen**2))


def comparison_cells(comparison: Comparison) -> Iterator[tuple[str, ...]]:
    """Each metric that both arms have, in words: title, both values, difference, low, high, p.

    The primary metric comes first, and is marked.
    """
    primary = comparison.primary
    for metric in sorted(METRICS, key=lambda metric: metric.name != primary):
        row = comparison.metrics[metric.name]
        if row.difference is not None:
            numbers = (row.a, row.b, row.difference, row.low, row.high)
            p_value = "–" if row.p_value is None else f"{row.p_value:.3f}"
            name = metric.title + (" (primary)" if metric.name == primary else "")
            yield name, *(value(metric.name, number) for number in numbers), p_value


def _difference(metric: Metric, a: ByUser, b: ByUser) -> Difference:
    of_a, of_b = _estimate(metric, a), _estimate(metric, b)
    if of_a is None or of_b is None:
        values = [found.value if found else None for found in (of_a, of_b)]
        return Difference(*values)
    found = difference(of_a, of_b)
    if not (of_a.is_known and of_b.is_known):
        return Difference(of_a.value, of_b.value, found.value)
    return Difference(of_a.value, of_b.value, found.value, *t_interval(found), two_sided_p(found))


def _estimate(metric: Metric, by_user: ByUser) -> Estimate | None:
    """The metric in an arm; where all agree about a share, with Wilson's error."""
    found = metric_estimate(metric, by_user)
    if found is None or found.error > 0 or metric.unit != "share":
        return found
    low, high = share_interval(found)
    return replace(found, error=(high - low) / 2 / t_95(found.freedom))
