"""A process of our own that reads what strangers wrote, so that no text can stop or crash this one.

A line goes in, a line comes out. A parser may take hours over a text that is made for it, or fall
over: that ends a process that nobody else depends on, and the next question starts another one.
`WorkerProcess` is the side that asks, `questions` and `answer` are the worker's.
"""

import logging
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Generic, TypeVar

T = TypeVar("T")

_log = logging.getLogger(__name__)

_MOST_S = 30.0  # on the clock, for systems that do not limit processor time
_MOST_FAILURES = 20
_IDLE = -getattr(signal, "SIGALRM", 0)
_OURS = Path(__file__).parents[2]
_UNREADABLE = (ValueError, KeyError, TypeError, AttributeError, IndexError)


class WorkerProcess(Generic[T]):
    """Asks `worker`, a script of ours. May be called from several threads, which wait in turn.

    A question over which the process ended, or whose answer `read` cannot read, has no answer.
    After twenty of these nothing is asked any more, and `complaint` is logged; with `forgives`, an
    answer makes up for those before it.
    """

    def __init__(
        self,
        worker: Path,
        arguments: tuple[str, ...],
        read: Callable[[bytes], T],
        *,
        complaint: str,
        forgives: bool = False,
    ) -> None:
        self._command = [str(worker), *arguments]
        self._read = read
        self._complaint = complaint
        self._forgives = forgives
        self._process: subprocess.Popen[bytes] | None = None
        self._failures = 0
        self._closed = False
        self._lock = threading.Lock()

    def send(self, line: bytes) -> T | None:
        """Return the answer to a line, however long it takes; `None` where there is none."""
        with self._lock:
            if self._closed or self._failures >= _MOST_FAILURES:
                return None
            answer = self._ask(line) or self._ask_again(line)
            try:
                found = self._read(answer) if answer else None
            except _UNREADABLE:
                self._fail()
                return None
            if self._forgives and answer:
                self._failures = 0
            return found

    def close(self) -> None:
        """End the process, whatever it does; who waits for it gets nothing."""
        self._closed = True
        while not self._lock.acquire(timeout=0.05):
            if (process := self._process) is not None:
                process.kill()
        try:
            self._reap()
        finally:
            self._lock.release()

    def _ask(self, line: bytes) -> bytes:
        """Return the answer, empty if the process ended instead."""
        process = self._process or self._start()
        if process is None or process.stdin is None or process.stdout is None:
            return b""
        clock = threading.Timer(_MOST_S, process.kill)
        clock.daemon = True
        clock.start()
        try:
            process.stdin.write(line + b"\n")
            process.stdin.flush()
            answer = process.stdout.readline()
            return answer if answer.endswith(b"\n") else b""
        except OSError:  # it has ended
            return b""
        finally:
            clock.cancel()

    def _ask_again(self, line: bytes) -> bytes:
        """Ask a new process if the last one had only gone for want of work."""
        ended = self._reap()
        if self._closed:
            return b""
        if ended == _IDLE:
            return self._ask(line)
        self._fail()
        return b""

    def _fail(self) -> None:
        self._reap()
        self._failures += 1
        if self._failures == _MOST_FAILURES:
            _log.warning("%s", self._complaint)

    def _start(self) -> subprocess.Popen[bytes] | None:
        paths = [str(_OURS), *filter(None, [os.environ.get("PYTHONPATH")])]
        try:
            self._process = subprocess.Popen(  # noqa: S603 (our own interpreter and file)
                # -P: nothing is imported from the folder that we happen to be in.
                [sys.executable, "-P", *self._command],
                env={**os.environ, "PYTHONPATH": os.pathsep.join(paths)},
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
                creationflags=getattr(subprocess, "CREATE_NO_WINDOW", 0),
            )
        except OSError as error:
            _log.warning("%s could not be started: %s", self._command[0], error)
        else:  # where it ends for want of work, nobody else waits for it: it would stay a zombie
            threading.Thread(target=self._process.wait, name="reaper", daemon=True).start()
        return self._process

    def _reap(self) -> int | None:
        """Forget the process and return what it ended with."""
        process, self._process = self._process, None
        if process is None:
            return None
        process.kill()
        for pipe in (process.stdin, process.stdout):
            if pipe is not None:
                with suppress(OSError):  # what was not written yet
                    pipe.close()
        return process.wait()


def questions(most_cpu_s: float, idle_s: float, most_memory: int) -> Iterator[bytes]:
    """Yield the lines that come in, each to be answered before the next, until none does.

    The system ends this process when one of them has taken `most_cpu_s` seconds of processor time,
    or when none came for `idle_s` seconds; more than `most_memory` bytes it does not get.
    """
    _prepare(most_memory)
    while line := _next_line(idle_s):
        _limit_time(most_cpu_s)
        yield line
        _limit_time(0)


def answer(line: bytes) -> None:
    """Send a line to whoever asked."""
    sys.stdout.buffer.write(line + b"\n")
    sys.stdout.buffer.flush()


if sys.platform == "win32":  # the clock of who asks has to do

    def _prepare(most_memory: int) -> None: ...

    def _limit_time(seconds: float) -> None: ...

    def _next_line(idle_s: float) -> bytes:
        return sys.stdin.buffer.readline()

else:
    import resource

    def _prepare(most_memory: int) -> None:
        signal.signal(signal.SIGINT, signal.SIG_IGN)  # meant for the program, which then ends us
        os.nice(5)
        with suppress(ValueError, OSError):  # macOS knows no such limit
            resource.setrlimit(resource.RLIMIT_AS, (most_memory, most_memory))

    def _limit_time(seconds: float) -> None:
        signal.setitimer(signal.ITIMER_PROF, seconds)

    def _next_line(idle_s: float) -> bytes:
        signal.setitimer(signal.ITIMER_REAL, idle_s)
        line = sys.stdin.buffer.readline()
        signal.setitimer(signal.ITIMER_REAL, 0)
        return line
