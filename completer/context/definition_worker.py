"""The process that parses what strangers wrote; `DefinitionReader` starts it.

A parser in C may take hours over a file that is made for it, or fall over. Here that ends a process
that nobody else depends on: the system ends it when one file has taken too much processor time, or
when nothing is asked for long. Both limits, in seconds, are its arguments.

One JSON object a line comes in, with `text` and `language`; a list of definitions goes out.
"""

import json
import os
import signal
import sys
from contextlib import suppress
from dataclasses import astuple

from completer.context.definitions import definitions

_MOST_MEMORY = 2 << 30


def main(most_cpu_s: float, idle_s: float) -> None:
    """Answer until nobody asks any more."""
    _prepare()
    while line := _next_line(idle_s):
        _limit_time(most_cpu_s)
        answer = _answer(line)
        _limit_time(0)
        sys.stdout.buffer.write(answer + b"\n")
        sys.stdout.buffer.flush()


def _answer(line: bytes) -> bytes:
    request = json.loads(line)
    found = definitions(request["text"], request["language"])
    return json.dumps([astuple(item) for item in found]).encode()


if sys.platform == "win32":  # the reader's own clock has to do

    def _prepare() -> None: ...

    def _limit_time(seconds: float) -> None: ...

    def _next_line(idle_s: float) -> bytes:
        return sys.stdin.buffer.readline()

else:
    import resource

    def _prepare() -> None:
        signal.signal(signal.SIGINT, signal.SIG_IGN)  # meant for the program, which then ends us
        os.nice(5)
        with suppress(ValueError, OSError):  # macOS knows no such limit
            resource.setrlimit(resource.RLIMIT_AS, (_MOST_MEMORY, _MOST_MEMORY))

    def _limit_time(seconds: float) -> None:
        signal.setitimer(signal.ITIMER_PROF, seconds)

    def _next_line(idle_s: float) -> bytes:
        signal.setitimer(signal.ITIMER_REAL, idle_s)
        line = sys.stdin.buffer.readline()
        signal.setitimer(signal.ITIMER_REAL, 0)
        return line


if __name__ == "__main__":
    main(*map(float, sys.argv[1:]))
