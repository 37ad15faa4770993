"""The process that reads names, kept alive: asked from here, and started again where it ended."""

import logging
import os
import signal
import subprocess
import sys
import threading
from contextlib import suppress
from pathlib import Path
from tempfile import TemporaryDirectory

from completer.names.evidence import NameEvidence
from completer.names.question import Question, decode_evidence

_log = logging.getLogger(__name__)

_MOST_CPU_S = 10.0
_MOST_S = 30.0  # on the clock, for systems that do not limit processor time
_IDLE_S = 900.0  # what it has read by then is worth keeping; it takes a second to begin
_MOST_FAILURES = 20
_IDLE = -getattr(signal, "SIGALRM", 0)
_WORKER = Path(__file__).with_name("worker.py")


class NameProcess:
    """Asks the worker. May be called from several threads, which wait for each other.

    A question over which the process ended, or whose answer cannot be read, has no answer. After
    twenty of these in a row nothing is asked any more. `cache` is a folder for syntax trees that is
    ours alone, outlives this and makes the next start fast; empty for one that does not.
    """

    def __init__(
        self, cache: str = "", *, most_cpu_s: float = _MOST_CPU_S, idle_s: float = _IDLE_S
    ) -> None:
        self._own = None if cache else TemporaryDirectory(prefix="completer-names-")
        folder = self._own.name if self._own else cache
        self._arguments = (str(most_cpu_s), str(idle_s), folder)
        self._process: subprocess.Popen[bytes] | None = None
        self._failures = 0
        self._closed = False
        self._lock = threading.Lock()

    def ask(self, question: Question) -> NameEvidence | None:
        """Return the answer, however long it takes; `None` where there is none."""
        line = question.encode()
        with self._lock:
            if self._closed or self._failures >= _MOST_FAILURES:
                return None
            answer = self._ask(line) or self._ask_again(line)
            try:
                evidence = decode_evidence(answer) if answer else None
            except (ValueError, KeyError, TypeError, AttributeError, IndexError):
                self._fail()
                return None
            self._failures = 0 if evidence else self._failures
            return evidence

    def close(self) -> None:
        """End the process, whatever it does; who waits for it gets nothing."""
        self._closed = True
        while not self._lock.acquire(timeout=0.05):
            if (process := self._process) is not None:
                process.kill()
        try:
            self._reap()
            if self._own is not None:
                self._own.cleanup()
        finally:
            self._lock.release()

    def _ask(self, line: bytes) -> bytes:
        process = self._process or self._start()
        if process is None or process.stdin is None or process.stdout is None:
            return b""
        clock = threading.Timer(_MOST_S, process.kill)
        clock.daemon = True
        clock.start()
        try:
            process.stdin.write(line)
            process.stdin.flush()
            answer = process.stdout.readline()
            return answer if answer.endswith(b"\n") else b""
        except OSError:  # it has ended
            return b""
        finally:
            clock.cancel()

    def _ask_again(self, line: bytes) -> bytes:
        """Ask a new process if the last one had only gone for want of work."""
        if self._reap() == _IDLE and not self._closed:
            return self._ask(line)
        if not self._closed:
            self._fail()
        return b""

    def _fail(self) -> None:
        self._reap()
        self._failures += 1
        if self._failures == _MOST_FAILURES:
            _log.warning("The process that reads names fails again and again: it is not used")

    def _start(self) -> subprocess.Popen[bytes] | None:
        paths = [str(_WORKER.parents[2]), *filter(None, [os.environ.get("PYTHONPATH")])]
        try:
            self._process = subprocess.Popen(  # noqa: S603 (our own interpreter and file)
                # -P: nothing is imported from the folder that we happen to be in.
                [sys.executable, "-P", str(_WORKER), *self._arguments],
                env={**os.environ, "PYTHONPATH": os.pathsep.join(paths)},
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
                creationflags=getattr(subprocess, "CREATE_NO_WINDOW", 0),
            )
        except OSError as error:
            _log.warning("No process for reading names could be started: %s", error)
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
