"""A report: every metric, overall and by group, as data.

`build` reads the databases, `to_json` gives the machine-readable form; `telemetry.terminal` and
`telemetry.html` draw the same `Report` for people.
"""

from __future__ import annotations

import time
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from telemetry.files import database_files, left_alone
from telemetry.report.aggregate import CELL_BITS, UNNAMED, Aggregate, aggregate
from telemetry.report.columns import Floats
from telemetry.report.compare import Comparison, compare
from telemetry.report.metrics import METRICS
from telemetry.report.statistics import (
    Figure,
    drawn_sums,
    figure,
    latency_figures,
    user_draws,
    wilson,
)
from telemetry.report.sums import GROUPINGS, UNCLUSTERED, Sums

Figures = dict[str, Figure]


@dataclass(frozen=True, slots=True)
class Report:
    """Figures by metric name, overall and for each group; what was left out, and why.

    `gaps` counts lost events by reason, `skipped` says why files could not be read, `late_checks`
    counts checks of persistence that came too late for their window, `split_displays` suggestions
    from before display sessions, `silent` those whose clients never report.
    """

    overall: Figures
    groups: dict[str, dict[str, Figures]]
    finish_reasons: Figures
    comparison: Comparison | None
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
    include_late: bool = False,
    now_ms: int | None = None,
) -> Report:
    """Report on a database file or a folder of them.

    Raises FileNotFoundError if there is none, `NotTelemetryError` for another file, and ValueError
    if an arm to compare has no data, or if no file can be read.
    """
    files = database_files(path)
    result = aggregate(
        files,
        now_ms=int(time.time() * 1000) if now_ms is None else now_ms,
        late=include_late,
        clustered_arms=compare_arms is not None,
    )
    if len(result.skipped) == len(files):
        reasons = "; ".join(f"{name}: {why}" for name, why in result.skipped.items())
        raise ValueError(f"No telemetry database can be read: {reasons}")
    users = len(result.sums.users)
    draws = user_draws(users) if users > 1 else None
    times = _Times(result)
    return Report(
        overall=_figures(result.sums, "overall", "overall", draws, times),
        groups={
            grouping: {
                name: _figures(result.sums, grouping, name, draws, times)
                for name in sorted(result.sums.cells.names[grouping][1:])
            }
            for grouping in GROUPINGS
            if grouping not in ("overall", "by_finish_reason")
        },
        finish_reasons=_finish_reasons(result.sums),
        comparison=compare(result.sums, *compare_arms) if compare_arms else None,
        users=users,
        files=len(files) - len(result.skipped),
        gaps=result.gaps,
        skipped={**left_alone(path), **result.skipped},
        late_checks=result.late_checks,
        split_displays=result.split_displays,
        silent=result.silent,
    )


def to_json(report: Report) -> dict[str, Any]:
    """The report as plain data: `overall`, `by_day` and the like hold figures by metric name."""
    plain = asdict(report)
    return {"overall": plain.pop("overall"), **plain.pop("groups"), **plain}


class _Times:
    """Times from request to reply, sorted once for all groups."""

    def __init__(self, result: Aggregate) -> None:
        times = np.concatenate([np.zeros(0, dtype=np.int64), *result.times])
        times.sort()
        self._ms = (times >> CELL_BITS) / 1000
        self._cells = (times & ((1 << CELL_BITS) - 1)).astype(np.int32)
        self._groups = result.sums.cells.groups
        self._of_rows: tuple[str, NDArray[np.int16]] | None = None

    def of(self, grouping: str, group: int) -> Floats:
        """The sorted times of a group, in milliseconds."""
        if self._of_rows is None or self._of_rows[0] != grouping:
            self._of_rows = (grouping, self._groups(grouping).astype(np.int16)[self._cells])
        times: Floats = self._ms[self._of_rows[1] == group]
        return times


def _figures(
    sums: Sums, grouping: str, name: str, draws: NDArray[np.float32] | None, times: _Times
) -> Figures:
    totals = sums.totals(grouping, name)
    drawn = None
    if draws is not None and grouping not in UNCLUSTERED:
        drawn = drawn_sums(sums.by_user(grouping, name), draws)
    figures = {metric.name: figure(metric, totals, drawn) for metric in METRICS}
    if grouping == "by_lines":  # a request has lines only once it has a suggestion
        return figures
    return figures | latency_figures(times.of(grouping, sums.cells.group(grouping, name)))


def _finish_reasons(sums: Sums) -> Figures:
    """How requests that were made ended, as shares of them."""
    names = set(sums.cells.names["by_finish_reason"][1:]) - {UNNAMED}
    counts = {name: sums.totals("by_finish_reason", name)["requested"] for name in names}
    everything = sum(counts.values())
    return {
        name: Figure(count / everything, int(count), *wilson(count, everything))
        for name, count in sorted(counts.items(), key=lambda item: -item[1])
        if count
    }
