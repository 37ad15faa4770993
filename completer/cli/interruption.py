"""Ctrl-C and SIGTERM in a command: one line and exit code 128 + the signal's number."""

import logging
import os
import signal
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from types import FrameType

Handler = Callable[[int, FrameType | None], object]


@contextmanager
def interruptible() -> Iterator[None]:
    """Run a command. It is unwound where the signal finds it, whatever that makes of the exception.

    A library that is interrupted inside a callback may raise something else, drop it, or print it.
    """
    came: list[int] = []

    def interrupt(number: int, _frame: FrameType | None) -> None:
        came.append(number)
        _be_silent()
        raise KeyboardInterrupt

    try:
        with on_signals(interrupt):
            yield
    except BaseException:
        if not came:
            raise
    if came:
        print("Interrupted.", file=sys.stderr)
        leave(128 + came[0])


@contextmanager
def on_signals(handler: Handler) -> Iterator[tuple[int, ...]]:
    """Have a handler called for what asks a process to end, but for what its parent has it ignore.

    Yields their numbers: none outside of the main thread, which alone gets signals.
    """
    with ExitStack() as restored:
        handled = tuple(_asking_for_the_end())
        for number in handled:
            restored.callback(signal.signal, number, signal.signal(number, handler))
        yield handled


def _asking_for_the_end() -> Iterator[int]:
    if threading.current_thread() is threading.main_thread():
        for name in ("SIGINT", "SIGTERM", "SIGHUP"):
            number = getattr(signal, name, None)  # not all systems have all of them
            if number is not None and signal.getsignal(number) is not signal.SIG_IGN:
                yield number


def leave(code: int) -> None:
    """End the process now: threads that are in the midst of something do not keep it."""
    for stream in (sys.stdout, sys.stderr):
        with suppress(OSError, ValueError):  # nobody reads any more
            stream.flush()
    os._exit(code)


def _be_silent() -> None:
    """Let nothing that fails because it is interrupted say so."""
    logging.disable(logging.CRITICAL)
    sys.unraisablehook = lambda _: None
    threading.excepthook = lambda _: None
