"""The database: one file per process, one thread that writes it, and the way to read them.

`put` never waits. The writer takes whatever has queued up, writes it in one transaction and syncs
it (WAL, `synchronous=FULL`) before it says so. What cannot be stored within `patience_s` is dropped
and counted, by reason, in `ingest_gap` as soon as the file takes writes again.
"""

from __future__ import annotations

import logging
import os
import queue
import secrets
import sqlite3
import threading
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from concurrent.futures import Future
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from sqlite_utils import Database

from telemetry.faults import Fault, fault_of
from telemetry.migrations import MIGRATIONS, refuse_newer
from telemetry.recorder import Receipt, settle
from telemetry.writes import Write, insert_row

GROUP_COMMIT_S: Final = 0.010
_RETRY_S: Final = 0.05
_MAX_GROUPS: Final = 2_000  # bounds a transaction, and with it the wait of its first receipt

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class _Group:
    """Writes that are stored together or not at all, and who wants to know."""

    writes: Sequence[Write]
    receipt: Receipt | None

    def settle(self, durable: bool) -> None:
        settle(self.receipt, durable)


class Store:
    """Takes writes from any thread and makes them durable.

    `capacity` bounds the groups that may wait, `max_bytes` the file (None: the disk's own limit),
    `patience_s` how long a group is tried before it is given up.
    """

    def __init__(
        self,
        path: Path,
        *,
        capacity: int = 100_000,
        max_bytes: int | None = None,
        patience_s: float = 5.0,
        busy_s: float = 1.0,
    ) -> None:
        self.path = path
        self._capacity = capacity
        self._max_bytes = max_bytes
        self._patience_s = patience_s
        self._busy_s = busy_s
        self._queue: queue.SimpleQueue[_Group | None] = queue.SimpleQueue()
        self._lost: Counter[Fault] = Counter()
        self._lock = threading.Lock()
        self._labels: dict[str, int] = {}
        self._reference: list[Write] = []
        self._reference_stored = 0
        self._connection: sqlite3.Connection | None = None
        self._checked = False
        self._closing = threading.Event()
        self._thread = threading.Thread(target=self._run, name="telemetry-store", daemon=True)
        self._thread.start()

    def put(self, *writes: Write, receipt: Receipt | None = None) -> None:
        """Queue writes that belong together; `receipt` gets True once they are on the disk."""
        group = _Group(writes, receipt)
        if self._queue.qsize() >= self._capacity or self._closing.is_set():
            self.count_lost("queue_full")
            group.settle(False)
        else:
            self._queue.put(group)

    def put_reference(self, write: Write) -> None:
        """Queue rows that others refer to (labels, sessions): a replacement file gets them too."""
        self._reference.append(write)

    def label(self, name: str) -> int:
        """The id under which rows of other tables store this word."""
        with self._lock:
            if name not in self._labels:
                self._labels[name] = len(self._labels) + 1
                self.put_reference(insert_row("label", id=self._labels[name], name=name))
            return self._labels[name]

    def count_lost(self, reason: Fault, count: int = 1) -> None:
        """Note events that will not be stored, to be written down as soon as that is possible."""
        with self._lock:
            self._lost[reason] += count

    def flush(self, timeout_s: float = 10.0) -> bool:
        """Wait until what was put before is stored; False if it was lost or takes too long."""
        receipt: Receipt = Future()
        self.put(receipt=receipt)
        with suppress(TimeoutError):
            return receipt.result(timeout_s)
        return False

    def close(self, timeout_s: float = 5.0) -> None:
        """Store what is queued and close the file, within `timeout_s`."""
        if not self._closing.is_set():
            self._closing.set()
            self._queue.put(None)
        self._thread.join(timeout_s)

    # Everything below runs on the writer thread.

    def _run(self) -> None:
        while groups := self._next_groups():
            self._commit(groups)
        self._refuse_the_rest()
        self._commit([])  # the last gaps
        self._disconnect()
        if self._lost:
            _log.warning("telemetry: events were lost and not counted in the file: %s", self._lost)

    def _refuse_the_rest(self) -> None:
        """What was put while the store closed; nobody is left waiting for it."""
        with suppress(queue.Empty):
            while True:
                group = self._queue.get_nowait()
                if group is not None:
                    self.count_lost("queue_full")
                    group.settle(False)

    def _next_groups(self) -> list[_Group]:
        """What is queued, after a wait of up to 10 ms for company unless someone wants to know."""
        groups: list[_Group] = []
        deadline = None
        while len(groups) < _MAX_GROUPS:
            try:
                group = self._queue.get(timeout=_remaining(deadline))
            except queue.Empty:
                break
            if group is None:
                self._queue.put(None)  # seen again by the next call, which then ends the thread
                break
            groups.append(group)
            if group.receipt is not None:
                deadline = 0.0
            elif deadline is None:
                deadline = time.monotonic() + GROUP_COMMIT_S
        return groups

    def _commit(self, groups: list[_Group]) -> None:
        fault = self._try_until_patience_ends(groups)
        if fault == "rejected" and len(groups) > 1:
            for group in groups:  # one bad row must not take its neighbours with it
                self._commit([group])
            return
        if fault is not None:
            self.count_lost(fault, len(groups))
        for group in groups:
            group.settle(fault is None)

    def _try_until_patience_ends(self, groups: list[_Group]) -> Fault | None:
        deadline = time.monotonic() + self._patience_s
        while True:
            try:
                self._transact(groups)
            except Exception as error:  # noqa: BLE001 - the thread must outlive any fault
                fault = fault_of(error)
                self._disconnect()
                if fault == "damaged":
                    self._set_aside()
                    fault = "io_error"
                if fault == "rejected" or time.monotonic() > deadline or self._closing.is_set():
                    _log.warning("telemetry: %d events not stored: %s", len(groups), error)
                    return fault
                time.sleep(_RETRY_S)
            else:
                return None

    def _transact(self, groups: list[_Group]) -> None:
        if not groups and not self._lost:
            return
        connection = self._connected()
        connection.execute("BEGIN IMMEDIATE")
        lost = self._write_gaps(connection)
        reference_end = len(self._reference)
        for write in self._reference[self._reference_stored : reference_end]:
            connection.executemany(write.statement, write.rows)
        for group in groups:
            for write in group.writes:
                connection.executemany(write.statement, write.rows)
        connection.execute("COMMIT")
        self._reference_stored = reference_end
        with self._lock:
            self._lost -= lost

    def _write_gaps(self, connection: sqlite3.Connection) -> Counter[Fault]:
        with self._lock:
            lost = self._lost.copy()
        for reason, count in lost.items():
            connection.execute(
                "INSERT INTO ingest_gap (ts_ms, reason, lost) VALUES (?, ?, ?)",
                (int(time.time() * 1000), self.label(reason), count),
            )
        return lost

    def _connected(self) -> sqlite3.Connection:
        if self._connection is not None and not self.path.exists():
            self._disconnect()  # deleted under us: its inode would swallow everything
        if self._connection is None:
            self._connection = self._open()
        return self._connection

    def _open(self) -> sqlite3.Connection:
        self.path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        is_new = not self.path.exists()
        self.path.touch(mode=0o600)  # before SQLite does, which would let others read
        connection = sqlite3.connect(
            self.path, timeout=self._busy_s, isolation_level=None, check_same_thread=False
        )
        try:
            if not is_new and not self._checked:
                _check(connection)
            self._checked = True
            prepare(connection)
            if self._max_bytes is not None:
                page_size = connection.execute("PRAGMA page_size").fetchone()[0]
                connection.execute(f"PRAGMA max_page_count = {self._max_bytes // page_size}")
        except BaseException:
            connection.close()
            raise
        if is_new:
            self._reference_stored = 0
        return connection

    def _disconnect(self) -> None:
        if self._connection is not None:
            with suppress(sqlite3.Error):
                self._connection.close()
            self._connection = None

    def _set_aside(self) -> None:
        aside = self.path.with_name(f"{self.path.name}.damaged-{secrets.token_hex(3)}")
        _log.error("telemetry: %s is damaged; set aside as %s", self.path, aside.name)
        with suppress(OSError):
            self.path.rename(aside)
        for companion in ("-wal", "-shm"):
            with suppress(OSError):
                self.path.with_name(self.path.name + companion).rename(f"{aside}{companion}")


