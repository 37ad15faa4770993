"""What can be wrong with a disk, and how long a write is waited for.

Faults are named, so that lost events can say why they were lost. One wait in vain is enough: from
then on writes are tried just once, and who waits for a receipt is answered at once, until one is
stored again.
"""

from __future__ import annotations

import logging
import sqlite3
import time
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

_LOCK_S: Final = 0.2  # other processes mostly hold a lock for less, even where one did not
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
_log = logging.getLogger(__name__)


def fault_of(error: Exception) -> Fault:
    """The fault behind an exception of sqlite3 or of the file system."""
    if isinstance(error, sqlite3.Error):
        code = getattr(error, "sqlite_errorcode", None)
        return "rejected" if code is None else _BY_CODE.get(code & 0xFF, "rejected")
    if isinstance(error, SchemaTooNewError):
        return "newer_schema"
    return "cannot_open" if isinstance(error, OSError) else "internal_error"


class Stall:
    """The writer's experience with its disk.

    `patience_s` is how long the first fault is waited out, `busy_s` how long SQLite itself waits
    for a lock.
    """

    def __init__(self, patience_s: float, busy_s: float) -> None:
        self._patience_s = patience_s
        self._busy_s = busy_s
        self._stalled = False
        self._lost = 0
        self._trying_since: float | None = None

    @property
    def hangs(self) -> bool:
        """Whether an attempt takes so long that nobody should wait behind it. From any thread."""
        since = self._trying_since
        return since is not None and time.monotonic() - since > self._patience_s + self._busy_s

    @property
    def busy_s(self) -> float:
        """How long SQLite is to wait for a lock now."""
        return min(self._busy_s, _LOCK_S) if self._stalled else self._busy_s

    def patience_s(self, fault: Fault) -> float:
        """How long to go on trying after this fault."""
        if not self._stalled:
            return self._patience_s
        return min(_LOCK_S, self._patience_s) if fault == "locked" else 0.0

    def begin(self) -> None:
        """Note that an attempt to write begins."""
        self._trying_since = time.monotonic()

    def end(self) -> None:
        """Note that the attempt ended in a way that says nothing about the disk."""
        self._trying_since = None

    def stored(self) -> None:
        """Note that the attempt succeeded."""
        self.end()
        if self._stalled:
            _log.warning("telemetry: events are stored again; %d were lost", self._lost)
        self._stalled, self._lost = False, 0

    def gave_up(self, fault: Fault, lost: int, error: Exception) -> None:
        """No further attempt is made for `lost` events."""
        self.end()
        if not self._stalled:
            _log.warning("telemetry: events are not stored (%s): %s", fault, error)
        self._stalled, self._lost = True, self._lost + lost
