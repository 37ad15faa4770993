"""The tables of a database, each column declared once.

Schema and migrations (`migrations`), rows (`writes`), exports (`export`) and what reports read and
sum (`report`) follow from these declarations. A new column comes last in its table, with the next
migration's number as `since`, and may be NULL or has a DEFAULT.

Words that repeat (languages, models, outcomes) are rows of `label`, and other tables hold their
ids: 4.5 million suggestions stay small and quick to read. The views `*_named` spell them out for
people. Lengths are UTF-16 units, `_b` UTF-8 bytes, times milliseconds since the epoch. Documents,
users and texts appear only as HMACs under the install's key: no column holds source text.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property, partial
from typing import Any, Final, NamedTuple

from telemetry.alignment import utf16_length
from telemetry.events import Opportunity

SqlValue = int | float | str | None
DAY_MS: Final = 86_400_000
MILLION: Final = 1_000_000  # reports read probabilities in millionths
_FEATURE: Final = re.compile(r"[a-z][a-z0-9_]{0,31}")


class Reported(NamedTuple):
    """How reports read a column: as a whole number, cut from an SQL expression (its own name).

    It takes so many 20-bit `digits`. A number of a single digit that is negative or too large
    reads as `columns.BEYOND`; others must fit. NULL reads as 0, or as -1 if `is_nullable`. Reports
    know it by `name`, if that is not the column's.
    """

    expression: str = ""
    digits: int = 1
    is_nullable: bool = False
    name: str = ""


@dataclass(frozen=True, slots=True)
class Column:
    """A column: its name, what it means, its SQL type, and where its value comes from.

    `source` is the attribute of the stored event that has the value, or a function of that event;
    without one, who stores the row gives it. `is_label` columns hold ids of words. Columns that are
    not exported could be matched against guesses by who has the key. Reports read what is
    `reported`, group requests by what has a `grouping`, and sum up what `is_summed`.
    """

    name: str
    meaning: str
    sql: str = "INTEGER NOT NULL"
    source: str | Callable[[Any], SqlValue] | None = None
    is_label: bool = False
    is_exported: bool = True
    reported: Reported | None = None
    grouping: str = ""
    is_summed: bool = False
    since: int = 1

    def value(self, event: object) -> SqlValue:
        """The column's value for an event."""
        found: SqlValue
        if isinstance(self.source, str):
            found = getattr(event, self.source)
        else:
            found = self.source(event) if self.source is not None else None
        return found


@dataclass(frozen=True)
class Table:
    """A table: one row for what is meant by `row`, identified by the columns of `key`."""

    name: str
    row: str
    columns: tuple[Column, ...]
    key: tuple[str, ...] = ("id",)

    @property
    def since(self) -> int:
        """The number of the migration that made the table."""
        return min(column.since for column in self.columns)

    @cached_property
    def labels(self) -> frozenset[str]:
        """The names of the columns that hold ids of words."""
        return frozenset(column.name for column in self.columns if column.is_label)

    @property
    def names(self) -> tuple[str, ...]:
        """The names of all columns, in their order."""
        return tuple(column.name for column in self.columns)


def _features(event: Opportunity) -> str | None:
    """A JSON object of numbers; ValueError for anything in which a text could hide."""
    features = event.features
    for name, value in features.items():
        if not _FEATURE.fullmatch(name) or not math.isfinite(value):
            raise ValueError(f"the feature {name!r} is not a plain name with a finite number")
    return json.dumps({n: float(value) for n, value in features.items()}) if features else None


_ID: Final = Column("id", "the row's number", "INTEGER PRIMARY KEY")
_PLAIN: Final = Reported()
_LARGE: Final = Reported(digits=2)
_DAY: Final = Reported(f"ts_ms / {DAY_MS}", name="day")
_label = partial(Column, is_label=True)
_known = partial(Column, reported=_PLAIN)
_known_label = partial(_known, is_label=True)
_real = partial(Column, sql="REAL")
_nullable = partial(Column, sql="INTEGER")
_checked = partial(_known, sql="INTEGER")  # NULL where the check is censored
_tokens = partial(_known, is_summed=True)
_hash = partial(Column, is_exported=False)


def _group(name: str, meaning: str, source: str, grouping: str) -> Column:
    return _known_label(name, meaning, source=source, grouping=grouping)


