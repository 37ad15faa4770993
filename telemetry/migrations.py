"""The schema, as a list of migrations that sqlite-utils applies and remembers.

Words that repeat (languages, models, outcomes) are rows of `label`, and other tables hold their
ids: 4.5 million suggestions stay small and quick to read. The views `*_named` spell them out for
people. Lengths are UTF-16 units, `_b` UTF-8 bytes, times milliseconds. Documents, users and texts
appear only as HMACs under the install's key: no column holds source text.
"""

from __future__ import annotations

from functools import cache
from typing import Final

from sqlite_utils import Database, Migrations

MIGRATIONS: Final = Migrations("telemetry")

# Columns that hold the id of a label, per table.
LABELLED: Final[dict[str, tuple[str, ...]]] = {
    "session": ("client", "client_ver", "server_ver"),
    "opportunity": (
        "lang",
        "trigger",
        "outcome",
        "model",
        "arm",
        "draft_source",
        "finish_reason",
        "exit_mode",
        "distribution",
    ),
    "suggestion": ("hidden_reason", "ev_src"),
    "accept": ("kind", "ev_src"),
    "survival": ("state", "method"),
    "edit_rollup": ("lang", "cls"),
    "ingest_gap": ("reason",),
    "commit_attr": (),
}
_ADDED_LATER: Final = frozenset({"commit_attr"})
ALL_TABLES: Final = frozenset({"label", *LABELLED})
FIRST_TABLES: Final = ALL_TABLES - _ADDED_LATER

_TABLES: Final = """
CREATE TABLE label (id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE) STRICT;

CREATE TABLE session (
    id INTEGER PRIMARY KEY, user_h TEXT NOT NULL, client INTEGER NOT NULL,
    client_ver INTEGER NOT NULL, server_ver INTEGER NOT NULL, started_ms INTEGER NOT NULL,
    ended_ms INTEGER, caps TEXT NOT NULL DEFAULT '[]'
) STRICT;

CREATE TABLE opportunity (
    id INTEGER PRIMARY KEY, session INTEGER NOT NULL, doc_h INTEGER NOT NULL,
    ts_ms INTEGER NOT NULL, lang INTEGER NOT NULL, trigger INTEGER NOT NULL,
    outcome INTEGER NOT NULL, model INTEGER NOT NULL, arm INTEGER NOT NULL,
    draft_source INTEGER NOT NULL, finish_reason INTEGER NOT NULL, exit_mode INTEGER NOT NULL,
    distribution INTEGER NOT NULL, queue_ms REAL, engine_ms REAL, total_ms REAL,
    prompt_tok INTEGER NOT NULL, reused_tok INTEGER NOT NULL, gen_tok INTEGER NOT NULL,
    steps INTEGER NOT NULL, drafted_tok INTEGER NOT NULL, draft_ok_tok INTEGER NOT NULL,
    p_accept REAL, propensity REAL, features TEXT
) STRICT;

CREATE TABLE suggestion (
    id INTEGER PRIMARY KEY, opportunity INTEGER NOT NULL, rank INTEGER NOT NULL,
    len INTEGER NOT NULL, len_b INTEGER NOT NULL, lines INTEGER NOT NULL,
    multiline INTEGER NOT NULL, text_hmac INTEGER NOT NULL, dedupe_hmac INTEGER NOT NULL,
    shown_ms INTEGER, shown_dur_ms INTEGER, hidden_reason INTEGER, ev_src INTEGER NOT NULL
) STRICT;

CREATE TABLE accept (
    id INTEGER PRIMARY KEY, suggestion INTEGER NOT NULL, ts_ms INTEGER NOT NULL,
    kind INTEGER NOT NULL, delta_len INTEGER NOT NULL, cum_len INTEGER NOT NULL,
    replaced_len INTEGER NOT NULL, net_len INTEGER NOT NULL, ev_src INTEGER NOT NULL,
    undone_ms INTEGER
) STRICT;

CREATE TABLE survival (
    accept INTEGER NOT NULL, window_s INTEGER NOT NULL, actual_s REAL NOT NULL,
    state INTEGER NOT NULL, method INTEGER NOT NULL, init_len INTEGER NOT NULL, cur_len INTEGER,
    lev INTEGER, lex_dist INTEGER, lex_len INTEGER, arc INTEGER, four_gram REAL, ws_only INTEGER,
    branch_changed INTEGER NOT NULL, PRIMARY KEY (accept, window_s)
) STRICT, WITHOUT ROWID;

CREATE TABLE edit_rollup (
    session INTEGER NOT NULL, doc_h INTEGER NOT NULL, lang INTEGER NOT NULL,
    minute INTEGER NOT NULL, cls INTEGER NOT NULL, ins INTEGER NOT NULL, ins_b INTEGER NOT NULL,
    del INTEGER NOT NULL, events INTEGER NOT NULL,
    PRIMARY KEY (session, doc_h, lang, minute, cls)
) STRICT, WITHOUT ROWID;

CREATE TABLE ingest_gap (
    id INTEGER PRIMARY KEY, ts_ms INTEGER NOT NULL, reason INTEGER NOT NULL, lost INTEGER NOT NULL
) STRICT;
"""


_COMMITS: Final = """
CREATE TABLE commit_attr (
    id INTEGER PRIMARY KEY, session INTEGER NOT NULL, commit_h INTEGER NOT NULL,
    ts_ms INTEGER NOT NULL, files INTEGER NOT NULL, added INTEGER NOT NULL, ai INTEGER NOT NULL,
    whole INTEGER NOT NULL
) STRICT
"""


@MIGRATIONS(name="0001_tables")
def _tables(db: Database) -> None:
    # One statement at a time: `executescript` would commit the migration's transaction.
    for statement in _TABLES.split(";\n"):
        if statement.strip():
            db.execute(statement)


@MIGRATIONS(name="0002_named_views")
def _named_views(db: Database) -> None:
    for table in LABELLED.keys() - _ADDED_LATER:
        _create_named_view(db, table)


@MIGRATIONS(name="0003_commits")
def _commits(db: Database) -> None:
    db.execute(_COMMITS)
    _create_named_view(db, "commit_attr")


def _create_named_view(db: Database, table: str) -> None:
    columns = ", ".join(
        f"(SELECT name FROM label WHERE id = t.{column.name}) AS {column.name}"  # noqa: S608
        if column.name in LABELLED[table]
        else f"t.{column.name}"
        for column in db.table(table).columns
    )
    db.create_view(f"{table}_named", f"SELECT {columns} FROM {table} AS t")  # noqa: S608


class SchemaTooNewError(Exception):
    """The file was written by a newer version of this program."""


def refuse_newer(db: Database) -> None:
    """Raise `SchemaTooNewError` if `db` has migrations that this version does not know."""
    applied = {migration.name for migration in MIGRATIONS.applied(db)}
    if unknown := sorted(applied - _known()):
        raise SchemaTooNewError(
            f"the telemetry database has the schema of a newer version ({', '.join(unknown)}): "
            "update completer, or point it to another folder"
        )


@cache
def _known() -> frozenset[str]:
    empty = Database(memory=True, execute_plugins=False)
    names = frozenset(migration.name for migration in MIGRATIONS.pending(empty))
    empty.close()
    return names
