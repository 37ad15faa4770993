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
from telemetry.events import Opportunity, SessionStarted

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
    """A column: its name, what it means, where its value comes from, and its SQL type.

    `source` is the attribute of the stored event that has the value, or a function of that event;
    without one, who stores the row gives it. `is_label` columns hold ids of words. Columns that are
    not exported could be matched against guesses by who has the key. Reports read what is
    `reported`, group requests by what has a `grouping`, and sum up what `is_summed`. `since` is the
    number of the migration that brought it, if that is not its table's.
    """

    name: str
    meaning: str
    source: str | Callable[[Any], SqlValue] | None = None
    sql: str = "INTEGER NOT NULL"
    reported: Reported | None = None
    is_label: bool = False
    is_exported: bool = True
    grouping: str = ""
    is_summed: bool = False
    since: int = 0

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
    """A table: one row for what is meant by `row`, identified by the columns of `key`.

    What is purged by age and by the user of its `session` says in SQL `age_ms` when it was (since
    the epoch); with the row of its `parent`, which a column of that name refers to, a row goes too.
    `since` is the number of the migration that made it.
    """

    name: str
    row: str
    columns: tuple[Column, ...]
    key: tuple[str, ...] = ("id",)
    age_ms: str = ""
    parent: str = ""
    since: int = 1

    @cached_property
    def labels(self) -> frozenset[str]:
        """The names of the columns that hold ids of words."""
        return frozenset(column.name for column in self.columns if column.is_label)

    @property
    def names(self) -> tuple[str, ...]:
        """The names of all columns, in their order."""
        return tuple(column.name for column in self.columns)

    def columns_of(self, number: int) -> list[Column]:
        """The columns that a migration brought."""
        return [column for column in self.columns if (column.since or self.since) == number]


def _caps(event: SessionStarted) -> str:
    return json.dumps(sorted(event.capabilities))


def _features(event: Opportunity) -> str | None:
    """A JSON object of numbers; ValueError for anything in which a text could hide."""
    features = event.features
    for name, value in features.items():
        if not _FEATURE.fullmatch(name) or not math.isfinite(value):
            raise ValueError(f"the feature {name!r} is not a plain name with a finite number")
    return json.dumps({n: float(value) for n, value in features.items()}) if features else None


_ID: Final = Column("id", "the row's number", sql="INTEGER PRIMARY KEY")
_AS_IT_IS: Final = Reported()
_LARGE: Final = Reported(digits=2)
_MICROSECONDS: Final = Reported("total_ms * 1000 + 0.5", 2, is_nullable=True, name="total_us")
_MILLIONTHS: Final = Reported(f"p_accept * {MILLION} + 0.5", is_nullable=True)
_IS_SHOWN: Final = Reported("shown_ms IS NOT NULL", name="is_shown")
_TENTHS: Final = Reported("actual_s * 10", name="actual_ds")  # `BEYOND` is late as well
_DAY: Final = Reported(f"ts_ms / {DAY_MS}", name="day")
_word = partial(Column, is_label=True)
_number = partial(Column, reported=_AS_IT_IS)
_known_word = partial(Column, is_label=True, reported=_AS_IT_IS)
_real = partial(Column, sql="REAL")
_later = partial(Column, sql="INTEGER")  # NULL until it is known
_checked = partial(_number, sql="INTEGER")  # NULL where the check is censored
_summed = partial(_number, is_summed=True)
_hash = partial(Column, is_exported=False)


def _group(name: str, meaning: str, grouping: str, source: str = "") -> Column:
    return _known_word(name, meaning, source or name, grouping=grouping)


