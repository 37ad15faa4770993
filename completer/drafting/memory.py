"""Memory that a process gives back, and what of it is no longer looked through for garbage."""

import ctypes
import gc
from collections.abc import Iterator
from contextlib import contextmanager, suppress


def settle_memory() -> None:
    """Collect garbage once more, and never again among what is alive now.

    Half a million objects come with the libraries alone. To look through them takes a quarter of a
    second, in which no other thread runs, and Python would do it again and again.
    """
    gc.collect()
    gc.freeze()


@contextmanager
def settled_memory() -> Iterator[None]:
    """Do something that makes much which stays: look for garbage at its end, not all the time."""
    gc.disable()
    try:
        yield
    finally:
        gc.enable()
        settle_memory()


def release_memory() -> None:
    """Collect all garbage and trim the heap (glibc; elsewhere only the former)."""
    gc.unfreeze()
    settle_memory()
    with suppress(OSError, AttributeError):
        ctypes.CDLL(None).malloc_trim(0)
