"""What a forward pass over n tokens costs here: measured, because it decides draft lengths."""

import time
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from completer.engine.attention import Segment
from completer.engine.runner import Runner

MEASURED_LENGTHS = (1, 2, 4, 8, 16, 32, 64)
CONTEXT_SHARE = 0.75
REPEATS = 6
LONG_ENOUGH_MS = 200.0


@dataclass(frozen=True, slots=True)
class CostCurve:
    """Milliseconds of a forward pass over `lengths` tokens; straight lines in between."""

    lengths: tuple[int, ...]
    milliseconds: tuple[float, ...]

    def of_drafts(self, max_tokens: int, others: int = 0) -> NDArray[np.float64]:
        """Cost in ms of a step with 0, 1, …, `max_tokens` drafted tokens: [max_tokens + 1].

        `others` tokens of other sequences are in the same step. Beyond the longest measured length
        the last slope goes on.
        """
        n = np.arange(1 + others, 2 + others + max_tokens)
        inside = np.interp(n, self.lengths, self.milliseconds)
        slope = (self.milliseconds[-1] - self.milliseconds[-2]) / (
            self.lengths[-1] - self.lengths[-2]
        )
        return inside + np.maximum(n - self.lengths[-1], 0) * slope


ASSUMED = CostCurve((1, 64), (1.0, 7.0))
"""Used until a device has been measured: the shape seen on a CPU."""


def measure(runner: Runner, lengths: Sequence[int] = MEASURED_LENGTHS) -> CostCurve:
    """Time forward passes at three quarters of the context in a slot that is not in use.

    Takes the best of a few repeats, and no length costs more than a longer one: where it seemed
    to, other work on the machine was measured.
    """
    pool = runner.pool
    slot, _ = pool.acquire([0], owner="cost measurement")
    start = int((pool.capacity - max(lengths)) * CONTEXT_SHARE)
    try:
        costs = [time_pass(runner, Segment(slot, start, length)) for length in lengths]
    finally:
        pool.release(slot, 0)
    rising = np.minimum.accumulate(costs[::-1])[::-1]
    return CostCurve(tuple(lengths), tuple(float(cost) for cost in rising))


def time_pass(runner: Runner, segment: Segment) -> float:
    """Milliseconds of one forward pass over `segment`, whose tokens do not matter."""
    ids = [0] * segment.length
    rows = np.arange(segment.length)
    times: list[float] = []
    while len(times) < REPEATS and sum(times) < LONG_ENOUGH_MS:
        started = time.perf_counter()
        runner.forward([segment], ids, rows)
        runner.synchronize()
        times.append((time.perf_counter() - started) * 1000)
    return min(times)
