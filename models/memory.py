"""Recognising that a device's memory has run out, whichever part of torch says so."""

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
