"""A report: every metric, overall and by group, as data.

`build` reads the databases, `to_json` gives the machine-readable form; `telemetry.terminal` and
`telemetry.html` draw the same `Report` for people.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from telemetry.files import database_files, left_alone
from telemetry.report.aggregate import aggregate
from telemetry.report.columns import Codes, Floats
from telemetry.report.compare import PRIMARY, Comparison, compare
from telemetry.report.displays import Displayed
from telemetry.report.experiment import Experiment, Plan, judge
from telemetry.report.metrics import METRICS, SUMS
from telemetry.report.people import People, people
from telemetry.report.source import EVERYTHING, UNNAMED, Selection
from telemetry.report.statistics import ByUser, Figure, figure, latency_figures, proportion
from telemetry.report.sums import GROUPINGS, LATENCIES, Sums

Figures = dict[str, Figure]


@dataclass(frozen=True, slots=True)
class Report:
    """Figures by metric name, overall and for each group; who uses it; what was left out, and why.

    `gaps` counts lost events by reason, `skipped` says why files could not be read, `late_checks`
    counts checks of persistence that came too late for their window, `split_displays` suggestions
    from before display sessions, `silent` those whose clients never report.
    """

    overall: Figures
    groups: dict[str, dict[str, Figures]]
    finish_reasons: Figures
    comparison: Comparison | None
    experiment: Experiment | None
    people: People
    users: int
    files: int
    gaps: dict[str, int] = field(default_factory=dict)
    skipped: dict[str, str] = field(default_factory=dict)
    late_checks: int = 0
    split_displays: int = 0
    silent: int = 0


def build(
    path: Path,
    *,
    compare_arms: tuple[str, str] | None = None,
    plan: Plan | None = None,
    primary: str = PRIMARY,
    include_late: bool = False,
    selection: Selection = EVERYTHING,
    teams: Mapping[str, str] | None = None,
    names: Mapping[str, str] | None = None,
    now_ms: int | None = None,
) -> Report:
    """Report on a database file or a folder of them.

    `primary` is the metric that arms are compared for, `plan` that of an experiment to be judged.
    `teams` says which ids of users belong to which team, `names` whose they are: it asks for
    everybody's own figures. Raises FileNotFoundError if there is no file, `NotTelemetryError` for
    another file, and ValueError if an arm to compare has no data, there is no such metric or
    experiment, or no file can be read.
    """
    files = database_files(path)
    now_ms = int(time.time() * 1000) if now_ms is None else now_ms
    result = aggregate(
        files,
        now_ms=now_ms,
        late=include_late,
        clustered_arms=compare_arms is not None or plan is not None,
        selection=selection,
    )
    if len(result.skipped) == len(files):
        reasons = "; ".join(f"{name}: {why}" for name, why in result.skipped.items())
        raise ValueError(f"No telemetry database can be read: {reasons}")
    times = _Times(result.displayed, result.sums)
    today = datetime.fromtimestamp(now_ms / 1000, UTC).date()
    return Report(
        overall=_figures(result.sums, "overall", "overall", times),
        groups={
            grouping: {
                name: _figures(result.sums, grouping, name, times)
                for name in sorted(result.sums.cells.names[grouping][1:])
            }
            for grouping in GROUPINGS
            if grouping not in ("overall", "by_finish_reason")
        }
        | {"by_latency": _by_latency(result.sums), "by_team": _by_team(result.sums, teams or {})},
        finish_reasons=_finish_reasons(result.sums),
        comparison=compare(result.sums, *compare_arms, primary) if compare_arms else None,
        experiment=judge(result.sums, plan, today) if plan else None,
        people=people(result.sums, names),
        users=int(np.any(list(result.sums.by_user("overall", "overall").values()), axis=0).sum()),
        files=len(files) - len(result.skipped),
        gaps=result.gaps,
        skipped={**left_alone(path), **result.skipped},
        late_checks=result.checks.late_checks,
        split_displays=result.displayed.split_displays,
        silent=result.displayed.silent,
    )


def to_json(report: Report) -> dict[str, Any]:
    """The report as plain data: `overall`, `by_day` and the like hold figures by metric name."""
    plain = asdict(report)
    return {"overall": plain.pop("overall"), **plain.pop("groups"), **plain}


class _Times:
    """Times from request to reply, sorted once for all groups."""

    def __init__(self, displayed: Displayed, sums: Sums) -> None:
        nothing = np.zeros(0, dtype=np.int32)
        total_us, cells, users = (
            np.concatenate([nothing, *parts])
            for parts in (zip(*displayed.times, strict=True) if displayed.times else [()] * 3)
        )
        order = np.argsort(total_us)
        self._ms, self._cells, self._users = total_us[order] / 1000, cells[order], users[order]
        self._groups = sums.cells.groups
        self._of_rows: tuple[str, NDArray[np.int16]] | None = None

    def of(self, grouping: str, group: int) -> tuple[Floats, Codes]:
        """The sorted times of a group, in milliseconds, and whose they are."""
        if self._of_rows is None or self._of_rows[0] != grouping:
            self._of_rows = (grouping, self._groups(grouping).astype(np.int16)[self._cells])
        chosen = self._of_rows[1] == group
        return self._ms[chosen], self._users[chosen]


def _figures(sums: Sums, grouping: str, name: str, times: _Times) -> Figures:
    totals, by_user = sums.totals(grouping, name), sums.by_user(grouping, name)
    figures = {metric.name: figure(metric, totals, by_user) for metric in METRICS}
    if grouping == "by_lines":  # a request has lines only once it has a suggestion
        return figures
    return figures | latency_figures(*times.of(grouping, sums.cells.group(grouping, name)))


def _of_users(by_user: ByUser) -> Figures:
    """Figures of what is kept by user alone."""
    totals = dict.fromkeys(SUMS, 0.0) | {n: float(v.sum()) for n, v in by_user.items()}
    return {m.name: figure(m, totals, by_user) for m in METRICS if by_user.keys() >= set(m.sums)}


def _by_latency(sums: Sums) -> dict[str, Figures]:
    found = {name: _of_users(sums.of_latency(name)) for name in LATENCIES}
    return {name: figures for name, figures in found.items() if figures["shown_rate"].n}


def _by_team(sums: Sums, teams: Mapping[str, str]) -> dict[str, Figures]:
    overall, ids = sums.by_user("overall", "overall"), list(sums.users)
    found = {}
    for team in sorted(set(teams.values())):
        of_team = np.array([teams.get(id_) == team for id_ in ids], dtype=bool)
        found[team] = _of_users({name: values[of_team] for name, values in overall.items()})
    return found


def _finish_reasons(sums: Sums) -> Figures:
    """How requests that were made ended, as shares of them."""
    names = set(sums.cells.names["by_finish_reason"][1:]) - {UNNAMED}
    by_user = {name: sums.by_user("by_finish_reason", name)["requested"] for name in names}
    requested = np.sum(list(by_user.values()), axis=0)
    of_each = {name: proportion(count, requested) for name, count in by_user.items() if count.any()}
    return dict(sorted(of_each.items(), key=lambda item: -item[1].n))
