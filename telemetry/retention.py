"""Forgetting: what is too old, what one person left, or everything."""

from __future__ import annotations

import json
import logging
import sqlite3
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from telemetry.database import remove
from telemetry.files import is_in_use, own_files
from telemetry.migrations import SchemaTooNewError
from telemetry.privacy import remove_key, user_ids
from telemetry.schema import DAY_MS, TABLES
from telemetry.store import changing, vacuum

_OF_SESSIONS: Final = [table.name for table in TABLES.values() if "session" in table.names]

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Purged:
    """What went: rows by table, and the files that were removed since nothing was left in them.

    Files that a process is writing, and those that could not be read, are left as they were;
    `failed` says why.
    """

    tables: Counter[str]
    removed: list[Path]
    in_use: tuple[Path, ...]
    failed: dict[Path, str] = field(default_factory=dict)

    @property
    def rows(self) -> int:
        """How many rows went."""
        return self.tables.total()

    @property
    def is_complete(self) -> bool:
        """Whether no file was left alone."""
        return not (self.in_use or self.failed)


def purge(
    path: Path,
    *,
    before_ms: int | None = None,
    user: str | None = None,
    everything: bool = False,
    identity: Path | None = None,
) -> Purged:
    """Delete telemetry from a database file or a folder of them, and overwrite it on the disk.

    `before_ms` deletes what is older (milliseconds since the epoch), `user` what this user left,
    both together what is both, `everything` all of it, and with the last file of a folder its key.
    A user is found under the folder's key and under the one in the file `identity`, if given.
    A file that a running process writes is left alone: two writers of one file are one too many.

    What is not ours is left alone, too. Raises FileNotFoundError if there is no database,
    `NotTelemetryError` for a file that is none, ValueError if nothing was asked for, `NoKeyError`
    for a user where there is no key, or none in `identity`.
    """
    if before_ms is None and user is None and not everything:
        raise ValueError("say what to purge: an age, a user, or everything")
    files = [file.resolve() for file in own_files(path)]
    in_use = tuple(file for file in files if is_in_use(file))
    folder = path if path.is_dir() else path.parent
    ids = None if user is None else user_ids(user, folder, identity)
    purged = Purged(Counter(), [], in_use)
    for file in files:
        if file in in_use:
            continue
        try:
            tables, is_empty = _purge_file(file, before_ms, ids, everything)
        except (sqlite3.Error, SchemaTooNewError) as error:
            purged.failed[file] = str(error)
            continue
        purged.tables.update(tables)
        if is_empty:
            purged.removed.append(file)
    if everything and path.is_dir() and purged.is_complete:
        remove_key(path)
    return purged


def apply_retention(folder: Path, days: int, *, now_ms: int) -> int:
    """Purge what is older than `days`, and remove the files that are empty then."""
    try:
        purged = purge(folder, before_ms=now_ms - days * DAY_MS)
    except FileNotFoundError:
        return 0
    for path, why in purged.failed.items():
        _log.warning("telemetry: old events in %s were not removed: %s", path, why)
    return purged.rows


def _purge_file(
    path: Path, before_ms: int | None, ids: list[str] | None, everything: bool
) -> tuple[Counter[str], bool]:
    """The rows that went, by table, and whether the file went with them."""
    with changing(path) as connection:
        connection.execute("PRAGMA secure_delete = ON")
        if everything:
            purged = _delete_all(connection)
        else:
            purged = _delete_chosen(connection, before_ms, ids)
        counts = " + ".join(f"(SELECT count(*) FROM {table})" for table in _OF_SESSIONS)  # noqa: S608
        is_empty = connection.execute(f"SELECT {counts}").fetchone() == (0,)
    if not is_empty:
        vacuum(path)
    else:
        remove(path)
    return purged, is_empty


def _delete_all(connection: sqlite3.Connection) -> Counter[str]:
    deleted = Counter[str]()
    for table in TABLES:
        deleted[table] = connection.execute(f"DELETE FROM {table}").rowcount  # noqa: S608
    return deleted


def _delete_chosen(
    connection: sqlite3.Connection, before_ms: int | None, ids: list[str] | None
) -> Counter[str]:
    """Delete what is as old and of whom was asked for, and what hangs on it."""
    chosen = {
        "before": 1 << 62 if before_ms is None else before_ms,
        "any_user": int(ids is None),
        "users": json.dumps(ids or []),
    }
    deleted = Counter[str]()
    for table in TABLES.values():
        if table.parent:
            condition = f"{table.parent} NOT IN (SELECT id FROM {table.parent})"  # noqa: S608
        elif table.name in _OF_SESSIONS:
            users = "SELECT value FROM json_each(:users)"
            whose = f"session IN (SELECT id FROM session WHERE user_h IN ({users}))"  # noqa: S608
            condition = f"{table.age_ms} < :before AND (:any_user OR {whose})"
        else:
            condition = f"{table.age_ms} < :before AND :any_user"
        if table.age_ms or table.parent:
            statement = f"DELETE FROM {table.name} WHERE {condition}"  # noqa: S608
            deleted[table.name] = connection.execute(statement, chosen).rowcount
    # A session is who; without events it is nobody's.
    named = " UNION ".join(f"SELECT session FROM {table}" for table in _OF_SESSIONS)  # noqa: S608
    statement = f"DELETE FROM session WHERE id NOT IN ({named})"  # noqa: S608
    deleted["session"] = connection.execute(statement).rowcount
    return deleted
