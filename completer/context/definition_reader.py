"""Asks a process of its own what files define, so that no file can stop or crash this one."""

import json
import logging
import os
import signal
import subprocess
import sys
import threading
from contextlib import suppress
from pathlib import Path

from completer.context import definition_worker
from completer.context.definitions import LONGEST_SOURCE, Definition
from completer.context.grammars import has_grammar

_log = logging.getLogger(__name__)

_MOST_CPU_S = 3.0  # several times what the longest files that people write take
_MOST_S = 30.0  # on the clock, for systems that do not limit processor time
_IDLE_S = 30.0
_MOST_FAILURES = 20
_IDLE = -getattr(signal, "SIGALRM", 0)
_HERE = Path(definition_worker.__file__)


class DefinitionReader:
    """Reads definitions as `definitions` does. May be called from several threads.

    A file that takes more than `most_cpu_s` seconds, or over which the process ended, counts as
    text without definitions. After twenty of these no file is read any more: somebody has made
    them. After `idle_s` seconds without work the process ends, until there is some again.
    """

    def __init__(self, *, most_cpu_s: float = _MOST_CPU_S, idle_s: float = _IDLE_S) -> None:
        self._limits = (str(most_cpu_s), str(idle_s))
        self._process: subprocess.Popen[bytes] | None = None
        self._failures = 0
        self._closed = False
        self._lock = threading.Lock()

    def __call__(self, source: str, language: str | None) -> list[Definition]:
        """Return what `source` defines; empty where `definitions` is, and over the limit."""
        if len(source) > LONGEST_SOURCE or not has_grammar(language):
            return []
        question = json.dumps({"text": source, "language": language}).encode() + b"\n"
        with self._lock:
            if self._closed or self._failures >= _MOST_FAILURES:
                return []
            answer = self._ask(question) or self._ask_again(question)
        return [Definition(*fields) for fields in json.loads(answer)] if answer else []

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

    def _ask(self, question: bytes) -> bytes:
        """Return the answer, empty if the process ended instead."""
        process = self._process or self._start()
        if process is None or process.stdin is None or process.stdout is None:
            return b""
        clock = threading.Timer(_MOST_S, process.kill)
        clock.start()
        try:
            process.stdin.write(question)
            process.stdin.flush()
            answer = process.stdout.readline()
            return answer if answer.endswith(b"\n") else b""
        except OSError:  # it has ended
            return b""
        finally:
            clock.cancel()

    def _ask_again(self, question: bytes) -> bytes:
        """Ask a new process if the last one had only gone for want of work."""
        ended = self._reap()
        if self._closed:
            return b""
        if ended == _IDLE:
            return self._ask(question)
        self._failures += 1
        if self._failures == _MOST_FAILURES:
            _log.warning("Too many files cannot be parsed: their definitions are not used any more")
        return b""

    def _start(self) -> subprocess.Popen[bytes] | None:
        paths = [str(_HERE.parents[2]), *filter(None, [os.environ.get("PYTHONPATH")])]
        try:
            self._process = subprocess.Popen(  # noqa: S603 (our own interpreter and file)
                # -P: nothing is imported from the folder that we happen to be in.
                [sys.executable, "-P", str(_HERE), *self._limits],
                env={**os.environ, "PYTHONPATH": os.pathsep.join(paths)},
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
                creationflags=getattr(subprocess, "CREATE_NO_WINDOW", 0),
            )
        except OSError as error:
            _log.warning("No process for parsing could be started: %s", error)
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