def _check(connection: sqlite3.Connection) -> None:
    """Raise as SQLite itself does on damage if the file is not sound."""
    if connection.execute("PRAGMA quick_check(1)").fetchone() != ("ok",):
        error = sqlite3.DatabaseError("the file does not pass SQLite's quick_check")
        error.sqlite_errorcode = sqlite3.SQLITE_CORRUPT
        raise error


def _remaining(deadline: float | None) -> float | None:
    """Seconds to a deadline on the monotonic clock, never negative; None waits for ever."""
    return None if deadline is None else max(0.0, deadline - time.monotonic())


def prepare(connection: sqlite3.Connection) -> None:
    """Make a connection durable and its schema current; a newer schema is refused."""
    connection.execute("PRAGMA journal_mode = WAL")
    connection.execute("PRAGMA synchronous = FULL")
    db = Database(connection, execute_plugins=False)
    refuse_newer(db)
    MIGRATIONS.apply(db)


@contextmanager
def reading(path: Path) -> Iterator[sqlite3.Connection]:
    """A connection that only reads; sees one consistent state for as long as it is open.

    Raises sqlite3.DatabaseError for a damaged file, `SchemaTooNewError` for a newer one.
    """
    # A WAL file needs a writable folder to be read with; without one the file is complete.
    wal = path.with_name(path.name + "-wal")
    immutable = "" if wal.exists() or os.access(path.parent, os.W_OK) else "&immutable=1"
    uri = f"{path.absolute().as_uri()}?mode=ro{immutable}"
    with closing(sqlite3.connect(uri, uri=True, isolation_level=None)) as connection:
        refuse_newer(Database(connection, execute_plugins=False))
        connection.execute("BEGIN")
        yield connection


@contextmanager
def changing(path: Path) -> Iterator[sqlite3.Connection]:
    """A transaction on a file that may be another process's, for purges and retention."""
    with closing(sqlite3.connect(path, timeout=10.0, isolation_level=None)) as connection:
        prepare(connection)
        connection.execute("BEGIN IMMEDIATE")
        try:
            yield connection
        except BaseException:
            connection.execute("ROLLBACK")
            raise
        connection.execute("COMMIT")


def vacuum(path: Path) -> None:
    """Give deleted rows' space back and empty the log, as far as other connections allow."""
    with closing(sqlite3.connect(path, timeout=1.0, isolation_level=None)) as connection:
        for statement in ("VACUUM", "PRAGMA wal_checkpoint(TRUNCATE)"):
            with suppress(sqlite3.OperationalError):
                connection.execute(statement)
