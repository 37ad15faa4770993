"""The end of a server: orderly where that is possible, and soon in any case.

A signal asks it to stop, and what it is at is finished or refused. Then what was recorded is
stored. Threads that nobody can stop (a model that loads, kernels that compile, a request that got
stuck) do not keep the process.
"""

import os
import select
import signal
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Protocol

from completer.cli.interruption import leave, on_signals
from telemetry.recorder import NullRecorder, Recorder

STORE_S = 0.7  # for what was recorded
CLOSE_S = 0.4  # for everything else: nothing of it would be lost
_BY_ITSELF = 0  # no signal has this number


class Closes(Protocol):
    """A service that has threads to stop."""

    def close(self) -> None:
        """Stop the threads."""
        ...


class Ending:
    """The end of one process. Its code is 0 where a signal asked for it.

    Signals are passed to a thread, for the main thread may be stuck. Python's own handlers, which
    the main thread runs, only unwind what starts the server.
    """

    def __init__(self, within_s: float) -> None:
        self._within_s = within_s
        self._code = 0
        self._numbers: tuple[int, ...] = ()
        self._stop: Callable[[], None] | None = None
        self._recorder: Recorder = NullRecorder()
        self._service: Closes | None = None
        self._storing = threading.Lock()
        self._received, self._sent = socket.socketpair()
        self._sent.setblocking(False)
        threading.Thread(target=self._watch, name="ending", daemon=True).start()

    def of(self, recorder: Recorder, service: Closes | None = None) -> None:
        """Set what is closed at the end."""
        self._recorder, self._service = recorder, service

    def asks(self, stop: Callable[[], None]) -> None:
        """Have a server stopped by this, on another thread, once for each signal."""
        self._stop = stop

    def limit(self, code: int) -> None:
        """The end has begun, and is over in time: by itself, or with this exit code."""
        self._code = code
        self._sent.send(bytes([_BY_ITSELF]))

    def close(self) -> None:
        """Store what was recorded, and stop everything else if that can be done soon."""
        self._stop = _nothing
        with self._storing:
            self._recorder.close(STORE_S)
        if self._service is not None:
            closing = threading.Thread(target=self._service.close, daemon=True)
            closing.start()
            closing.join(CLOSE_S)

    @contextmanager
    def signals(self) -> Iterator[None]:
        """Receive signals for as long as this lasts."""
        with on_signals(self._unwind) as self._numbers:
            before = signal.set_wakeup_fd(self._sent.fileno()) if self._numbers else -1
            try:
                yield
            finally:
                if self._numbers:
                    signal.set_wakeup_fd(before)

    def _unwind(self, _number: int, _frame: FrameType | None) -> None:
        if self._stop is None:
            raise SystemExit(0)

    def _watch(self) -> None:
        """Act on signals as they come; after the first one, end the process in time."""
        deadline = None
        while numbers := self._next(deadline):
            ending = [n for n in numbers if n == _BY_ITSELF or n in self._numbers]
            if ending and deadline is None:
                deadline = time.monotonic() + self._within_s
            for number in ending:
                if number != _BY_ITSELF and self._stop is not None:
                    self._stop()
        if self._storing.acquire(timeout=STORE_S / 2):  # else the disk hangs
            self._recorder.close(STORE_S / 2)
        os._exit(self._code)  # what was printed is not waited for: its reader may be what hangs

    def _next(self, deadline: float | None) -> bytes:
        """Return the numbers of the signals that came next; nothing when time is up."""
        left = None if deadline is None else max(0.0, deadline - time.monotonic())
        ready, _, _ = select.select([self._received], [], [], left)
        return self._received.recv(64) if ready else b""


@contextmanager
def ending(within_s: float) -> Iterator[Ending]:
    """Run a server in here; once its end has begun, it is over within `within_s`.

    The process ends in here, too, unless starting the server failed: that torch and others tidy up
    takes seconds, which nobody profits from.
    """
    end, code = Ending(within_s), 0
    with end.signals():
        try:
            yield end
        except SystemExit as leaving:
            code = leaving.code if isinstance(leaving.code, int) else 1
        except BaseException:
            end.close()
            raise
        end.close()
        leave(code)


def _nothing() -> None:
    pass
