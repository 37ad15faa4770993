"""The recorder that records: one thread keeps the ledger, another writes the store.

Events wait on a bounded queue with the time at which they happened; nothing that front doors do
waits for a lock that a disk can hold.
"""

from __future__ import annotations

import logging
import queue
import threading
import time
from collections.abc import Callable
from concurrent.futures import Future
from contextlib import suppress
from pathlib import Path
from typing import Final

from telemetry.events import Accepted, Event, Shown
from telemetry.files import NotTelemetryError, new_database_path
from telemetry.ledger import Ledger
from telemetry.privacy import OptOut, Pseudonyms, install_key, read_key
from telemetry.recorder import REFUSED, TAKEN_IN, Receipt, settle
from telemetry.retention import apply_retention
from telemetry.store import Store

CAPACITY: Final = 50_000
_LONGEST_WAIT_S: Final = 0.5  # an injected clock may jump while the thread waits

_log = logging.getLogger(__name__)

Clock = Callable[[], int]


def wall_clock_ms() -> int:
    """Milliseconds since the epoch, in UTC."""
    return time.time_ns() // 1_000_000


def open_recorder(
    folder: Path,
    *,
    identity: Path | None = None,
    retention_days: int | None = None,
    now_ms: Clock = wall_clock_ms,
) -> Journal:
    """A recorder that stores into a file of its own in `folder`, made with the first event.

    Never fails for what the disk does: what cannot be stored is counted. Files of processes that
    are gone lose, in the background, what is older than `retention_days`. `now_ms` replaces the
    clock in tests. People are known by the key in the file `identity`, by the folder's without one;
    raises `NoKeyError` if that file holds no key.
    """
    people_key = None if identity is None else read_key(identity)
    if retention_days is not None:
        threading.Thread(
            target=_forget,
            args=(folder, retention_days, now_ms()),
            name="telemetry-retention",
            daemon=True,
        ).start()
    key = install_key(folder)
    store = Store(new_database_path(folder))
    opt_out = OptOut(folder, Pseudonyms(key))  # lists are a folder's own, under its own key
    return Journal(store, Ledger(store, Pseudonyms(key, people_key), opt_out), now_ms)


def _forget(folder: Path, days: int, now_ms: int) -> None:
    try:
        apply_retention(folder, days, now_ms=now_ms)
    except (OSError, NotTelemetryError) as error:
        _log.warning("telemetry: old events were not removed: %s", error)


# When it happened and who wants to know that it is durable; without an event, only the wait counts.
_Message = tuple[int, Event | None, Receipt]


class Journal:
    """A `Recorder` over a ledger and its store."""

    def __init__(self, store: Store, ledger: Ledger, now_ms: Clock = wall_clock_ms) -> None:
        self._store = store
        self._ledger = ledger
        self._now_ms = now_ms
        self._inbox: queue.SimpleQueue[_Message | None] = queue.SimpleQueue()
        self._has_dropped = False
        self._is_closed = False
        self._thread = threading.Thread(target=self._run, name="telemetry-ledger", daemon=True)
        self._thread.start()

    @property
    def path(self) -> Path:
        """The database file of this process."""
        return self._store.path

    @property
    def records(self) -> bool:
        """See `Recorder`."""
        return True

    def record(self, event: Event) -> Receipt:
        """See `Recorder`."""
        if self._is_closed or self._inbox.qsize() >= CAPACITY:
            self._has_dropped = True
            self._store.count_lost("queue_full")
            return REFUSED
        receipt: Receipt = Future() if isinstance(event, (Shown, Accepted)) else TAKEN_IN
        self._inbox.put((self._now_ms(), event, receipt))
        return receipt

    def flush(self, timeout_s: float = 10.0) -> bool:
        """Wait until what was recorded before is stored and what is due is checked."""
        if self._is_closed:
            return False
        checked: Receipt = Future()
        self._inbox.put((self._now_ms(), None, checked))
        with suppress(TimeoutError):
            return checked.result(timeout_s) and self._store.flush(timeout_s)
        return False

    def close(self, timeout_s: float = 5.0) -> None:
        """See `Recorder`."""
        if self._is_closed:
            return
        self._is_closed = True
        deadline = time.monotonic() + timeout_s
        self._inbox.put(None)
        self._thread.join(timeout_s)
        self._store.close(max(deadline - time.monotonic(), 0.1))

    # Everything below runs on the ledger's thread.

    def _run(self) -> None:
        while True:
            try:
                message = self._inbox.get(timeout=self._wait_s())
            except queue.Empty:
                self._guarded(self._ledger.run_due, self._now_ms())
                continue
            if message is None:
                break
            self._handle(*message)
        self._guarded(self._ledger.close, self._now_ms())

    def _handle(self, time_ms: int, event: Event | None, receipt: Receipt) -> None:
        if self._has_dropped:
            self._has_dropped = False
            self._guarded(self._ledger.documents.lose_track)
        # Checks due by then come first: they see the document as it was when they were due.
        self._guarded(self._ledger.run_due, time_ms)
        if event is None:
            settle(receipt, True)
        elif not self._guarded(self._ledger.take_in, time_ms, event, receipt):
            settle(receipt, False)

    def _guarded(self, handler: Callable[..., None], *arguments: object) -> bool:
        """Whether the handler came to its end; a bug in it costs its event, not the thread."""
        try:
            handler(*arguments)
        except Exception:  # noqa: BLE001 - an editor must not suffer from a bug in here
            _log.exception("telemetry: an event could not be taken in")
            self._store.count_lost("internal_error")
            return False
        return True

    def _wait_s(self) -> float | None:
        due_ms = self._ledger.next_due_ms
        if due_ms is None:
            return None
        return min(max((due_ms - self._now_ms()) / 1000, 0.0), _LONGEST_WAIT_S)