LABEL: Final = Table(
    "label",
    "each word that other tables refer to",
    (_ID, Column("name", "the word", "TEXT NOT NULL UNIQUE")),
)
_SESSION = Table(
    "session",
    "each client that connects",
    (
        _ID,
        Column("user_h", "keyed hash of the user", "TEXT NOT NULL"),
        _label("client", "the client program", source="client"),
        _label("client_ver", "its version", source="client_version"),
        _label("server_ver", "the version of this program", source="server_version"),
        Column("started_ms", "when it connected"),
        _nullable("ended_ms", "when it was gone; NULL if it still is there or was killed"),
        Column(
            "caps",
            "what the client can do, a JSON array",
            "TEXT NOT NULL DEFAULT '[]'",
            lambda event: json.dumps(sorted(event.capabilities)),
        ),
    ),
)
_OPPORTUNITY = Table(
    "opportunity",
    "each trigger point: outcome, times, tokens, drafts, model",
    (
        _ID,
        Column("session", "id of the session", reported=_LARGE),
        Column("doc_h", "keyed hash of the document"),
        Column("ts_ms", "when it was asked for", reported=_DAY),
        _group("lang", "the document's language", "language", "by_language"),
        _label("trigger", "auto, manual or retrigger", source="trigger"),
        _known_label("outcome", "what came of it (`events.Outcome`)", source="outcome"),
        _group("model", "name of the model", "model", "by_model"),
        _group("arm", "arm of the experiment", "arm", "by_arm"),
        _group("draft_source", "where drafts came from", "draft_source", "by_draft_source"),
        _group("finish_reason", "why decoding ended", "finish_reason", "by_finish_reason"),
        _group("exit_mode", "how layers were left out", "exit_mode", "by_exit_mode"),
        _group("distribution", "what tokens were drawn from", "distribution", "by_distribution"),
        _real("queue_ms", "time that it waited, ms", source="queue_ms"),
        _real("engine_ms", "time that the model took, ms", source="engine_ms"),
        _real(
            "total_ms",
            "time from request to reply, ms",
            source="total_ms",
            reported=Reported("total_ms * 1000 + 0.5", 2, is_nullable=True, name="total_us"),
        ),
        _tokens("prompt_tok", "tokens of the prompt", source="prompt_tokens"),
        _tokens("reused_tok", "of these, those that needed no prefill", source="reused_tokens"),
        _tokens("gen_tok", "tokens generated", source="generated_tokens"),
        _tokens("steps", "verification steps", source="steps"),
        _tokens("drafted_tok", "tokens drafted", source="drafted_tokens"),
        _tokens("draft_ok_tok", "of these, those that were kept", source="accepted_draft_tokens"),
        _real(
            "p_accept",
            "predicted probability that it is accepted",
            source="p_accept",
            reported=Reported(f"p_accept * {MILLION} + 0.5", is_nullable=True),
        ),
        _real("propensity", "probability with which it was shown", source="propensity"),
        Column("features", "what it was predicted from, JSON of numbers", "TEXT", _features),
    ),
)
_SUGGESTION = Table(
    "suggestion",
    "each text that was returned: length, when shown and hidden, and why",
    (
        _ID,
        Column("opportunity", "id of the opportunity", reported=_LARGE),
        Column("rank", "place among the choices, 0 is the best", source="rank"),
        _known("len", "length of what is new in it", source=lambda s: utf16_length(s.text)),
        Column(
            "len_b",
            "the same in bytes",
            source=lambda s: len(s.text.encode("utf-8", "surrogatepass")),
        ),
        Column("lines", "lines of it", source=lambda s: s.text.count("\n") + 1),
        _known("multiline", "1 for several lines, else 0", source=lambda s: int("\n" in s.text)),
        _hash("text_hmac", "keyed hash of what is new in it"),
        _hash("dedupe_hmac", "keyed hash that it shares with its own rest"),
        _nullable(
            "shown_ms",
            "when it was shown",
            reported=Reported("shown_ms IS NOT NULL", name="is_shown"),
        ),
        _nullable(
            "shown_dur_ms",
            "for how long, ms",
            reported=_PLAIN,  # after 18 minutes `BEYOND`, which is long as well
        ),
        _known_label("hidden_reason", "why it went (`events.HiddenReason`)", "INTEGER"),
        _known_label("ev_src", "who says that it was shown: client, inferred or none"),
    ),
)
_ACCEPT = Table(
    "accept",
    "each acceptance, whole or in part, and whether it was undone",
    (
        _ID,
        Column("suggestion", "id of the suggestion", reported=_LARGE),
        Column("ts_ms", "when", reported=Reported(digits=3)),
        _known_label("kind", "full, word, line or partial"),
        _known("delta_len", "length that was taken"),
        Column("cum_len", "length taken so far"),
        Column("replaced_len", "length that gave way"),
        Column(
            "net_len",
            "length taken less what gave way",
            reported=Reported("max(net_len, 0)"),
        ),
        _known_label("ev_src", "who says so: client or inferred"),
        _nullable("undone_ms", "after how many ms it was undone; NULL if it was not in 30 s"),
    ),
)
_SURVIVAL = Table(
    "survival",
    "each accepted text at 0, 15, 30, 90, 120, 180, 300, 360, 600 and 900 s: what is left",
    (
        Column("accept", "id of the acceptance", source="accept"),
        _known("window_s", "the planned age, s", source="window_s"),
        Column(
            "actual_s",
            "the age when it was checked, s",
            "REAL NOT NULL",
            "actual_s",
            # In tenths; after 30 hours `BEYOND`, which is late as well.
            reported=Reported("actual_s * 10", name="actual_ds"),
        ),
        _known_label("state", "what became of it (`survival.State`)", source="state"),
        _label("method", "how it was found (`survival.Method`)", source="method"),
        _known("init_len", "length at first", source="init_len"),
        _checked("cur_len", "length now", source="cur_len"),
        _checked("lev", "Levenshtein's distance, UTF-16 units", source="lev"),
        _checked("lex_dist", "Levenshtein's distance, lexemes", source="lex_dist"),
        _checked("lex_len", "lexemes at first", source="lex_len"),
        _checked("arc", "length that was never touched", source="arc"),
        _real("four_gram", "share of its four-character runs still there", source="four_gram"),
        _nullable("ws_only", "1 if only white space changed", source="ws_only"),
        Column("branch_changed", "1 after a checkout", source="branch_changed"),
    ),
    ("accept", "window_s"),
)
_EDIT_ROLLUP = Table(
    "edit_rollup",
    "each minute of editing by class: typed, pasted, accepted, formatted, …",
    (
        Column("session", "id of the session"),
        Column("doc_h", "keyed hash of the document"),
        _known_label("lang", "its language"),
        Column("minute", "minutes since the epoch", reported=Reported("minute / 1440", name="day")),
        _known_label("cls", "the class (`events.EditClass`)"),
        _known("ins", "length inserted"),
        Column("ins_b", "the same in bytes"),
        Column("del", "length removed"),
        _known("events", "number of edits"),
    ),
    ("session", "doc_h", "lang", "minute", "cls"),
)
_INGEST_GAP = Table(
    "ingest_gap",
    "each known loss: how many events, and why",
    (
        _ID,
        Column("ts_ms", "when it was written down"),
        _label("reason", "why (`faults.Fault`)"),
        Column("lost", "number of events"),
    ),
)
_commit = partial(_known, since=3)
_COMMIT_ATTR = Table(
    "commit_attr",
    "each commit made in an open folder: how much it adds, and how much of that was accepted",
    (
        Column("id", "the row's number", "INTEGER PRIMARY KEY", since=3),
        _commit("session", "id of the session", reported=_LARGE),
        _commit("commit_h", "keyed hash of the commit", reported=Reported(digits=4)),
        _commit("ts_ms", "when", reported=_DAY),
        Column("files", "number of files", since=3),
        _commit("added", "visible characters added", reported=_LARGE),
        _commit("ai", "of these, those that were accepted", reported=_LARGE),
        _commit("whole", "1 if the commit before was seen as well"),
    ),
)
TABLES: Final = {
    table.name: table
    for table in (
        _SESSION,
        _OPPORTUNITY,
        _SUGGESTION,
        _ACCEPT,
        _SURVIVAL,
        _EDIT_ROLLUP,
        _INGEST_GAP,
        _COMMIT_ATTR,
    )
}
