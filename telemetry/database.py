"""A database file as its one writer has it: made, opened, checked, set aside when it is damaged."""

from __future__ import annotations

import logging
import os
import secrets
import sqlite3
from contextlib import ExitStack, closing, suppress
from pathlib import Path
from typing import Final

from telemetry.files import (
    APPLICATION_ID,
    holds_telemetry,
    new_database_path,
    noted_as_open,
)
from telemetry.migrations import MIGRATIONS, refuse_newer

COMPANIONS: Final = ("-wal", "-shm")

_log = logging.getLogger(__name__)


class DatabaseFile:
    """The file at `path`, for one thread; `max_bytes` bounds it (None: the disk does).

    If something is there that is not ours, it is left alone and `path` becomes another.
    """

    def __init__(self, path: Path, max_bytes: int | None = None) -> None:
        self.path = path
        self.connection: sqlite3.Connection | None = None
        self._max_bytes = max_bytes
        self._checked = False
        self._opened = ExitStack()

    def connected(self, busy_s: float) -> tuple[sqlite3.Connection, bool]:
        """A connection, and whether its file is new; raises as SQLite and the file system do.

        `busy_s` is how long a new connection waits for others' locks.
        """
        if self.connection is not None and not self.path.exists():
            self.disconnect()  # deleted under us: its inode would swallow everything
        if self.connection is not None:
            return self.connection, False
        self.path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        is_new = self._create_unless_ours()
        try:
            self.connection = self._open(is_new, busy_s)
        except BaseException:
            if is_new:  # without its header, nobody could tell whose it is
                remove(self.path)
            raise
        return self.connection, is_new

    def step_back(self) -> None:
        """Undo what was begun, and go on with the connection if that works."""
        try:
            if self.connection is not None and self.connection.in_transaction:
                self.connection.execute("ROLLBACK")
        except sqlite3.Error:
            self.disconnect()

    def disconnect(self) -> None:
        """Close the connection, if there is one."""
        if self.connection is not None:
            with suppress(sqlite3.Error):
                self._opened.close()
            self.connection = None

    def set_aside(self) -> None:
        """Rename a damaged database of this program; other programs' files are left alone."""
        self.disconnect()
        if not holds_telemetry(self.path):
            return
        aside = self.path.with_name(f"{self.path.name}.damaged-{secrets.token_hex(3)}")
        _log.error("telemetry: %s is damaged; set aside as %s", self.path, aside.name)
        for companion in ("", *COMPANIONS):
            with suppress(OSError):
                self.path.with_name(self.path.name + companion).rename(f"{aside}{companion}")

    def _create_unless_ours(self) -> bool:
        """Make a new file, for its owner alone, unless this program's is there; say if it did."""
        if self.path.exists() or self.path.is_symlink():
            if holds_telemetry(self.path):
                return False
            _log.warning("telemetry: %s is not ours and is left as it is", self.path)
            self.path = new_database_path(self.path.parent)
        os.close(os.open(self.path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600))
        return True

    def _open(self, is_new: bool, busy_s: float) -> sqlite3.Connection:
        with ExitStack() as opened:
            opened.enter_context(noted_as_open(self.path))
            connection = sqlite3.connect(
                self.path, timeout=busy_s, isolation_level=None, check_same_thread=False
            )
            opened.enter_context(closing(connection))
            if not is_new and not self._checked:
                _check(connection)
            self._checked = True
            prepare(connection)
            if self._max_bytes is not None:
                page_size = connection.execute("PRAGMA page_size").fetchone()[0]
                connection.execute(f"PRAGMA max_page_count = {self._max_bytes // page_size}")
            self._opened = opened.pop_all()
        return connection


def prepare(connection: sqlite3.Connection) -> None:
    """Make a connection durable and its schema current; a newer schema is refused."""
    refuse_newer(connection)
    if connection.execute("PRAGMA application_id").fetchone() == (0,):
        # Before WAL is on: it must not be in the log alone when the process is killed.
        connection.execute(f"PRAGMA application_id = {APPLICATION_ID}")
    connection.execute("PRAGMA journal_mode = WAL")
    connection.execute("PRAGMA synchronous = FULL")
    MIGRATIONS.apply(connection)


def remove(path: Path) -> None:
    """Remove a database of this program with what SQLite keeps beside it."""
    for companion in ("", *COMPANIONS):
        path.with_name(path.name + companion).unlink(missing_ok=True)


def _check(connection: sqlite3.Connection) -> None:
    """Raise as SQLite itself does on damage if the file is not sound."""
    if connection.execute("PRAGMA quick_check(1)").fetchone() != ("ok",):
        error = sqlite3.DatabaseError("the file does not pass SQLite's quick_check")
        error.sqlite_errorcode = sqlite3.SQLITE_CORRUPT
        raise error
