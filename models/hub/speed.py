"""How fast this machine reads weights: what a token costs where nothing else is slower.

One token reads every weight once, so that memory bandwidth sets the floor of what a model takes. It
is measured with a product of a matrix, larger than any cache, and a vector.
"""

import json
import os
import time
from contextlib import suppress
from pathlib import Path

import numpy as np

_ROWS, _COLUMNS = 8192, 8192  # 256 MB in float32
_ROUNDS = 4


def bytes_per_second(cache: Path) -> float:
    """Return what was measured on this machine, or measure it now: half a second."""
    file, machine = cache / "memory-bandwidth.json", f"{os.cpu_count()} cores"
    with suppress(OSError, ValueError, KeyError, TypeError):
        saved = json.loads(file.read_text(encoding="utf-8"))
        if saved["machine"] == machine and saved["bytes_per_s"] > 0:
            return float(saved["bytes_per_s"])
    measured = _measure()
    with suppress(OSError):
        cache.mkdir(parents=True, exist_ok=True)
        file.write_text(json.dumps({"machine": machine, "bytes_per_s": measured}), "utf-8")
    return measured


def _measure() -> float:
    matrix, vector = np.ones((_ROWS, _COLUMNS), np.float32), np.ones(_COLUMNS, np.float32)
    best = float("inf")
    for _ in range(_ROUNDS):
        began = time.perf_counter()
        matrix @ vector
        best = min(best, time.perf_counter() - began)
    return matrix.nbytes / best
