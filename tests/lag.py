"""How late event loops are: one at work, and one that has nothing to do, at the same time.

On a machine that others use as well, every loop is late now and then. What a loop does to itself is
what it is later than an idle one beside it. `python -m tests.lag` is that idle loop: it prints its
largest lag so far for each line that it reads, in milliseconds, and begins anew.
"""

from __future__ import annotations

import asyncio
import contextlib
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Iterator

EVERY_S = 0.002


class LagMeter:
    """Measures the loop that it runs on; `take` returns the largest lag since the last call, ms."""

    def __init__(self) -> None:
        self._largest = 0.0

    async def run(self) -> None:
        """Measure until cancelled."""
        while True:
            started = time.perf_counter()
            await asyncio.sleep(EVERY_S)
            self._largest = max(self._largest, time.perf_counter() - started - EVERY_S)

    def take(self) -> float:
        """Milliseconds."""
        largest, self._largest = self._largest, 0.0
        return 1000 * largest


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
            print(meter.take(), flush=True)


if __name__ == "__main__":
    asyncio.run(_idle())
