"""What libraries are told before any of them is imported."""

import ctypes
import os
from contextlib import suppress

LIBRARIES = {
    # Threads that wait by spinning slow each other down up to fiftyfold on a busy machine; a tenth
    # of a millisecond is enough to have them at hand for the next product. GNU's OpenMP, which
    # torch has on Linux, lets one say so.
    "OMP_WAIT_POLICY": "passive",
    "GOMP_SPINCOUNT": "10000",
    # oneDNN's compiled kernels, a quarter of a megabyte each: torch keeps those that it uses, and
    # oneDNN others beside them.
    "LRU_CACHE_CAPACITY": "256",
    "ONEDNN_PRIMITIVE_CACHE_CAPACITY": "16",
}
M_ARENA_MAX = -8  # of glibc's malloc.h
ARENAS = 2


def prepare_libraries() -> None:
    """Set what the user's environment does not, and have threads share heaps."""
    for name, value in LIBRARIES.items():
        os.environ.setdefault(name, value)
    share_arenas()


def share_arenas() -> None:
    """Let threads share a few heaps, before there are any threads (glibc; else nothing).

    Each thread would get one of its own, and what one has freed is of no use to the others.
    """
    with suppress(OSError, AttributeError):
        ctypes.CDLL(None).mallopt(M_ARENA_MAX, ARENAS)
