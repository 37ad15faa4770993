"""What can be wrong with a disk, named once, so that lost events can say why they were lost."""

from __future__ import annotations

import sqlite3
from typing import Final, Literal

from telemetry.migrations import SchemaTooNewError

Fault = Literal[
    "disk_full",
    "read_only",
    "cannot_open",
    "locked",
    "io_error",
    "damaged",
    "rejected",
    "queue_full",
    "stalled",
    "newer_schema",
    "unknown_suggestion",
    "unknown_opportunity",
    "unknown_session",
    "internal_error",
]

_BY_CODE: Final[dict[int, Fault]] = {
    sqlite3.SQLITE_FULL: "disk_full",
    sqlite3.SQLITE_READONLY: "read_only",
    sqlite3.SQLITE_CANTOPEN: "cannot_open",
    sqlite3.SQLITE_BUSY: "locked",
    sqlite3.SQLITE_LOCKED: "locked",
    sqlite3.SQLITE_IOERR: "io_error",
    sqlite3.SQLITE_CORRUPT: "damaged",
    sqlite3.SQLITE_NOTADB: "damaged",
}


def fault_of(error: Exception) -> Fault:
    """The fault behind an exception of sqlite3 or of the file system."""
    if isinstance(error, sqlite3.Error):
        code = getattr(error, "sqlite_errorcode", None)
        return "rejected" if code is None else _BY_CODE.get(code & 0xFF, "rejected")
    if isinstance(error, SchemaTooNewError):
        return "newer_schema"
    return "cannot_open" if isinstance(error, OSError) else "internal_error"
