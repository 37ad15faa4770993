"""From database files to sums: every table is read once, in the order of its key."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import numpy as np

from telemetry.files import NotTelemetryError
from telemetry.migrations import SchemaTooNewError
from telemetry.report.checks import Checks
from telemetry.report.commits import Commits
from telemetry.report.displays import Displayed, Displays
from telemetry.report.sessions import read_sessions
from telemetry.report.source import EVERYTHING, UNNAMED, Selection, Source
from telemetry.report.sums import Sums, summed
from telemetry.store import reading

_SESSION_STEP: Final = 500
_EDIT_SUMS: Final = {
    "typed": "typed",
    "auto_close": "auto_close",
    "ide_complete": "ide",
    "ai_inline": "ai",
    "ai_chat": "chat",
}


@dataclass(slots=True)
class Aggregate:
    """What reports are made from: sums, and what is missing in them."""

    sums: Sums
    checks: Checks
    displayed: Displayed = field(default_factory=Displayed)
    gaps: dict[str, int] = field(default_factory=dict)
    skipped: dict[str, str] = field(default_factory=dict)
    commits: Commits = field(default_factory=Commits)


def aggregate(
    files: Sequence[Path],
    *,
    now_ms: int,
    late: bool = False,
    clustered_arms: bool = False,
    selection: Selection = EVERYTHING,
) -> Aggregate:
    """Sum up what is selected of database files.

    A file that cannot be read, or not to its end, is named in `skipped` with the reason.
    Checks of persistence that came later than a tenth of their window are left out unless `late`.
    Those that should have been made by `now_ms` and are not there count as censored.
    """
    result = Aggregate(Sums(clustered_arms=clustered_arms), Checks(late))
    for path in files:
        try:
            with reading(path) as connection:
                _read(Source(path, connection, result.sums, selection), result, now_ms)
        except (sqlite3.Error, SchemaTooNewError, NotTelemetryError) as error:
            result.skipped[path.name] = str(error)
    result.commits.add_to(result.sums)
    return result


def _read(source: Source, result: Aggregate, now_ms: int) -> None:
    """Read one file."""
    for reason, lost in source.connection.execute("SELECT reason, lost FROM ingest_gap"):
        name = source.labels.get(reason, UNNAMED)
        result.gaps[name] = result.gaps.get(name, 0) + lost
    read_sessions(source)
    displays = Displays(source, result.displayed, now_ms)
    displays.read()
    result.checks.read(source, displays)
    _read_edits(source, displays)
    _read_commits(source, displays, result.commits)


def _read_edits(source: Source, displays: Displays) -> None:
    classes = {source.ids.get(label, -1): name for label, name in _EDIT_SUMS.items()}
    for rows in map(source.chosen, source.chunks("edit_rollup", "session", _SESSION_STEP)):
        values = {
            name: np.where(rows["cls"] == id_, rows["ins"], 0)
            for id_, name in classes.items()
            if id_ >= 0
        }
        values["edits"] = rows["events"]
        # A session has a row a minute: of a day's, the sum will do.
        rows, values = summed(rows, ("session", "day", "lang"), values)
        users = source.sessions.get(rows["session"], "user")
        groups = displays.groups_of_sessions(rows)
        groups["by_language"] = source.group("by_language", rows["lang"])
        source.sums.add(source.sums.cells.of(groups), users, values)


def _read_commits(source: Source, displays: Displays, commits: Commits) -> None:
    for rows in map(source.chosen, source.chunks("commit_attr")):
        users = source.sessions.get(rows["session"], "user")
        cells = source.sums.cells.of(displays.groups_of_sessions(rows))
        commits.add(rows, cells, users)
