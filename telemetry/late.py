"""A recorder that is opened on a thread, once there is something to record."""

from __future__ import annotations

import asyncio
import logging
import threading
from collections.abc import Callable
from concurrent.futures import Future
from contextlib import suppress

from telemetry.events import Event
from telemetry.recorder import NullRecorder, Receipt, Recorder, settle

_log = logging.getLogger(__name__)


class LateRecorder:
    """Keeps events until `open_recorder` has returned, which the first one begins.

    If it fails, nothing is recorded.
    """

    def __init__(self, open_recorder: Callable[[], Recorder]) -> None:
        self._open_recorder = open_recorder
        self._opened: Future[Recorder] = Future()
        self._waiting: list[tuple[Event, Receipt]] | None = []
        self._lock = threading.Lock()
        self._thread = threading.Thread(target=self._open, name="telemetry-open", daemon=True)

    @property
    def records(self) -> bool:
        """See `Recorder`; waits until that is known."""
        self._begin()
        return self._opened.result().records

    def record(self, event: Event) -> Receipt:
        """See `Recorder`."""
        with self._lock:
            if self._waiting is None:
                return self._opened.result().record(event)
            receipt: Receipt = Future()
            self._waiting.append((event, receipt))
        self._begin_soon()
        return receipt

    def close(self, timeout_s: float = 5.0) -> None:
        """See `Recorder`."""
        if self._waiting or self._waiting is None:
            self._begin()
            with suppress(TimeoutError):
                self._opened.result(timeout_s).close(timeout_s)

    def _begin(self) -> None:
        with self._lock, suppress(RuntimeError):  # that is what a thread raises that was started
            self._thread.start()

    def _begin_soon(self) -> None:
        """Begin once the event loop has done what it is at: somebody may wait for that."""
        try:
            asyncio.get_running_loop().call_soon(self._begin)
        except RuntimeError:
            self._begin()

    def _open(self) -> None:
        try:
            recorder = self._open_recorder()
        except Exception as error:  # noqa: BLE001  whoever needs it more tells of it
            _log.warning("telemetry: nothing is recorded: %s", error)
            recorder = NullRecorder()
        with self._lock:
            waiting, self._waiting = self._waiting or [], None
            self._opened.set_result(recorder)
            for event, receipt in waiting:
                _follow(recorder.record(event), receipt)


def _follow(stored: Receipt, receipt: Receipt) -> None:
    stored.add_done_callback(lambda done: settle(receipt, done.result()))
