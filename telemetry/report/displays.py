"""What was asked for, what was shown of it, and what was taken.

A row's groups are those of the opportunity behind it, which is found through arrays indexed by row
id. Rows whose opportunity is missing (purged, or lost with a damaged file) are left out.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final

import numpy as np

from telemetry.report.columns import ById, Chunk, Codes, Common, Floats, Ints
from telemetry.report.source import Source
from telemetry.report.sums import LABELLED_GROUPINGS, LATENCY_ENDS
from telemetry.schema import MILLION, TABLES

READ_MS: Final = 750  # shown for this long, a suggestion counts as read
_COUNTS: Final = [c.name for c in TABLES["opportunity"].columns if c.is_summed]
_BY_SESSION: Final = ("by_arm", "by_model")  # what edits belong to through their session


@dataclass(slots=True)
class Displayed:
    """What is told of them beside sums.

    `times` are those of answered requests, in µs, their cells and users. `split_displays` counts
    suggestions from before display sessions, when each key that was typed along a ghost text made
    another one. `silent` counts those that were sent to clients that never said what became of any,
    and whose edits do not arrive: whether these were shown or taken is not known.
    """

    times: list[tuple[Ints, Codes, Codes]] = field(default_factory=list)
    split_displays: int = 0
    silent: int = 0


class Displays:
    """The opportunities, suggestions and acceptances of one file, by the ids of their rows."""

    def __init__(self, source: Source, displayed: Displayed, now_ms: int) -> None:
        self._source = source
        self._result = displayed
        self._now_ms = now_ms
        self._of_sessions = {name: Common(source.bounds["session"]) for name in _BY_SESSION}
        self._opportunities = ById(
            source.bounds["opportunity"], "cell", "user", "p_accept", "session", "latency"
        )
        self._suggestions = ById(source.bounds["suggestion"], "cell", "user")
        self.accepts = ById(
            source.bounds["accept"], "suggestion", "net_len", "inferred", "age_s", "is_undone"
        )

    def read(self) -> None:
        """Read them all."""
        self._read_opportunities()
        self._read_accepts()
        self._read_suggestions()

    def of_accepts(self, ids: Ints) -> list[Codes]:
        """Cells and users of accepts."""
        suggestions = self.accepts.get(ids, "suggestion")
        return [self._suggestions.get(suggestions, name) for name in ("cell", "user")]

    def groups_of_sessions(self, rows: Chunk) -> dict[str, Codes]:
        """The groups of rows that know their session and their day."""
        groups = {n: common.shared(rows["session"]) for n, common in self._of_sessions.items()}
        return groups | {"by_day": self._source.day(rows["day"])}

    def _read_opportunities(self) -> None:
        not_requested = self._source.ids.get("not_requested", -1)
        ends_us = [1_000 * end for end in LATENCY_ENDS]
        for rows in map(self._source.chosen, self._source.chunks("opportunity")):
            users = self._source.sessions.get(rows["session"], "user")
            groups = {
                name: self._source.group(name, rows[c]) for name, c in LABELLED_GROUPINGS.items()
            }
            groups["by_day"] = self._source.day(rows["day"])
            cells = self._source.sums.cells.of(groups)
            values = {name: rows[name].astype(float) for name in _COUNTS}
            # A request that brings what is left of the text on the screen is part of its showing.
            continued = rows["outcome"] == self._source.ids.get("continued", -1)
            values["opportunities"] = (~continued).astype(float)
            values["requested"] = (~continued & (rows["outcome"] != not_requested)).astype(float)
            values["decoded"] = (rows["steps"] > 0).astype(float)
            returned = continued | (rows["outcome"] == self._source.ids.get("returned", -1))
            values["returned"] = returned.astype(float)
            values["cached"] = (returned & (rows["prompt_tok"] == 0)).astype(float)
            self._source.sums.add(cells, users, values)
            known = {"cell": cells, "user": users, "p_accept": rows["p_accept"] + 1}
            latency = 1 + np.searchsorted(ends_us, rows["total_us"], side="right")
            known["latency"] = np.where(rows["total_us"] >= 0, latency, 0)
            known["session"] = rows["session"]
            self._source.sums.add_latency(known["latency"], users, values)
            self._opportunities.put(rows["id"], known)
            for name, common in self._of_sessions.items():
                common.put_rows(rows["session"], groups[name])
            answered = returned & (rows["total_us"] >= 0)
            of_rows = (rows["total_us"], cells.astype(np.int32), users.astype(np.int32))
            self._result.times.append(tuple(values[answered] for values in of_rows))

    def _read_accepts(self) -> None:
        """Sum accepts up by suggestion, and remember of each what its checks need."""
        first, last = self._source.bounds["suggestion"]
        self._accepted_len = np.zeros(last - first + 1, dtype=np.float32)
        self._full = np.zeros(last - first + 1, dtype=bool)
        self._full_inferred = np.zeros(last - first + 1, dtype=bool)
        full, inferred = self._source.ids.get("full", -1), self._source.ids.get("inferred", -1)
        for rows in self._source.chunks("accept"):
            rows["inferred"] = (rows["ev_src"] == inferred).astype(np.int64)
            rows["age_s"] = (self._now_ms - rows["ts_ms"]) // 1000
            kept = ("suggestion", "net_len", "inferred", "age_s", "is_undone")
            self.accepts.put(rows["id"], {name: rows[name] for name in kept})
            known = (rows["suggestion"] >= first) & (rows["suggestion"] <= last)
            at = (rows["suggestion"] - first)[known]
            np.add.at(self._accepted_len, at, rows["delta_len"][known].astype(np.float32))
            is_full = (rows["kind"] == full)[known]
            self._full[at[is_full]] = True
            self._full_inferred[at[is_full]] = rows["inferred"][known][is_full] == 1

    def _read_suggestions(self) -> None:
        first, _ = self._source.bounds["suggestion"]
        cells = self._source.sums.cells
        lines = np.array([cells.group("by_lines", name) for name in ("single", "multi")])
        for rows in self._source.chunks("suggestion"):
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
            self._source.sums.add(cell, users, values)
            latency = self._opportunities.get(rows["opportunity"], "latency")
            self._source.sums.add_latency(latency, users, values)

    def _leave_out_silent(self, rows: Chunk) -> None:
        """What nobody says anything about was not shown, as far as is known."""
        silent = self._source.sessions.get(rows["session"], "silent") == 1
        self._result.silent += int((silent & (rows["is_shown"] == 1)).sum())
        rows["is_shown"] = np.where(silent, 0, rows["is_shown"])

    def _suggestion_values(self, rows: Chunk, at: Ints) -> dict[str, Floats]:
        shown = rows["is_shown"] == 1
        long = shown & (rows["shown_dur_ms"] >= READ_MS)
        full, accepted_len = self._full[at], self._accepted_len[at]
        read = long | (accepted_len > 0)
        inferred = rows["ev_src"] == self._source.ids.get("inferred", -1)
        values = {
            "shown": shown,
            "shown_750": long,
            "read": read,
            "full": full,
            "full_750": full & long,
            "read_len": np.where(read, rows["len"], 0),
            "accepted_len": accepted_len,
            "esc_known": shown & (self._source.sessions.get(rows["session"], "tells_esc") == 1),
            "shown_multi": shown & (rows["multiline"] == 1),
            "accepted_len_multi": accepted_len * (rows["multiline"] == 1),
            "esc": shown & (rows["hidden_reason"] == self._source.ids.get("esc", -2)),
            "inferred_shown": shown & inferred,
            "inferred_full": self._full_inferred[at],
        }
        return {name: value.astype(float) for name, value in values.items()}


def _predictions(shown: Floats, full: Floats, p_accept: Floats) -> dict[str, Floats]:
    """How predicted acceptance (negative: none was predicted) fits what happened."""
    predicted = shown * (p_accept >= 0)
    return {
        "predicted": predicted,
        "predicted_p": predicted * p_accept,
        "predicted_full": predicted * full,
        "predicted_error": predicted * (p_accept - full) ** 2,
    }
