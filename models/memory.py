"""Recognising that a device's memory has run out, whichever part of torch says so."""

import os
from contextlib import suppress
from pathlib import Path

import torch

TELLTALES = ("out of memory", "can't allocate memory", "alloc_failed")


def ran_out(error: BaseException) -> bool:
    """Whether `error` says that an allocation failed, on a GPU or a CPU."""
    if isinstance(error, MemoryError | torch.OutOfMemoryError):
        return True
    said = str(error).lower()
    return isinstance(error, RuntimeError) and any(telltale in said for telltale in TELLTALES)


def give_back_cached(device: torch.device) -> None:
    """Return what torch keeps of a GPU's memory without using it."""
    if device.type == "cuda":
        torch.cuda.empty_cache()


def available_bytes() -> int:
    """Memory that can still be used: Linux's estimate, elsewhere all that the machine has."""
    with suppress(OSError, StopIteration):
        with Path("/proc/meminfo").open() as lines:
            found = next(line for line in lines if line.startswith("MemAvailable:"))
        return int(found.split()[1]) << 10
    return os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