LABEL: Final = Table(
    "label",
    "each word that other tables refer to",
    (_ID, Column("name", "the word", sql="TEXT NOT NULL UNIQUE")),
)
_SESSION = Table(
    "session",
    "each client that connects",
    (
        _ID,
        Column("user_h", "keyed hash of the user", sql="TEXT NOT NULL"),
        _word("client", "the client program", "client"),
        _word("client_ver", "its version", "client_version"),
        _word("server_ver", "the version of this program", "server_version"),
        Column("started_ms", "when it connected"),
        _later("ended_ms", "when it was gone; NULL if it still is there or was killed"),
        Column("caps", "what it can do, a JSON array", _caps, "TEXT NOT NULL DEFAULT '[]'"),
        Column("key_h", "which key `user_h` was made with", sql="INTEGER", since=6),
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
        _group("lang", "the document's language", "by_language", "language"),
        _word("trigger", "auto, manual or retrigger", "trigger"),
        _known_word("outcome", "what came of it (`events.Outcome`)", "outcome"),
        _group("model", "name of the model", "by_model"),
        _group("arm", "arm of the experiment", "by_arm"),
        _group("draft_source", "where drafts came from", "by_draft_source"),
        _group("finish_reason", "why decoding ended", "by_finish_reason"),
        _group("exit_mode", "how layers were left out", "by_exit_mode"),
        _group("distribution", "what tokens were drawn from", "by_distribution"),
        _real("queue_ms", "time that it waited, ms", "queue_ms"),
        _real("engine_ms", "time that the model took, ms", "engine_ms"),
        _real("total_ms", "time from request to reply, ms", "total_ms", reported=_MICROSECONDS),
        _summed("prompt_tok", "tokens of the prompt", "prompt_tokens"),
        _summed("reused_tok", "of these, those that needed no prefill", "reused_tokens"),
        _summed("gen_tok", "tokens generated", "generated_tokens"),
        _summed("steps", "verification steps", "steps"),
        _summed("drafted_tok", "tokens drafted", "drafted_tokens"),
        _summed("draft_ok_tok", "of these, those that were kept", "accepted_draft_tokens"),
        _real("p_accept", "predicted probability of acceptance", "p_accept", reported=_MILLIONTHS),
        _real("propensity", "probability with which it was shown", "propensity"),
        Column("features", "what it was predicted from, JSON of numbers", _features, "TEXT"),
        _known_word(
            "kind",
            "ghost text, or a next edit; NULL from before there were next edits",
            "kind",
            sql="INTEGER",
            grouping="by_kind",
            since=5,
        ),
    ),
    age_ms="ts_ms",
)
_SUGGESTION = Table(
    "suggestion",
    "each text that was returned: length, when shown and hidden, and why",
    (
        _ID,
        Column("opportunity", "id of the opportunity", reported=_LARGE),
        Column("rank", "place among the choices, 0 is the best", "rank"),
        _number("len", "length of what is new in it", lambda s: utf16_length(s.text)),
        Column(
            "len_b", "the same in bytes", lambda s: len(s.text.encode("utf-8", "surrogatepass"))
        ),
        Column("lines", "lines of it", lambda s: s.text.count("\n") + 1),
        _number("multiline", "1 for several lines, else 0", lambda s: int("\n" in s.text)),
        _hash("text_hmac", "keyed hash of what is new in it"),
        _hash("dedupe_hmac", "keyed hash that it shares with its own rest"),
        _later("shown_ms", "when it was shown", reported=_IS_SHOWN),
        # After 18 minutes reports read `BEYOND`, which is long as well.
        _later("shown_dur_ms", "for how long, ms", reported=_AS_IT_IS),
        _known_word("hidden_reason", "why it went (`events.HiddenReason`)", sql="INTEGER"),
        _known_word("ev_src", "who says that it was shown: client, inferred or none"),
        Column(
            "typed_len",
            "length of it that was typed instead of taken; NULL where each key made a suggestion",
            sql="INTEGER",
            reported=Reported(is_nullable=True),
            since=4,
        ),
    ),
    parent="opportunity",
)
_ACCEPT = Table(
    "accept",
    "each acceptance, whole or in part, and whether it was undone",
    (
        _ID,
        Column("suggestion", "id of the suggestion", reported=_LARGE),
        Column("ts_ms", "when", reported=Reported(digits=3)),
        _known_word("kind", "full, word, line or partial"),
        _number("delta_len", "length that was taken"),
        Column("cum_len", "length taken so far"),
        Column("replaced_len", "length that gave way"),
        Column("net_len", "length taken less what gave way", reported=Reported("max(net_len, 0)")),
        _known_word("ev_src", "who says so: client or inferred"),
        _later(
            "undone_ms",
            "after how many ms it was undone; NULL if it was not in 30 s",
            reported=Reported("undone_ms IS NOT NULL", name="is_undone"),
        ),
    ),
    parent="suggestion",
)
_SURVIVAL = Table(
    "survival",
    "each accepted text after 0, 15, 30, 90, 120, 180, 300, 360, 600 and 900 s: what is left",
    (
        Column("accept", "id of the acceptance", "accept"),
        _number("window_s", "the planned age, s", "window_s"),
        Column("actual_s", "the age when it was checked, s", "actual_s", "REAL NOT NULL", _TENTHS),
        _known_word("state", "what became of it (`survival.State`)", "state"),
        _word("method", "how it was found (`survival.Method`)", "method"),
        _number("init_len", "length at first", "init_len"),
        _checked("cur_len", "length now", "cur_len"),
        _checked("lev", "Levenshtein's distance, UTF-16 units", "lev"),
        _checked("lex_dist", "Levenshtein's distance, lexemes", "lex_dist"),
        _checked("lex_len", "lexemes at first", "lex_len"),
        _checked("arc", "length that was never touched", "arc"),
        _real("four_gram", "share of its four-character runs still there", "four_gram"),
        _later("ws_only", "1 if only white space changed", "ws_only"),
        Column("branch_changed", "1 after a checkout", "branch_changed"),
    ),
    key=("accept", "window_s"),
    parent="accept",
)
_EDIT_ROLLUP = Table(
    "edit_rollup",
    "each minute of editing by class: typed, pasted, accepted, formatted, …",
    (
        Column("session", "id of the session"),
        Column("doc_h", "keyed hash of the document"),
        _known_word("lang", "its language"),
        Column("minute", "minutes since the epoch", reported=Reported("minute / 1440", name="day")),
        _known_word("cls", "the class (`events.EditClass`)"),
        _number("ins", "length inserted"),
        Column("ins_b", "the same in bytes"),
        Column("del", "length removed"),
        _number("events", "number of edits"),
    ),
    key=("session", "doc_h", "lang", "minute", "cls"),
    age_ms="minute * 60000",
)
_INGEST_GAP = Table(
    "ingest_gap",
    "each known loss: how many events, and why",
    (
        _ID,
        Column("ts_ms", "when it was written down"),
        _word("reason", "why (`faults.Fault`)"),
        Column("lost", "number of events"),
    ),
    age_ms="ts_ms",
)
_COMMIT_ATTR = Table(
    "commit_attr",
    "each commit made in an open folder: how much it adds, and how much of that was accepted",
    (
        _ID,
        Column("session", "id of the session", reported=_LARGE),
        Column("commit_h", "keyed hash of the commit", reported=Reported(digits=4)),
        Column("ts_ms", "when", reported=_DAY),
        Column("files", "number of files"),
        Column("added", "visible characters added", reported=_LARGE),
        Column("ai", "of these, those that were accepted", reported=_LARGE),
        _number("whole", "1 if the commit before was seen as well"),
    ),
    age_ms="ts_ms",
    since=3,
)
_HAPPENED = (_SESSION, _OPPORTUNITY, _SUGGESTION, _ACCEPT, _SURVIVAL, _EDIT_ROLLUP)
TABLES: Final = {table.name: table for table in (*_HAPPENED, _INGEST_GAP, _COMMIT_ATTR)}
