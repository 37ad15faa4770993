"""Memory that a process gives back, and what of it is no longer looked through for garbage."""

import ctypes
import gc
from collections.abc import Iterator
from contextlib import contextmanager, suppress


@contextmanager
def settled_memory() -> Iterator[None]:
    """Make what lives as long as the process: from the end on, no garbage is looked for in it.

    Half a million objects come with the libraries alone. To look through them takes a quarter of a
    second, in which no other thread runs, and Python would do it again and again. What is made when
    this has been done before is looked through, for it may go.
    """
    gc.disable()
    try:
        yield
    finally:
        gc.enable()
        if not gc.get_freeze_count():
            gc.collect()
            gc.freeze()


def release_memory() -> None:
    """Collect garbage and trim the heap; a long pause, for when nobody waits."""
    gc.collect()
    trim()


def trim() -> None:
    """Trim the heap, in a millisecond and without the interpreter's lock (glibc; else nothing)."""
    with suppress(OSError, AttributeError):
        ctypes.CDLL(None).malloc_trim(0)
