"""What reports read of each table, and how rows find the rows that they refer to."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

import numpy as np
from numpy.typing import NDArray

from telemetry.report.columns import Column, Ints
from telemetry.report.sums import Codes

DAY_MS: Final = 86_400_000
LABELLED_GROUPINGS: Final = {
    "by_language": "lang",
    "by_model": "model",
    "by_arm": "arm",
    "by_draft_source": "draft_source",
    "by_finish_reason": "finish_reason",
    "by_exit_mode": "exit_mode",
    "by_distribution": "distribution",
}
MILLION: Final = 1_000_000  # probabilities are read in millionths
_DAY: Final = Column(f"ts_ms / {DAY_MS}")
OPPORTUNITY_COUNTS: Final = (
    "steps",
    "gen_tok",
    "drafted_tok",
    "draft_ok_tok",
    "prompt_tok",
    "reused_tok",
)
OPPORTUNITY: Final = {
    "session": Column("session", 2),
    "day": _DAY,
    "outcome": Column("outcome"),
    "total_us": Column("total_ms * 1000 + 0.5", 2, is_nullable=True),
    "p_accept": Column(f"p_accept * {MILLION} + 0.5", is_nullable=True),
    **{name: Column(name) for name in LABELLED_GROUPINGS.values()},
    **{name: Column(name) for name in OPPORTUNITY_COUNTS},
}
ACCEPT: Final = {
    "suggestion": Column("suggestion", 2),
    "ts_ms": Column("ts_ms", 3),
    "kind": Column("kind"),
    "delta_len": Column("delta_len"),
    "net_len": Column("max(net_len, 0)"),
    "ev_src": Column("ev_src"),
}
SUGGESTION: Final = {
    "opportunity": Column("opportunity", 2),
    "len": Column("len"),
    "multiline": Column("multiline"),
    "is_shown": Column("shown_ms IS NOT NULL"),
    "shown_dur_ms": Column("shown_dur_ms"),  # after 18 minutes `BEYOND`, which is long as well
    "hidden_reason": Column("hidden_reason"),
    "ev_src": Column("ev_src"),
}
SURVIVAL: Final = {  # lengths and distances are NULL where the check is censored
    "window_s": Column("window_s"),
    "actual_ds": Column("actual_s * 10"),  # after 30 hours `BEYOND`, which is late as well
    **{
        name: Column(name)
        for name in ("state", "init_len", "cur_len", "lev", "lex_dist", "lex_len", "arc")
    },
}
EDIT: Final = {
    "day": Column("minute / 1440"),
    "lang": Column("lang"),
    "cls": Column("cls"),
    "ins": Column("ins"),
    "events": Column("events"),
}


class ById:
    """Values of rows by their id, for ids that are dense between `bounds`; 0 where unknown."""

    def __init__(self, bounds: tuple[int, int], *names: str) -> None:
        self._first, last = bounds
        self._size = last - self._first + 1
        self._columns: dict[str, NDArray[np.int32]] = {
            name: np.zeros(self._size, dtype=np.int32) for name in names
        }

    def put(self, ids: Ints, values: Mapping[str, Codes]) -> None:
        """Remember values of rows."""
        for name, of_rows in values.items():
            self._columns[name][ids - self._first] = of_rows

    def get(self, ids: Ints, name: str) -> Codes:
        """One value of each row."""
        at = ids - self._first
        is_there = (at >= 0) & (at < self._size)
        if is_there.all():
            found: Codes = self._columns[name][at].astype(np.intp)
            return found
        return np.where(is_there, self._columns[name][np.clip(at, 0, self._size - 1)], 0)


class Common(ById):
    """A value that all rows of an id share; 0 where they differ."""

    def __init__(self, bounds: tuple[int, int]) -> None:
        super().__init__(bounds, "value", "differs")

    def put_rows(self, ids: Ints, of_rows: Codes) -> None:
        """Take rows in, many of an id; 0 says nothing."""
        at, of_rows = (ids - self._first)[of_rows > 0], of_rows[of_rows > 0]
        before = self._columns["value"][at]
        self._columns["value"][at] = of_rows
        differs = (self._columns["value"][at] != of_rows) | ((before != of_rows) & (before > 0))
        self._columns["differs"][at[differs]] = 1

    def shared(self, ids: Ints) -> Codes:
        """The shared value of each id."""
        return np.where(self.get(ids, "differs") == 0, self.get(ids, "value"), 0)
