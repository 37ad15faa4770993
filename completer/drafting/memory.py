"""Gives freed memory back to the system, where the C library would keep it for later."""

import ctypes
import gc
from contextlib import suppress


def release_memory() -> None:
    """Collect garbage and trim the heap (glibc; elsewhere only the former)."""
    gc.collect()
    with suppress(OSError, AttributeError):
        ctypes.CDLL(None).malloc_trim(0)
