"""Two arms of an experiment side by side.

Users are assigned, not requests, so users are what the bootstrap draws: intervals stay honest
where a few users make most of the events.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from telemetry.report.columns import Floats, Floats32
from telemetry.report.metrics import METRICS, value
from telemetry.report.statistics import (
    drawn_sums,
    percentile_interval,
    samples,
    two_sided_p,
    user_draws,
)
from telemetry.report.sums import Sums


@dataclass(frozen=True, slots=True)
class Difference:
    """One metric in both arms: `difference` is b less a, with its 95 % interval and p-value."""

    a: float | None
    b: float | None
    difference: float | None
    low: float | None
    high: float | None
    p_value: float | None


@dataclass(frozen=True, slots=True)
class Comparison:
    """Arm `b` against arm `a`, metric by metric."""

    arm_a: str
    arm_b: str
    users_a: int
    users_b: int
    metrics: dict[str, Difference]


def compare(sums: Sums, arm_a: str, arm_b: str) -> Comparison:
    """Compare two arms of sums that keep every sum by user (`Sums(clustered_arms=True)`).

    Raises ValueError if an arm has no data.
    """
    known = sums.cells.names["by_arm"][1:]
    for arm in (arm_a, arm_b):
        if arm not in known:
            names = ", ".join(sorted(known)) or "none"
            raise ValueError(f"no arm {arm!r} in the telemetry; there are: {names}")
    totals = [sums.totals("by_arm", arm) for arm in (arm_a, arm_b)]
    by_user = [_with_data(sums.by_user("by_arm", arm)) for arm in (arm_a, arm_b)]
    users = [len(of_arm["opportunities"]) for of_arm in by_user]
    drawn = [
        drawn_sums(of_arm, user_draws(count)) for of_arm, count in zip(by_user, users, strict=True)
    ]
    differences = {}
    for metric in METRICS:
        values = [metric.value(of_arm) for of_arm in totals]
        of_arms = [samples(metric, of_arm) for of_arm in drawn]
        differences[metric.name] = _difference(values, of_arms, min(users))
    return Comparison(arm_a, arm_b, users[0], users[1], differences)


def comparison_cells(comparison: Comparison) -> Iterator[tuple[str, ...]]:
    """Each metric that both arms have, in words: title, both values, difference, low, high, p."""
    for metric in METRICS:
        row = comparison.metrics[metric.name]
        if row.difference is not None:
            numbers = (row.a, row.b, row.difference, row.low, row.high)
            p_value = "–" if row.p_value is None else f"{row.p_value:.3f}"
            yield metric.title, *(value(metric.name, number) for number in numbers), p_value


def _with_data(by_user: dict[str, Floats32]) -> dict[str, Floats32]:
    present = np.any([values != 0 for values in by_user.values()], axis=0)
    return {name: values[present] for name, values in by_user.items()}


def _difference(
    values: Sequence[float | None], of_arms: Sequence[Floats], fewest_users: int
) -> Difference:
    a, b = values
    if a is None or b is None:
        return Difference(a, b, None, None, None, None)
    count = min(map(len, of_arms))
    if fewest_users < 2 or count == 0:
        return Difference(a, b, b - a, None, None, None)
    # Draws of one arm are independent of the other's: any pairing of them will do.
    rng = np.random.default_rng(0)
    differences = of_arms[1][:count] - rng.permutation(of_arms[0])[:count]
    low, high = percentile_interval(differences) or (None, None)
    return Difference(a, b, b - a, low, high, two_sided_p(b - a, float(differences.std(ddof=1))))
