"""Choose how many threads a step uses while other programs come and go on the same cores."""

from __future__ import annotations

import os
import time
from types import TracebackType
from typing import Self

import torch

PROBE_EVERY = 16  # steps
PROBE_STEPS = 1  # steps timed with each choice, of which the fastest counts


class ThreadTuner:
    """Wrapped around steps, times them with one thread and with all cores, and keeps the faster.

    On a busy machine every parallel loop waits for the thread that another program has pushed
    aside: all cores together can then be slower than one. Sums come out in another order with
    another number of threads, so a run that has to be repeatable to the bit fixes the number.
    """

    def __init__(self, fixed: int | None = None) -> None:
        self._choices = [fixed] if fixed else sorted({1, os.cpu_count() or 1})
        self._step = 0
        self._times: dict[int, float] = {}
        self._began = 0.0

    def __enter__(self) -> Self:
        turn = self._step % PROBE_EVERY
        if turn == 0:
            self._times = dict.fromkeys(self._choices, float("inf"))
        probed = turn // PROBE_STEPS
        torch.set_num_threads(
            self._choices[probed] if probed < len(self._choices) else self.fastest
        )
        self._began = time.monotonic()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        threads, spent = torch.get_num_threads(), time.monotonic() - self._began
        self._times[threads] = min(self._times.get(threads, spent), spent)
        self._step += 1

    @property
    def fastest(self) -> int:
        """The number of threads with the shortest step since the last probe began."""
        return min(self._choices, key=lambda choice: self._times[choice])
