"""Tensors of zeros whose memory comes with their use: on a CPU, a page when it is first written.

`torch.zeros` writes what it allocates, and so makes all of it resident. Pages that are of no use
any more can be given back.
"""

import ctypes
import math
import mmap
from collections.abc import Sequence
from contextlib import suppress
from functools import cache

import torch
from torch import Tensor


def zeros(shape: Sequence[int], dtype: torch.dtype, device: torch.device) -> Tensor:
    """Return zeros; on a GPU, or where the system has no private mappings, all there at once.

    Raises `MemoryError` or an error of torch's where there is no room for them.
    """
    size = math.prod(shape) * dtype.itemsize
    if device.type != "cpu" or not size or not hasattr(mmap, "MAP_PRIVATE"):
        return torch.zeros(tuple(shape), dtype=dtype, device=device)
    try:
        pages = mmap.mmap(-1, size, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS)
    except OSError as error:
        raise MemoryError(f"{size} bytes cannot be reserved") from error
    return torch.frombuffer(pages, dtype=torch.uint8).view(dtype).view(*shape)


def give_back(rows: Tensor) -> None:
    """Give the whole pages of contiguous rows on a CPU back, which are zeros again (Linux)."""
    start = -(-rows.data_ptr() // mmap.PAGESIZE) * mmap.PAGESIZE
    size = (rows.data_ptr() + rows.nbytes - start) // mmap.PAGESIZE * mmap.PAGESIZE
    if size > 0:
        with suppress(OSError, AttributeError):
            _libc().madvise(ctypes.c_void_p(start), ctypes.c_size_t(size), mmap.MADV_DONTNEED)


@cache
def _libc() -> ctypes.CDLL:
    return ctypes.CDLL(None)
