"""Who uses completions, since when and how much: people by day and week, adoption, the spread.

Names are nowhere in it but in `persons`, which somebody has to ask for.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta
from typing import Final

import numpy as np

from telemetry.report.columns import Flags
from telemetry.report.estimates import FEWEST
from telemetry.report.metrics import BY_NAME
from telemetry.report.statistics import ByUser, Figure, added, proportion
from telemetry.report.sums import Sums

SPREAD: Final = ("acceptance", "saved", "cpo")
RETENTION_WEEKS: Final = (1, 2, 4)
_ENOUGH: Final = 20  # cases of a person, below which their own figure is mostly chance


@dataclass(frozen=True, slots=True)
class Spread:
    """The quartiles of a metric over people who have enough of it; None for fewer than `FEWEST`."""

    people: int
    low: float | None = None
    median: float | None = None
    high: float | None = None


@dataclass(frozen=True, slots=True)
class People:
    """Active people (with an opportunity) by day and by the Monday of their week.

    `adopted` is the share of them who have ever accepted one whole, `days_to_first` the median
    number of days that it took them. `retention` says by weeks which share of those who have been
    active for the first time was active again so many weeks later. `persons` has everybody's own
    figures by name, if asked for.
    """

    by_day: dict[str, int]
    by_week: dict[str, int]
    adopted: Figure
    days_to_first: float | None
    retention: dict[int, Figure]
    spread: dict[str, Spread]
    persons: dict[str, dict[str, float | None]] = field(default_factory=dict)


def people(sums: Sums, names: Mapping[str, str] | None = None) -> People:
    """What sums by day and user say of people; `names` asks for everybody, by their ids' names."""
    days = sorted(date.fromisoformat(name) for name in sums.cells.names["by_day"][1:])
    active, accepted = (_by_day(sums, days, name) for name in ("opportunities", "full"))
    weeks = _by_week(active, days)
    first_week = days[0] - timedelta(days[0].weekday()) if days else date.min
    overall = sums.by_user("overall", "overall")
    ever = active.any(axis=0)
    took = accepted.any(axis=0) & ever
    return People(
        by_day={str(day): int(row.sum()) for day, row in zip(days, active, strict=True)},
        by_week={
            str(first_week + timedelta(weeks=number)): int(row.sum())
            for number, row in enumerate(weeks)
        },
        adopted=proportion(took.astype(int), ever.astype(int)),
        days_to_first=_days_to_first(active[:, took], accepted[:, took], days),
        retention=_retention(weeks, days),
        spread={name: _spread(name, overall) for name in SPREAD},
        persons={} if names is None else _persons(sums, overall, names),
    )


def _by_day(sums: Sums, days: Sequence[date], name: str) -> Flags:
    """Who had any of a sum on which day, `[days, users]`."""
    rows = [sums.by_user("by_day", str(day))[name] > 0 for day in days]
    return np.array(rows, dtype=bool).reshape(len(days), len(sums.users))


def _by_week(of_days: Flags, days: Sequence[date]) -> Flags:
    """The same by week from the first day's on, `[weeks, users]`."""
    numbers = [(day.toordinal() - 1) // 7 for day in days]
    weeks = np.zeros((numbers[-1] - numbers[0] + 1 if days else 0, of_days.shape[1]), dtype=bool)
    for number, row in zip(numbers, of_days, strict=True):
        weeks[number - numbers[0]] |= row
    return weeks


def _days_to_first(active: Flags, accepted: Flags, days: Sequence[date]) -> float | None:
    if not active.shape[1]:
        return None
    ordinals = np.array([day.toordinal() for day in days])
    return float(np.median(ordinals[accepted.argmax(axis=0)] - ordinals[active.argmax(axis=0)]))


def _retention(weeks: Flags, days: Sequence[date]) -> dict[int, Figure]:
    """The last week counts if it is over."""
    whole = weeks if days and days[-1].weekday() == 6 else weeks[:-1]
    first = whole.argmax(axis=0) if len(whole) else np.zeros(weeks.shape[1], dtype=int)
    found = {}
    for later in RETENTION_WEEKS:
        could = whole.any(axis=0) & (first + later < len(whole))
        again = np.zeros(len(could), dtype=bool)
        again[could] = whole[(first + later)[could], np.flatnonzero(could)]
        found[later] = proportion(again.astype(int), could.astype(int))
    return found


def _spread(name: str, by_user: ByUser) -> Spread:
    metric = BY_NAME[name]
    below = added(metric.denominator, by_user)
    enough = below >= _ENOUGH
    if enough.sum() < FEWEST:
        return Spread(int(enough.sum()))
    own = added(metric.numerator, by_user)[enough] / below[enough]
    return Spread(int(enough.sum()), *np.percentile(own, [25, 50, 75]).tolist())


def _persons(
    sums: Sums, by_user: ByUser, names: Mapping[str, str]
) -> dict[str, dict[str, float | None]]:
    """Everybody's figures; ids of one name (before and after a team's key) are one person."""
    ids: dict[str, list[int]] = {}
    for at, id_ in enumerate(sums.users):
        if by_user["opportunities"][at]:
            ids.setdefault(names.get(id_, id_[:8]), []).append(at)
    found: dict[str, dict[str, float | None]] = {}
    for name, places in ids.items():
        own = {sum_: float(values[places].sum()) for sum_, values in by_user.items()}
        found[name] = {metric: BY_NAME[metric].value(own) for metric in SPREAD}
        found[name]["shown"] = own["shown"]
    return found
