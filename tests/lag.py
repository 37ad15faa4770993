"""How late event loops are: one at work, and one that has nothing to do, at the same time.

On a machine that others use as well, every loop is late now and then, and one at work the more. Its
own fault is no more than what it is later than an idle one beside it, nor more than the processor
time that its process has used meanwhile, on whatever thread. `python -m tests.lag` is the idle
loop: for each line that it reads, it prints its largest lag since the last one, in milliseconds.
"""

from __future__ import annotations

import asyncio
import contextlib
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass, replace

EVERY_S = 0.002


@dataclass
class Lag:
    """Milliseconds that a loop was late by, and those of them for which its process had worked."""

    late_ms: float = 0.0
    own_ms: float = 0.0


class LagMeter:
    """Measures the loop that it runs on; `take` returns the largest since the last call."""

    def __init__(self) -> None:
        self._largest = Lag()

    async def run(self) -> None:
        """Measure until cancelled."""
        largest = self._largest
        while True:
            started, worked = time.perf_counter(), time.process_time()
            await asyncio.sleep(EVERY_S)
            late_ms = 1000 * (time.perf_counter() - started - EVERY_S)
            worked_ms = 1000 * (time.process_time() - worked)
            largest.late_ms = max(largest.late_ms, late_ms)
            largest.own_ms = max(largest.own_ms, min(late_ms, worked_ms))

    def take(self) -> Lag:
        """Return the largest lags, and begin anew."""
        taken = replace(self._largest)
        self._largest.late_ms = self._largest.own_ms = 0.0
        return taken


@contextlib.asynccontextmanager
async def measured() -> AsyncIterator[LagMeter]:
    """Measure the running loop."""
    meter = LagMeter()
    task = asyncio.create_task(meter.run())
    await asyncio.sleep(0)
    try:
        yield meter
    finally:
        task.cancel()


class IdleLoop:
    """A loop in a process of its own."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self._process = process

    def take(self) -> float:
        """The largest lag since the last call, ms. Waits for the other process."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write("\n")
        self._process.stdin.flush()
        return float(self._process.stdout.readline())


@contextlib.contextmanager
def idle_loop() -> Iterator[IdleLoop]:
    """Run an idle loop beside."""
    with subprocess.Popen(
        [sys.executable, "-m", "tests.lag"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        idle = IdleLoop(process)
        idle.take()  # it has begun
        yield idle
        process.terminate()


async def _idle() -> None:
    async with measured() as meter:
        while await asyncio.to_thread(sys.stdin.readline):
            print(meter.take().late_ms, flush=True)


if __name__ == "__main__":
    asyncio.run(_idle())
