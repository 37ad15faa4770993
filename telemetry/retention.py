"""Forgetting: what is too old, what one person left, or everything."""

from __future__ import annotations

import sqlite3
from contextlib import suppress
from pathlib import Path
from typing import Final

from telemetry.files import database_files, is_in_use
from telemetry.privacy import KEY_FILE, Pseudonyms, install_key
from telemetry.store import changing, vacuum

DAY_MS: Final = 86_400_000


def purge(
    path: Path, *, before_ms: int | None = None, user: str | None = None, everything: bool = False
) -> int:
    """Delete telemetry from a database file or a folder of them; returns how many rows went.

    `before_ms` deletes what is older (milliseconds since the epoch), `user` what this user left,
    `everything` all of it: then a folder's databases and its key go as files, except databases that
    a running process writes, which are emptied. Deleted rows are overwritten on the disk.

    Raises FileNotFoundError if there is no database, ValueError if nothing was asked for.
    """
    if before_ms is None and user is None and not everything:
        raise ValueError("say what to purge: an age, a user, or everything")
    files = database_files(path)
    user_h = None if user is None else Pseudonyms(install_key(_folder(path))).user(user)
    purged = sum(_purge_file(file, before_ms, user_h, everything) for file in files)
    if everything and path.is_dir():
        (path / KEY_FILE).unlink(missing_ok=True)
    return purged


def apply_retention(folder: Path, days: int, *, now_ms: int) -> int:
    """Purge what is older than `days`, and remove files that are empty of events by then."""
    with suppress(FileNotFoundError):
        return purge(folder, before_ms=now_ms - days * DAY_MS)
    return 0


def _folder(path: Path) -> Path:
    return path if path.is_dir() else path.parent


def _purge_file(path: Path, before_ms: int | None, user_h: str | None, everything: bool) -> int:
    with changing(path) as connection:
        connection.execute("PRAGMA secure_delete = ON")
        if everything:
            purged = _delete_all(connection)
        else:
            purged = _delete_chosen(connection, before_ms, user_h)
        left = connection.execute(
            "SELECT (SELECT count(*) FROM opportunity) + (SELECT count(*) FROM edit_rollup)"
        ).fetchone()[0]
    if left or is_in_use(path):
        vacuum(path)
    else:
        for companion in ("", "-wal", "-shm"):
            path.with_name(path.name + companion).unlink(missing_ok=True)
    return purged


def _delete_all(connection: sqlite3.Connection) -> int:
    tables = ("opportunity", "suggestion", "accept", "survival", "edit_rollup", "ingest_gap")
    purged = sum(connection.execute(f"DELETE FROM {table}").rowcount for table in tables)  # noqa: S608
    connection.execute("UPDATE session SET user_h = ''")
    return purged


def _delete_chosen(
    connection: sqlite3.Connection, before_ms: int | None, user_h: str | None
) -> int:
    """Delete opportunities and edits that fit every condition given, and what hangs on them."""
    chosen = {
        "before": 1 << 62 if before_ms is None else before_ms,
        "any_user": int(user_h is None),
        "user": user_h,
    }
    whose = "(:any_user OR session IN (SELECT id FROM session WHERE user_h = :user))"
    statements = [
        f"DELETE FROM opportunity WHERE ts_ms < :before AND {whose}",  # noqa: S608
        f"DELETE FROM edit_rollup WHERE minute * 60000 < :before AND {whose}",  # noqa: S608
        "DELETE FROM ingest_gap WHERE :any_user AND ts_ms < :before",
        "DELETE FROM suggestion WHERE opportunity NOT IN (SELECT id FROM opportunity)",
        "DELETE FROM accept WHERE suggestion NOT IN (SELECT id FROM suggestion)",
        "DELETE FROM survival WHERE accept NOT IN (SELECT id FROM accept)",
    ]
    purged = sum(connection.execute(statement, chosen).rowcount for statement in statements)
    # A running process still writes under the session's id: its row stays, without the person.
    connection.execute(
        "UPDATE session SET user_h = '' WHERE (user_h = :user OR ended_ms < :before) AND id NOT IN "
        "(SELECT session FROM opportunity UNION SELECT session FROM edit_rollup)",
        chosen,
    )
    return purged
