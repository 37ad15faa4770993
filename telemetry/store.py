"""The database: one file per process, one thread that writes it, and the way to read them.

`put` never waits. The writer takes whatever has queued up, writes it in one transaction and syncs
it (WAL, `synchronous=FULL`) before it says so. What cannot be stored within `patience_s` is dropped
and counted, by reason, in `ingest_gap` as soon as the file takes writes again; until then, nothing
else is waited for (`faults.Stall`). A file that is not ours is never opened (`files`).
"""

from __future__ import annotations

import logging
import os
import queue
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

from telemetry.database import DatabaseFile, prepare
from telemetry.faults import Fault, Stall, fault_of
from telemetry.files import noted_as_open, refuse_others
from telemetry.migrations import refuse_newer
from telemetry.recorder import Receipt, settle
from telemetry.schema import SqlValue
from telemetry.writes import Write, event_rows, insert_row, labelled, update_row

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

    `path` is where they go, but for a file that is there and not ours: it is left alone, and `path`
    becomes another one. `capacity` bounds the groups that may wait, `max_bytes` the file (None: the
    disk's own limit), `patience_s` how long a group is tried before it is given up.
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
        self._file = DatabaseFile(path, max_bytes)
        self._capacity = capacity
        self._stall = Stall(patience_s, busy_s)
        self._queue: queue.SimpleQueue[_Group | None] = queue.SimpleQueue()
        self._lost: Counter[Fault] = Counter()
        self._lock = threading.Lock()
        self._labels: dict[str, int] = {}
        self._reference: list[Write] = []
        self._reference_stored = 0
        self._closing = threading.Event()
        self._thread = threading.Thread(target=self._run, name="telemetry-store", daemon=True)
        self._thread.start()

    @property
    def path(self) -> Path:
        """The file that is written."""
        return self._file.path

    def put(self, *writes: Write, receipt: Receipt | None = None) -> None:
        """Queue writes that belong together; `receipt` gets True once they are on the disk."""
        group = _Group(writes, receipt)
        if self._queue.qsize() >= self._capacity or self._closing.is_set():
            self._refuse(group, "queue_full")
        elif receipt is not None and self._stall.hangs:
            self._refuse(group, "stalled")
        else:
            self._queue.put(group)

    def insert(
        self,
        table: str,
        event: object = None,
        *,
        receipt: Receipt | None = None,
        **given: SqlValue,
    ) -> None:
        """Queue a row: what the table's columns read from the event, and what is given."""
        self.put(event_rows(table, [event], self.label, **given), receipt=receipt)

    def update(
        self, table: str, row_id: int, *, receipt: Receipt | None = None, **given: SqlValue
    ) -> None:
        """Queue new values for columns of a row."""
        write = update_row(table, row_id, **labelled(table, given, self.label))
        self.put(write, receipt=receipt)

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

    def _refuse(self, group: _Group, reason: Fault) -> None:
        self.count_lost(reason, _events([group]))
        group.settle(False)

    # Everything below runs on the writer thread.

    def _run(self) -> None:
        while groups := self._next_groups():
            self._commit(groups)
        self._refuse_the_rest()
        self._commit([])  # the last gaps
        self._file.disconnect()
        if self._lost:
            _log.warning("telemetry: events were lost and not counted in the file: %s", self._lost)

    def _refuse_the_rest(self) -> None:
        """What was put while the store closed; nobody is left waiting for it."""
        with suppress(queue.Empty):
            while True:
                group = self._queue.get_nowait()
                if group is not None:
                    self._refuse(group, "queue_full")

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
            self.count_lost(fault, _events(groups))
        for group in groups:
            group.settle(fault is None)

    def _try_until_patience_ends(self, groups: list[_Group]) -> Fault | None:
        began = time.monotonic()
        while True:
            self._stall.begin()
            try:
                self._transact(groups)
            except Exception as error:  # noqa: BLE001 - the thread must outlive any fault
                fault = self._step_back(fault_of(error))
                if fault == "rejected":
                    self._stall.end()
                    _log.warning("telemetry: events are refused by the database: %s", error)
                    return fault
                waited = time.monotonic() - began
                if waited >= self._stall.patience_s(fault) or self._closing.is_set():
                    self._stall.gave_up(fault, _events(groups), error)
                    return fault
                time.sleep(_RETRY_S)
            else:
                self._stall.stored()
                return None

    def _step_back(self, fault: Fault) -> Fault:
        """Undo what was begun, and give the connection up unless the fault is not its own."""
        if fault in ("rejected", "disk_full"):
            self._file.step_back()
        elif fault == "damaged":
            self._file.set_aside()
            return "io_error"
        else:
            self._file.disconnect()
        return fault

    def _transact(self, groups: list[_Group]) -> None:
        if not groups and not self._lost:
            return
        connection, is_new = self._file.connected(self._stall.busy_s)
        if is_new:
            self._reference_stored = 0
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


def _events(groups: Sequence[_Group]) -> int:
    """How many events are lost with groups; one that writes nothing only waits for the others."""
    return sum(1 for group in groups if group.writes)


def _remaining(deadline: float | None) -> float | None:
    """Seconds to a deadline on the monotonic clock, never negative; None waits for ever."""
    return None if deadline is None else max(0.0, deadline - time.monotonic())


@contextmanager
def reading(path: Path) -> Iterator[sqlite3.Connection]:
    """A connection that only reads; sees one consistent state for as long as it is open.

    Raises `NotTelemetryError` for a file that is not ours, sqlite3.DatabaseError for a damaged one,
    `SchemaTooNewError` for a newer one.
    """
    # A WAL file needs a writable folder to be read with; without one the file is complete.
    wal = path.with_name(path.name + "-wal")
    immutable = "" if wal.exists() or os.access(path.parent, os.W_OK) else "&immutable=1"
    uri = f"{path.absolute().as_uri()}?mode=ro{immutable}"
    with _connected_to(path, uri, timeout=5.0) as connection:
        refuse_newer(connection)
        connection.execute("BEGIN")
        yield connection


def snapshot(path: Path, target: Path) -> None:
    """Copy a database as it is now, also one that is being written, for its owner alone.

    Raises as `reading` does.
    """
    target.unlink(missing_ok=True)
    target.touch(mode=0o600)
    with reading(path) as original, closing(sqlite3.connect(target)) as copy:
        original.backup(copy)


@contextmanager
def changing(path: Path) -> Iterator[sqlite3.Connection]:
    """A transaction on a file that may be another process's, for purges and retention.

    Raises as `reading` does.
    """
    with _connected_to(path, path, timeout=10.0) as connection:
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
    with _connected_to(path, path, timeout=1.0) as connection:
        for statement in ("VACUUM", "PRAGMA wal_checkpoint(TRUNCATE)"):
            with suppress(sqlite3.OperationalError):
                connection.execute(statement)


@contextmanager
def _connected_to(path: Path, source: Path | str, timeout: float) -> Iterator[sqlite3.Connection]:
    """A connection to a database, by its path or a URI; `timeout` in seconds, for its locks."""
    refuse_others(path)
    uri = isinstance(source, str)
    with (
        noted_as_open(path),
        closing(
            sqlite3.connect(source, uri=uri, timeout=timeout, isolation_level=None)
        ) as connection,
    ):
        yield connection
