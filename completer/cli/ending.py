"""The end of a server: orderly where that is possible, and soon in any case.

A signal asks it to stop, and what it is at is finished or refused. Then what was recorded is
stored. Threads that nobody can stop (a model that loads, kernels that compile, a request that got
stuck) do not keep the process.
"""

import os
import queue
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


class Closes(Protocol):
    """What has threads to stop."""

    def close(self) -> None:
        """Stop them."""
        ...


class Ending:
    """The end of one process. Its code is 0 where a signal asked for it."""

    def __init__(self, within_s: float) -> None:
        self._within_s = within_s
        self._stop: Callable[[], None] = _unwind
        self._recorder: Recorder = NullRecorder()
        self._service: Closes | None = None
        self._storing = threading.Lock()
        self._begun = queue.SimpleQueue[int]()  # may be written to by a signal handler, always
        threading.Thread(target=self._enforce, name="ending", daemon=True).start()

    def of(self, recorder: Recorder, service: Closes) -> None:
        """Close these at the end."""
        self._recorder, self._service = recorder, service

    def asks(self, stop: Callable[[], None]) -> None:
        """Have a server stopped by this; until then, a signal unwinds what starts it."""
        self._stop = stop

    def on_signal(self, _number: int, _frame: FrameType | None) -> None:
        """Have the server end, for somebody has asked for it."""
        self.limit(0)
        self._stop()

    def limit(self, code: int) -> None:
        """The end has begun, and is over in time: by itself, or with the first exit code given."""
        self._begun.put(code)

    def close(self) -> None:
        """Store what was recorded, and stop everything else if that can be done soon."""
        self._stop = _nothing
        with self._storing:
            self._recorder.close(STORE_S)
        if self._service is not None:
            closing = threading.Thread(target=self._service.close, daemon=True)
            closing.start()
            closing.join(CLOSE_S)

    def _enforce(self) -> None:
        code = self._begun.get()
        time.sleep(self._within_s)
        if self._storing.acquire(timeout=STORE_S / 2):  # else the disk hangs
            self._recorder.close(STORE_S / 2)
        os._exit(code)  # not even what was printed is waited for: its reader may be what hangs


@contextmanager
def ending(within_s: float) -> Iterator[Ending]:
    """Run a server in here; once its end has begun, it is over within `within_s`.

    The process ends in here, too, unless starting the server failed: that torch and others tidy up
    takes seconds, which nobody profits from.
    """
    end, code = Ending(within_s), 0
    with on_signals(end.on_signal):
        try:
            yield end
        except SystemExit as leaving:
            code = leaving.code if isinstance(leaving.code, int) else 1
        except BaseException:
            end.close()
            raise
        end.close()
        leave(code)


def _unwind() -> None:
    raise SystemExit(0)


def _nothing() -> None:
    pass
