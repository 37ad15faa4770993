"""From a database file to sums: every table is read once, in the order of its key.

A row's groups are those of the opportunity behind it, which is found through arrays indexed by row
id. Rows whose opportunity is missing (purged, or lost with a damaged file) are left out.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Final

import numpy as np

from telemetry.files import NotTelemetryError
from telemetry.migrations import SchemaTooNewError
from telemetry.report.columns import (
    ById,
    Chunk,
    Codes,
    Common,
    Flags,
    Floats,
    Ints,
    id_bounds,
    labels,
    read_columns,
    reported,
)
from telemetry.report.commits import Commits
from telemetry.report.sums import LABELLED_GROUPINGS, LATENCY_ENDS, Sums, numbered, summed
from telemetry.schema import MILLION, TABLES
from telemetry.store import reading
from telemetry.survival import WINDOWS_S

UNNAMED: Final = "unknown"  # the group of rows whose language, model or arm is not given
READ_MS: Final = 750  # shown for this long, a suggestion counts as read
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_STEP: Final = 100_000
_ACCEPT_STEP: Final = 4 * _STEP // len(WINDOWS_S)
_SESSION_STEP: Final = 500
_COUNTS: Final = [c.name for c in TABLES["opportunity"].columns if c.is_summed]
_BY_SESSION: Final = ("by_arm", "by_model")  # what edits belong to through their session
_EDITING: Final = (
    "SELECT id FROM session s WHERE EXISTS (SELECT 1 FROM edit_rollup WHERE session = s.id)"
)
_REPORTING: Final = """
SELECT DISTINCT o.session FROM suggestion g JOIN opportunity o ON o.id = g.opportunity
WHERE g.ev_src = (SELECT id FROM label WHERE name = 'client')
UNION SELECT DISTINCT o.session FROM accept a
JOIN suggestion g ON g.id = a.suggestion JOIN opportunity o ON o.id = g.opportunity
"""
_TELLING_ESC: Final = """
SELECT DISTINCT s.client FROM suggestion g JOIN opportunity o ON o.id = g.opportunity
JOIN session s ON s.id = o.session WHERE g.hidden_reason = ?
"""
_EDIT_SUMS: Final = {
    "typed": "typed",
    "auto_close": "auto_close",
    "ide_complete": "ide",
    "ai_inline": "ai",
    "ai_chat": "chat",
}


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


@dataclass(slots=True)
class Aggregate:
    """What reports are made from: sums, the times of answered requests, and what is missing.

    `times` are those of answered requests, in µs, their cells and users. `split_displays` counts
    suggestions from before display sessions, when each key that was typed along a ghost text made
    another one. `silent` counts those that were sent to clients that never said what became of any,
    and whose edits do not arrive: whether these were shown or taken is not known.
    """

    sums: Sums
    times: list[tuple[Ints, Codes, Codes]] = field(default_factory=list)
    gaps: dict[str, int] = field(default_factory=dict)
    skipped: dict[str, str] = field(default_factory=dict)
    late_checks: int = 0
    split_displays: int = 0
    silent: int = 0
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
    result = Aggregate(Sums(clustered_arms=clustered_arms))
    for path in files:
        try:
            with reading(path) as connection:
                _File(path, connection, result, now_ms, late, selection).read()
        except (sqlite3.Error, SchemaTooNewError, NotTelemetryError) as error:
            result.skipped[path.name] = str(error)
    result.commits.add_to(result.sums)
    return result


class _File:
    """One database file, read table by table into an aggregate."""

    def __init__(
        self,
        path: Path,
        connection: sqlite3.Connection,
        result: Aggregate,
        now_ms: int,
        late: bool,
        selection: Selection,
    ) -> None:
        self._path = path
        self._connection = connection
        self._result = result
        self._sums = result.sums
        self._now_ms = now_ms
        self._late = late
        self._selection = selection
        self._labels = labels(connection)
        self._ids = {name: id_ for id_, name in self._labels.items()}
        self._bounds = {
            table: id_bounds(connection, table)
            for table in ("session", "opportunity", "suggestion", "accept")
        }
        sessions = connection.execute("SELECT id, user_h, client FROM session").fetchall()
        for reason, lost in connection.execute("SELECT reason, lost FROM ingest_gap"):
            name = self._labels.get(reason, UNNAMED)
            result.gaps[name] = result.gaps.get(name, 0) + lost
        self._sessions = ById(self._bounds["session"], "user", "is_chosen", "tells_esc", "silent")
        self._read_sessions(sessions)
        self._of_sessions = {name: Common(self._bounds["session"]) for name in _BY_SESSION}
        self._opportunities = ById(
            self._bounds["opportunity"], "cell", "user", "p_accept", "session", "latency"
        )
        self._suggestions = ById(self._bounds["suggestion"], "cell", "user")
        self._accepts = ById(
            self._bounds["accept"], "suggestion", "net_len", "inferred", "age_s", "is_undone"
        )

    def read(self) -> None:
        """Read everything."""
        self._read_opportunities()
        self._read_accepts()
        self._read_suggestions()
        self._expect_checks()
        self._read_survival()
        self._read_edits()
        self._read_commits()

    def _read_sessions(self, rows: Sequence[tuple[int, str, int]]) -> None:
        """What is known of each session: its user, and what its client tells of suggestions."""
        ids = [session for session, _, _ in rows]
        silent, tells_esc = self._silent_sessions(ids), self._clients_that_tell_esc()
        chosen = self._selection.users
        known = {
            "user": [self._sums.user(user) for _, user, _ in rows],
            "is_chosen": [chosen is None or user in chosen for _, user, _ in rows],
            "tells_esc": [client in tells_esc for _, _, client in rows],
            "silent": [session in silent for session in ids],
        }
        columns = {name: np.array(values, dtype=int) for name, values in known.items()}
        self._sessions.put(np.array(ids, dtype=int), columns)

    def _silent_sessions(self, sessions: list[int]) -> set[int]:
        """Which sessions' suggestions nobody says anything about."""
        known = {session for (session,) in self._connection.execute(_EDITING)}
        if not known.issuperset(sessions):
            known |= {session for (session,) in self._connection.execute(_REPORTING)}
        return set(sessions) - known

    def _clients_that_tell_esc(self) -> set[int]:
        """Clients, by label, that have told an Esc: of others, none says nothing."""
        esc = self._ids.get("esc")
        found = self._connection.execute(_TELLING_ESC, (esc,)) if esc is not None else ()
        return {client for (client,) in found}

    def _chosen(self, rows: Chunk) -> Chunk:
        """Rows that are selected, of a table that knows its session and its day."""
        if self._selection == EVERYTHING:
            return rows
        is_chosen = self._sessions.get(rows["session"], "is_chosen") == 1
        chosen = self._selection.chosen(rows["day"], is_chosen)
        return {name: values[chosen] for name, values in rows.items()}

    def _read_opportunities(self) -> None:
        not_requested = self._ids.get("not_requested", -1)
        ends_us = [1_000 * end for end in LATENCY_ENDS]
        for rows in map(self._chosen, self._chunks("opportunity")):
            users = self._sessions.get(rows["session"], "user")
            groups = {name: self._group(name, rows[c]) for name, c in LABELLED_GROUPINGS.items()}
            groups["by_day"] = self._day(rows["day"])
            cells = self._sums.cells.of(groups)
            values = {name: rows[name].astype(float) for name in _COUNTS}
            # A request that brings what is left of the text on the screen is part of its showing.
            continued = rows["outcome"] == self._ids.get("continued", -1)
            values["opportunities"] = (~continued).astype(float)
            values["requested"] = (~continued & (rows["outcome"] != not_requested)).astype(float)
            values["decoded"] = (rows["steps"] > 0).astype(float)
            returned = continued | (rows["outcome"] == self._ids.get("returned", -1))
            values["returned"] = returned.astype(float)
            values["cached"] = (returned & (rows["prompt_tok"] == 0)).astype(float)
            self._sums.add(cells, users, values)
            known = {"cell": cells, "user": users, "p_accept": rows["p_accept"] + 1}
            latency = 1 + np.searchsorted(ends_us, rows["total_us"], side="right")
            known["latency"] = np.where(rows["total_us"] >= 0, latency, 0)
            known["session"] = rows["session"]
            self._sums.add_latency(known["latency"], users, values)
            self._opportunities.put(rows["id"], known)
            for name, common in self._of_sessions.items():
                common.put_rows(rows["session"], groups[name])
            answered = returned & (rows["total_us"] >= 0)
            of_rows = (rows["total_us"], cells.astype(np.int32), users.astype(np.int32))
            self._result.times.append(tuple(values[answered] for values in of_rows))

    def _read_accepts(self) -> None:
        """Sum accepts up by suggestion, and remember of each what its checks need."""
        first, last = self._bounds["suggestion"]
        self._accepted_len = np.zeros(last - first + 1, dtype=np.float32)
        self._full = np.zeros(last - first + 1, dtype=bool)
        self._full_inferred = np.zeros(last - first + 1, dtype=bool)
        full, inferred = self._ids.get("full", -1), self._ids.get("inferred", -1)
        for rows in self._chunks("accept"):
            rows["inferred"] = (rows["ev_src"] == inferred).astype(np.int64)
            rows["age_s"] = (self._now_ms - rows["ts_ms"]) // 1000
            kept = ("suggestion", "net_len", "inferred", "age_s", "is_undone")
            self._accepts.put(rows["id"], {name: rows[name] for name in kept})
            known = (rows["suggestion"] >= first) & (rows["suggestion"] <= last)
            at = (rows["suggestion"] - first)[known]
            np.add.at(self._accepted_len, at, rows["delta_len"][known].astype(np.float32))
            is_full = (rows["kind"] == full)[known]
            self._full[at[is_full]] = True
            self._full_inferred[at[is_full]] = rows["inferred"][known][is_full] == 1

    def _read_suggestions(self) -> None:
        first, _ = self._bounds["suggestion"]
        cells = self._sums.cells
        lines = np.array([cells.group("by_lines", name) for name in ("single", "multi")])
        for rows in self._chunks("suggestion"):
            users = self._opportunities.get(rows["opportunity"], "user")
            of_opportunity = self._opportunities.get(rows["opportunity"], "cell")
            cell = cells.within(of_opportunity, "by_lines", lines[np.minimum(rows["multiline"], 1)])
            self._suggestions.put(rows["id"], {"cell": cell, "user": users})
            rows["session"] = self._opportunities.get(rows["opportunity"], "session")
            rows["is_shown"] = np.where(cell > 0, rows["is_shown"], 0)
            self._leave_out_silent(rows)
            values = self._suggestion_values(rows, rows["id"] - first)
            p_accept = (self._opportunities.get(rows["opportunity"], "p_accept") - 1) / MILLION
            is_split = (rows["typed_len"] < 0) & (rows["is_shown"] == 1)
            self._result.split_displays += int(is_split.sum())
            values |= _predictions(values["shown"], values["full"], p_accept)
            self._sums.add(cell, users, values)
            latency = self._opportunities.get(rows["opportunity"], "latency")
            self._sums.add_latency(latency, users, values)

    def _leave_out_silent(self, rows: Chunk) -> None:
        """What nobody says anything about was not shown, as far as is known."""
        silent = self._sessions.get(rows["session"], "silent") == 1
        self._result.silent += int((silent & (rows["is_shown"] == 1)).sum())
        rows["is_shown"] = np.where(silent, 0, rows["is_shown"])

    def _suggestion_values(self, rows: Chunk, at: Ints) -> dict[str, Floats]:
        shown = rows["is_shown"] == 1
        long = shown & (rows["shown_dur_ms"] >= READ_MS)
        full, accepted_len = self._full[at], self._accepted_len[at]
        read = long | (accepted_len > 0)
        inferred = rows["ev_src"] == self._ids.get("inferred", -1)
        values = {
            "shown": shown,
            "shown_750": long,
            "read": read,
            "full": full,
            "full_750": full & long,
            "read_len": np.where(read, rows["len"], 0),
            "accepted_len": accepted_len,
            "esc_known": shown & (self._sessions.get(rows["session"], "tells_esc") == 1),
            "shown_multi": shown & (rows["multiline"] == 1),
            "accepted_len_multi": accepted_len * (rows["multiline"] == 1),
            "esc": shown & (rows["hidden_reason"] == self._ids.get("esc", -2)),
            "inferred_shown": shown & inferred,
            "inferred_full": self._full_inferred[at],
        }
        return {name: value.astype(float) for name, value in values.items()}

    def _of_accepts(self, ids: Ints) -> list[Codes]:
        """Cells and users of accepts."""
        suggestions = self._accepts.get(ids, "suggestion")
        return [self._suggestions.get(suggestions, name) for name in ("cell", "user")]

    def _expect_checks(self) -> None:
        """Count the checks that are due as censored; those that are found are taken off again."""
        first, last = self._bounds["accept"]
        for start in range(first, last + 1, _STEP):
            ids = np.arange(start, min(start + _STEP, last + 1))
            cells, users = self._of_accepts(ids)
            age_s = self._accepts.get(ids, "age_s")
            due = {f"censored_{w}": (age_s > _latest(w)).astype(float) for w in WINDOWS_S}
            due["accepts"] = (self._accepts.get(ids, "suggestion") > 0).astype(float)
            due["undone"] = self._accepts.get(ids, "is_undone").astype(float)
            self._sums.add(cells, users, due)

    def _read_survival(self) -> None:
        censored = np.array(
            [id_ for id_, name in self._labels.items() if name.startswith("censored")], dtype=int
        )
        for rows in self._chunks("survival", "accept", _ACCEPT_STEP):
            rows["is_censored"] = np.isin(rows["state"], censored).astype(np.int64)
            order = np.argsort(rows["window_s"].astype(np.int16), kind="stable")
            rows = {name: values[order] for name, values in rows.items()}
            for window_s in WINDOWS_S:
                start, end = np.searchsorted(rows["window_s"], [window_s, window_s + 1])
                self._add_checks(window_s, {name: v[start:end] for name, v in rows.items()})

    def _add_checks(self, window_s: int, rows: Chunk) -> None:
        cells, users = self._of_accepts(rows["accept"])
        latest_s = _latest(window_s)
        is_late = (rows["actual_ds"] > 10 * latest_s) & (not self._late)
        censored = rows["is_censored"] == 1
        checked = ~censored & ~is_late
        self._result.late_checks += int((is_late & ~censored & (cells > 0)).sum())
        distance = rows["lev"] / np.maximum(np.maximum(rows["init_len"], rows["cur_len"]), 1)
        is_due = self._accepts.get(rows["accept"], "age_s") > latest_s
        values = {
            "checked": checked,
            "unchanged": checked & (rows["lev"] == 0),
            "mostly_unchanged": checked & (distance < 0.33),
            "retained": checked & (distance <= 0.33),
            "still_in_code": checked & (rows["lex_dist"] <= 0.5 * rows["lex_len"]),
            "arc": np.where(checked, rows["arc"], 0),
            "net": np.where(checked, self._accepts.get(rows["accept"], "net_len"), 0),
            "censored": censored.astype(float) - is_due,
            "inferred_checked": checked & (self._accepts.get(rows["accept"], "inferred") == 1),
        }
        named = {f"{name}_{window_s}": value.astype(float) for name, value in values.items()}
        self._sums.add(cells, users, named)

    def _read_edits(self) -> None:
        classes = {self._ids.get(label, -1): name for label, name in _EDIT_SUMS.items()}
        for rows in map(self._chosen, self._chunks("edit_rollup", "session", _SESSION_STEP)):
            values = {
                name: np.where(rows["cls"] == id_, rows["ins"], 0)
                for id_, name in classes.items()
                if id_ >= 0
            }
            values["edits"] = rows["events"]
            # A session has a row a minute: of a day's, the sum will do.
            rows, values = summed(rows, ("session", "day", "lang"), values)
            users = self._sessions.get(rows["session"], "user")
            groups = self._groups_of_sessions(rows)
            groups["by_language"] = self._group("by_language", rows["lang"])
            self._sums.add(self._sums.cells.of(groups), users, values)

    def _read_commits(self) -> None:
        for rows in map(self._chosen, self._chunks("commit_attr")):
            users = self._sessions.get(rows["session"], "user")
            cells = self._sums.cells.of(self._groups_of_sessions(rows))
            self._result.commits.add(rows, cells, users)

    def _groups_of_sessions(self, rows: Chunk) -> dict[str, Codes]:
        """The groups of rows that know their session and their day."""
        groups = {n: common.shared(rows["session"]) for n, common in self._of_sessions.items()}
        return groups | {"by_day": self._day(rows["day"])}

    def _chunks(self, table: str, key: str = "id", step: int = _STEP) -> Iterator[Chunk]:
        columns = reported(self._connection, table)
        if not columns:
            return iter(())
        return read_columns(self._path, self._connection, table, key, columns, step=step)

    def _group(self, grouping: str, label_ids: Ints) -> Codes:
        """Group numbers of labels."""
        return self._numbered(grouping, label_ids, lambda id_: self._labels.get(id_, "") or UNNAMED)

    def _day(self, days: Ints) -> Codes:
        """Group numbers of days since the epoch, UTC."""
        return self._numbered("by_day", days, lambda d: f"{_EPOCH + timedelta(days=d):%Y-%m-%d}")

    def _numbered(self, grouping: str, values: Ints, name: Callable[[int], str]) -> Codes:
        present, codes = numbered(values)
        numbers = [self._sums.cells.group(grouping, name(value)) for value in present]
        of_rows: Codes = np.array(numbers, dtype=np.intp)[codes]
        return of_rows


def _predictions(shown: Floats, full: Floats, p_accept: Floats) -> dict[str, Floats]:
    """How predicted acceptance (negative: none was predicted) fits what happened."""
    predicted = shown * (p_accept >= 0)
    return {
        "predicted": predicted,
        "predicted_p": predicted * p_accept,
        "predicted_full": predicted * full,
        "predicted_error": predicted * (p_accept - full) ** 2,
    }


def _latest(window_s: int) -> float:
    """Up to when a check of a window counts as made at that window, in seconds."""
    return max(1.1 * window_s, 1.0)
