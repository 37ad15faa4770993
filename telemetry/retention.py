"""Forgetting: what is too old, what one person left, or everything."""

from __future__ import annotations

import logging
import sqlite3
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from telemetry.database import remove
from telemetry.files import is_in_use, own_files
from telemetry.migrations import SchemaTooNewError
from telemetry.privacy import KEY_FILE, Pseudonyms, has_key, install_key, remove_key
from telemetry.schema import DAY_MS, TABLES
from telemetry.store import changing, vacuum

_OF_SESSIONS: Final = [table.name for table in TABLES.values() if "session" in table.names]

_log = logging.getLogger(__name__)


class NoKeyError(Exception):
    """The key under which people were recorded is not there: nobody can be found."""


@dataclass(frozen=True, slots=True)
class Purged:
    """How many rows went, the files that a process is writing, and those that could not be read.

    Both are left as they were; `failed` says why.
    """

    rows: int
    in_use: tuple[Path, ...]
    failed: dict[Path, str] = field(default_factory=dict)


def purge(
    path: Path, *, before_ms: int | None = None, user: str | None = None, everything: bool = False
) -> Purged:
    """Delete telemetry from a database file or a folder of them, and overwrite it on the disk.

    `before_ms` deletes what is older (milliseconds since the epoch), `user` what this user left,
    both together what is both, `everything` all of it, and with the last file of a folder its key.
    A file that a running process writes is left alone: two writers of one file are one too many.

    What is not ours is left alone, too. Raises FileNotFoundError if there is no database,
    `NotTelemetryError` for a file that is none, ValueError if nothing was asked for, `NoKeyError`
    for a user where the folder's key is missing.
    """
    if before_ms is None and user is None and not everything:
        raise ValueError("say what to purge: an age, a user, or everything")
    files = [file.resolve() for file in own_files(path)]
    in_use = tuple(file for file in files if is_in_use(file))
    folder = path if path.is_dir() else path.parent
    if user is not None and not has_key(folder):
        raise NoKeyError(f"{folder / KEY_FILE} is missing, under which people were recorded")
    user_h = None if user is None else Pseudonyms(install_key(folder)).user(user)
    rows, failed = 0, dict[Path, str]()
    for file in files:
        if file in in_use:
            continue
        try:
            rows += _purge_file(file, before_ms, user_h, everything)
        except (sqlite3.Error, SchemaTooNewError) as error:
            failed[file] = str(error)
    if everything and path.is_dir() and not in_use and not failed:
        remove_key(path)
    return Purged(rows, in_use, failed)


def apply_retention(folder: Path, days: int, *, now_ms: int) -> int:
    """Purge what is older than `days`, and remove the files that are empty then."""
    try:
        purged = purge(folder, before_ms=now_ms - days * DAY_MS)
    except FileNotFoundError:
        return 0
    for path, why in purged.failed.items():
        _log.warning("telemetry: old events in %s were not removed: %s", path, why)
    return purged.rows


def _purge_file(path: Path, before_ms: int | None, user_h: str | None, everything: bool) -> int:
    with changing(path) as connection:
        connection.execute("PRAGMA secure_delete = ON")
        if everything:
            purged = _delete_all(connection)
        else:
            purged = _delete_chosen(connection, before_ms, user_h)
        counts = " + ".join(f"(SELECT count(*) FROM {table})" for table in _OF_SESSIONS)  # noqa: S608
        is_empty = connection.execute(f"SELECT {counts}").fetchone() == (0,)
    if not is_empty:
        vacuum(path)
    else:
        remove(path)
    return purged


def _delete_all(connection: sqlite3.Connection) -> int:
    return sum(connection.execute(f"DELETE FROM {table}").rowcount for table in TABLES)  # noqa: S608


def _delete_chosen(
    connection: sqlite3.Connection, before_ms: int | None, user_h: str | None
) -> int:
    """Delete what is as old and of whom was asked for, and what hangs on it."""
    chosen = {
        "before": 1 << 62 if before_ms is None else before_ms,
        "any_user": int(user_h is None),
        "user": user_h,
    }
    purged = 0
    for table in TABLES.values():
        if table.parent:
            condition = f"{table.parent} NOT IN (SELECT id FROM {table.parent})"  # noqa: S608
        elif table.name in _OF_SESSIONS:
            whose = "session IN (SELECT id FROM session WHERE user_h = :user)"
            condition = f"{table.age_ms} < :before AND (:any_user OR {whose})"
        else:
            condition = f"{table.age_ms} < :before AND :any_user"
        if table.age_ms or table.parent:
            statement = f"DELETE FROM {table.name} WHERE {condition}"  # noqa: S608
            purged += connection.execute(statement, chosen).rowcount
    # A session is who; without events it is nobody's.
    named = " UNION ".join(f"SELECT session FROM {table}" for table in _OF_SESSIONS)  # noqa: S608
    connection.execute(f"DELETE FROM session WHERE id NOT IN ({named})")  # noqa: S608
    return purged
