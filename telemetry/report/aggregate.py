"""From a database file to sums: every table is read once, in the order of its key.

A row's groups are those of the opportunity behind it, which is found through arrays indexed by row
id. Rows whose opportunity is missing (purged, or lost with a damaged file) are left out.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

from telemetry.report.columns import Chunk, Column, Ints, labels, read_columns
from telemetry.report.sums import Codes, Floats, Sums
from telemetry.report.tables import (
    ACCEPT,
    EDIT,
    LABELLED_GROUPINGS,
    OPPORTUNITY,
    OPPORTUNITY_COUNTS,
    SUGGESTION,
    SURVIVAL,
    ById,
)
from telemetry.store import reading
from telemetry.survival import WINDOWS_S

UNNAMED: Final = "unknown"  # the group of rows whose language, model or arm is not given
READ_MS: Final = 750  # shown for this long, a suggestion counts as read
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_STEP: Final = 100_000
_ACCEPT_STEP: Final = _STEP // len(WINDOWS_S)
_EDIT_SUMS: Final = {
    "typed": "typed",
    "auto_close": "auto_close",
    "ide_complete": "ide",
    "ai_inline": "ai",
    "ai_chat": "chat",
}


@dataclass(slots=True)
class Latencies:
    """Total times of requests that were answered, and the groups of each."""

    total_ms: list[Floats] = field(default_factory=list)
    codes: list[dict[str, NDArray[np.int16]]] = field(default_factory=list)

    def of(self, grouping: str, code: int) -> Floats:
        """The times of one group, in milliseconds."""
        parts = [
            times if grouping == "overall" else times[codes[grouping] == code]
            for times, codes in zip(self.total_ms, self.codes, strict=True)
        ]
        return np.concatenate([np.zeros(0), *parts])


@dataclass(slots=True)
class Aggregate:
    """What reports are made from."""

    sums: Sums
    latencies: Latencies = field(default_factory=Latencies)
    gaps: dict[str, int] = field(default_factory=dict)
    late_checks: int = 0


def aggregate(
    files: Sequence[Path], *, now_ms: int, late: bool = False, clustered_arms: bool = False
) -> Aggregate:
    """Sum up database files.

    Checks of persistence that came later than a tenth of their window are left out unless `late`.
    Those that should have been made by `now_ms` and are not there count as censored.
    `clustered_arms` keeps every sum for each user of an arm, for comparisons.
    """
    result = Aggregate(Sums(clustered_arms=clustered_arms))
    for path in files:
        _File(path, result, now_ms, late).read()
    return result


class _File:
    """One database file, read table by table into an aggregate."""

    def __init__(self, path: Path, result: Aggregate, now_ms: int, late: bool) -> None:
        self._path = path
        self._result = result
        self._sums = result.sums
        self._now_ms = now_ms
        self._late = late
        with reading(path) as connection:
            self._labels = labels(connection)
            self._ids = {name: id_ for id_, name in self._labels.items()}
            self._bounds = {
                table: connection.execute(
                    f"SELECT coalesce(min(id), 0), coalesce(max(id), 0) FROM {table}"  # noqa: S608
                ).fetchone()
                for table in ("session", "opportunity", "suggestion", "accept")
            }
            sessions = connection.execute("SELECT id, user_h FROM session").fetchall()
            gaps = connection.execute("SELECT reason, sum(lost) FROM ingest_gap GROUP BY reason")
            for reason, lost in gaps:
                name = self._labels.get(reason, "unknown")
                result.gaps[name] = result.gaps.get(name, 0) + lost
        self._sessions = ById(self._bounds["session"], "user", "by_arm", "by_model")
        for session, user_h in sessions:
            user = self._sums.user(user_h)
            self._sessions.put(np.array([session]), {"user": np.array([user])})
        of_opportunity = (*LABELLED_GROUPINGS, "by_day", "user")
        self._opportunities = ById(self._bounds["opportunity"], *of_opportunity)
        self._suggestions = ById(self._bounds["suggestion"], *of_opportunity, "by_lines")
        self._accepts = ById(self._bounds["accept"], "suggestion", "net_len", "inferred", "age_s")

    def read(self) -> None:
        """Read everything."""
        self._read_opportunities()
        self._read_accepts()
        self._read_suggestions()
        self._expect_checks()
        self._read_survival()
        self._read_edits()

    def _read_opportunities(self) -> None:
        not_requested = self._ids.get("not_requested", -1)
        for rows in self._chunks("opportunity", OPPORTUNITY):
            users = self._sessions.get(rows["session"])["user"]
            codes = {name: self._code(name, rows[c]) for name, c in LABELLED_GROUPINGS.items()}
            codes["by_day"] = self._day_code(rows["day"])
            ones = np.ones(len(users))
            values = {name: rows[name].astype(float) for name in OPPORTUNITY_COUNTS}
            values["opportunities"] = ones
            values["requested"] = (rows["outcome"] != not_requested).astype(float)
            values["decoded"] = np.where(rows["steps"] > 0, 1.0, 0.0)
            self._sums.add(codes, users, values)
            self._opportunities.put(rows["id"], {**codes, "user": users})
            by_session = {name: codes[name] for name in ("by_arm", "by_model")}
            self._sessions.put_common(rows["session"], by_session)
            self._keep_latencies(rows, codes)

    def _keep_latencies(self, rows: Chunk, codes: Mapping[str, Codes]) -> None:
        answered = (rows["outcome"] == self._ids.get("returned", -1)) & (rows["total_us"] >= 0)
        self._result.latencies.total_ms.append(rows["total_us"][answered] / 1000)
        self._result.latencies.codes.append(
            {name: of_rows[answered].astype(np.int16) for name, of_rows in codes.items()}
        )

    def _read_accepts(self) -> None:
        """Sum accepts up by suggestion, and remember of each what its checks need."""
        first, last = self._bounds["suggestion"]
        count = last - first + 1
        self._accepted_len = np.zeros(count)
        self._full = np.zeros(count, dtype=bool)
        self._full_inferred = np.zeros(count, dtype=bool)
        full, inferred = self._ids.get("full", -1), self._ids.get("inferred", -1)
        for rows in self._chunks("accept", ACCEPT):
            rows["inferred"] = (rows["ev_src"] == inferred).astype(np.int64)
            rows["age_s"] = (self._now_ms - rows["ts_ms"]) // 1000
            kept = ("suggestion", "net_len", "inferred", "age_s")
            self._accepts.put(rows["id"], {name: rows[name] for name in kept})
            known = (rows["suggestion"] >= first) & (rows["suggestion"] <= last)
            at = (rows["suggestion"] - first)[known]
            np.add.at(self._accepted_len, at, rows["delta_len"][known].astype(float))
            is_full = (rows["kind"] == full)[known]
            self._full[at[is_full]] = True
            self._full_inferred[at[is_full]] = rows["inferred"][known][is_full] == 1

    def _read_suggestions(self) -> None:
        first, _ = self._bounds["suggestion"]
        lines = self._sums.groupings["by_lines"]
        single, multi = lines.code("single"), lines.code("multi")
        for rows in self._chunks("suggestion", SUGGESTION):
            of_opportunity = self._opportunities.get(rows["opportunity"])
            users = of_opportunity.pop("user")
            codes = {**of_opportunity, "by_lines": np.where(rows["multiline"] > 0, multi, single)}
            self._suggestions.put(rows["id"], {**codes, "user": users})
            self._sums.add(codes, users, self._suggestion_values(rows, rows["id"] - first))

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
            "esc": shown & (rows["hidden_reason"] == self._ids.get("esc", -2)),
            "inferred_shown": shown & inferred,
            "inferred_full": self._full_inferred[at],
        }
        return {name: value.astype(float) for name, value in values.items()}

    def _of_accepts(self, ids: Ints) -> tuple[dict[str, Codes], Codes, dict[str, Codes]]:
        """Groups, users and what was remembered of accepts."""
        accepts = self._accepts.get(ids)
        codes = self._suggestions.get(accepts["suggestion"])
        return codes, codes.pop("user"), accepts

    def _expect_checks(self) -> None:
        """Count the checks that are due as censored; those that are found are taken off again."""
        first, last = self._bounds["accept"]
        for start in range(first, last + 1, _STEP):
            codes, users, accepts = self._of_accepts(np.arange(start, min(start + _STEP, last + 1)))
            for window_s in WINDOWS_S:
                is_due = (accepts["age_s"] > _latest(window_s)).astype(float)
                self._sums.add(codes, users, {f"censored_{window_s}": is_due})

    def _read_survival(self) -> None:
        censored = np.array(
            [id_ for id_, name in self._labels.items() if name.startswith("censored")], dtype=int
        )
        for rows in self._chunks("survival", SURVIVAL, key="accept", step=_ACCEPT_STEP):
            rows["is_censored"] = np.isin(rows["state"], censored).astype(np.int64)
            for window_s in WINDOWS_S:
                of_window = rows["window_s"] == window_s
                self._add_checks(window_s, {k: v[of_window] for k, v in rows.items()})

    def _add_checks(self, window_s: int, rows: Chunk) -> None:
        codes, users, accepts = self._of_accepts(rows["accept"])
        latest_s = _latest(window_s)
        is_late = (rows["actual_ds"] > 10 * latest_s) & (not self._late)
        censored = rows["is_censored"] == 1
        checked = ~censored & ~is_late
        self._result.late_checks += int((is_late & ~censored).sum())
        longest = np.maximum(np.maximum(rows["init_len"], rows["cur_len"]), 1)
        distance = rows["lev"] / longest
        still = rows["lex_dist"] <= 0.5 * rows["lex_len"]
        values = {
            "checked": checked,
            "unchanged": checked & (rows["lev"] == 0),
            "mostly_unchanged": checked & (distance < 0.33),
            "retained": checked & (distance <= 0.33),
            "still_in_code": checked & still,
            "arc": np.where(checked, rows["arc"], 0),
            "net": np.where(checked, accepts["net_len"], 0),
            "censored": censored.astype(float) - (accepts["age_s"] > latest_s),
            "inferred_checked": checked & (accepts["inferred"] == 1),
        }
        named = {f"{name}_{window_s}": value.astype(float) for name, value in values.items()}
        self._sums.add(codes, users, named)

    def _read_edits(self) -> None:
        classes = {self._ids.get(label, -1): name for label, name in _EDIT_SUMS.items()}
        for rows in self._chunks("edit_rollup", EDIT, key="session"):
            codes = self._sessions.get(rows["session"])
            users = codes.pop("user")
            codes["by_language"] = self._code("by_language", rows["lang"])
            codes["by_day"] = self._day_code(rows["day"])
            values = {
                name: np.where(rows["cls"] == id_, rows["ins"], 0).astype(float)
                for id_, name in classes.items()
            }
            self._sums.add(codes, users, values | {"edits": rows["events"].astype(float)})

    def _chunks(
        self, table: str, columns: Mapping[str, Column], key: str = "id", step: int = _STEP
    ) -> Iterator[Chunk]:
        return read_columns(self._path, table, key, columns, step=step)

    def _code(self, grouping: str, label_ids: Ints) -> Codes:
        """Group numbers of labels."""
        return self._coded(grouping, label_ids, lambda id_: self._labels.get(id_, "") or UNNAMED)

    def _day_code(self, days: Ints) -> Codes:
        """Group numbers of days since the epoch, UTC."""
        return self._coded("by_day", days, lambda day: f"{_EPOCH + timedelta(days=day):%Y-%m-%d}")

    def _coded(self, grouping: str, values: Ints, name: Callable[[int], str]) -> Codes:
        first = int(values.min(initial=0)) if len(values) == 0 else int(values.min())
        present = np.flatnonzero(np.bincount(values - first))
        code_of = np.zeros(int(present.max(initial=0)) + 1, dtype=np.intp)
        for offset in present.tolist():
            code_of[offset] = self._sums.groupings[grouping].code(name(first + offset))
        return code_of[values - first]


def _latest(window_s: int) -> float:
    """Up to when a check of a window counts as made at that window, in seconds."""
    return max(1.1 * window_s, 1.0)
