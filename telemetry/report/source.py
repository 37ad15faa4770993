"""One database file as reports read it: chunks of rows that are selected, and names for groups."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Final

import numpy as np

from telemetry.report.columns import (
    ById,
    Chunk,
    Codes,
    Flags,
    Ints,
    id_bounds,
    labels,
    read_columns,
    reported,
)
from telemetry.report.sums import Sums, numbered

UNNAMED: Final = "unknown"  # the group of rows whose language, model or arm is not given
STEP: Final = 100_000  # rows of a chunk
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Selection:
    """What is reported on: the first and the last day (UTC), and users by their ids; None: all."""

    since: date | None = None
    until: date | None = None
    users: frozenset[str] | None = None

    def chosen(self, days: Ints, is_chosen_user: Flags) -> Flags:
        """Which rows are, given days since the epoch."""
        chosen = is_chosen_user
        if self.since is not None:
            chosen = chosen & (days >= (self.since - _EPOCH.date()).days)
        if self.until is not None:
            chosen = chosen & (days <= (self.until - _EPOCH.date()).days)
        return chosen


EVERYTHING: Final = Selection()


class Source:
    """A file that is read into `sums`. `ids` are those of words, `sessions` is filled in first."""

    def __init__(
        self, path: Path, connection: sqlite3.Connection, sums: Sums, selection: Selection
    ) -> None:
        self._path = path
        self.connection = connection
        self.sums = sums
        self.selection = selection
        self.labels = labels(connection)
        self.ids = {name: id_ for id_, name in self.labels.items()}
        self.bounds = {
            table: id_bounds(connection, table)
            for table in ("session", "opportunity", "suggestion", "accept")
        }
        self.sessions = ById(self.bounds["session"], "user", "is_chosen", "tells_esc", "silent")

    def chunks(self, table: str, key: str = "id", step: int = STEP) -> Iterator[Chunk]:
        """Yield all rows of a table, `step` values of its key at a time."""
        columns = reported(self.connection, table)
        if not columns:
            return iter(())
        return read_columns(self._path, self.connection, table, key, columns, step=step)

    def chosen(self, rows: Chunk) -> Chunk:
        """Rows that are selected, of a table that knows its session and its day."""
        if self.selection == EVERYTHING:
            return rows
        is_chosen = self.sessions.get(rows["session"], "is_chosen") == 1
        chosen = self.selection.chosen(rows["day"], is_chosen)
        return {name: values[chosen] for name, values in rows.items()}

    def group(self, grouping: str, label_ids: Ints) -> Codes:
        """Group numbers of labels."""
        return self._numbered(grouping, label_ids, lambda id_: self.labels.get(id_, "") or UNNAMED)

    def day(self, days: Ints) -> Codes:
        """Group numbers of days since the epoch, UTC."""
        return self._numbered("by_day", days, lambda d: f"{_EPOCH + timedelta(days=d):%Y-%m-%d}")

    def _numbered(self, grouping: str, values: Ints, name: Callable[[int], str]) -> Codes:
        present, codes = numbered(values)
        numbers = [self.sums.cells.group(grouping, name(value)) for value in present]
        of_rows: Codes = np.array(numbers, dtype=np.intp)[codes]
        return of_rows
