"""Many requests, many of them given up: `python -m tests.completer.http.soak [REQUESTS] [CLIENTS]`.

A real server around a scripted service; in another process clients that stream, do not stream, send
long texts, and go away in the middle of 30 % of their requests. Prints the rate, the growth of
memory, file descriptors and tasks after the first tenth, and how late the server's loop was beside
an idle one. Exits 1 if something grew, hung or came late. (To give a request up is to give its
connection up; other requests reuse theirs.)
"""

from __future__ import annotations

import asyncio
import json
import os
import random
import subprocess
import sys
import time
from collections import Counter
from dataclasses import dataclass, replace
from pathlib import Path

from starlette.applications import Starlette

from completer.http.app import create_app
from completer.http.options import HttpOptions
from telemetry.recorder import NullRecorder
from tests.completer.http.live import connect, request, serving
from tests.fakes import FakeService
from tests.lag import Lag, idle_loop, measured
from tests.reading import SHAPES, text_of

GIVEN_UP = 0.3
LONG, LONG_SHARE = 1 << 20, 0.02
MOST_LAG_MS = 50.0
"""So much later than an idle loop the server's may be, at most, at any time."""
OPTIONS = HttpOptions(max_body_bytes=16 << 20)
BODIES = [
    ("/v1/completions", {"prompt": "a", "suffix": "b", "user": "u"}),
    ("/v1/completions", {"prompt": "a", "suffix": "b", "stream": True}),
    ("/infill", {"input_prefix": "a", "input_suffix": "b", "prompt": ""}),
    ("/v1/completions", {"language": "python", "segments": {"prefix": "a", "suffix": "b"}}),
]


class ForgetfulService(FakeService):
    """Keeps no requests and reads none, so that what grows and what takes long is the server's."""

    def _start(self, request):
        text = super()._start(request)
        self.requests.clear()
        return text

    def _completion(self, request, text):
        return super()._completion(replace(request, prefix="", suffix=""), text)


@dataclass
class Outcome:
    """What a soak did: growth after its first tenth, and the largest lags in milliseconds."""

    seen: dict[str, int]
    seconds: float
    growth: dict[str, int]
    lag: Lag
    idle_lag_ms: float

    @property
    def is_late(self) -> bool:
        """Whether the loop was kept from its work."""
        return min(self.lag.late_ms - self.idle_lag_ms, self.lag.own_ms) > MOST_LAG_MS


def resident_kb() -> int:
    """This process's memory."""
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") // 1024


def usage() -> dict[str, int]:
    return {
        "memory_kb": resident_kb(),
        "descriptors": len(list(Path("/proc/self/fd").iterdir())),
        "tasks": len(asyncio.all_tasks()),
    }


async def read_reply(reader: asyncio.StreamReader) -> None:
    """Read one whole reply, chunked or with a length."""
    head = (await reader.readuntil(b"\r\n\r\n")).lower()
    if b"chunked" in head:
        await reader.readuntil(b"\r\n0\r\n\r\n")
    else:
        await reader.readexactly(int(head.partition(b"content-length: ")[2].split(b"\r\n")[0]))


async def client(port: int, requests: int, chance: random.Random, seen: Counter[str]) -> None:
    """Send requests one after the other, going away from some."""
    reader, writer = await connect(port)
    for _ in range(requests):
        is_long = chance.random() < LONG_SHARE
        writer.write(long_request(chance) if is_long else request(*chance.choice(BODIES)))
        if chance.random() < GIVEN_UP:
            await asyncio.sleep(chance.random() * 0.01)
            writer.transport.abort()
            seen["given up"] += 1
            reader, writer = await connect(port)
        else:
            await asyncio.wait_for(read_reply(reader), 60)
            seen["answered"] += 1
            seen["long"] += is_long
    writer.close()


def long_request(chance: random.Random) -> bytes:
    """A text of one shape, on one side of the caret."""
    text = text_of(chance.choice(list(SHAPES)), LONG)
    before, after = chance.choice([(text, "\n"), ("x = ", text)])
    bodies = [
        ("/v1/completions", {"prompt": before, "suffix": after, "max_tokens": 8}),
        ("/infill", {"input_prefix": before, "input_suffix": after, "prompt": "", "n_predict": 8}),
    ]
    return request(*chance.choice(bodies))


async def crowd(port: int, requests: int, clients: int) -> Counter[str]:
    seen: Counter[str] = Counter()
    chances = (random.Random(number) for number in range(clients))
    await asyncio.gather(*(client(port, requests // clients, each, seen) for each in chances))
    return seen


def crowd_elsewhere(port: int, requests: int, clients: int) -> dict[str, int]:
    """The same, from another process; waits for it."""
    numbers = map(str, (port, requests, clients))
    command = [sys.executable, "-m", "tests.completer.http.soak", "against", *numbers]
    done = subprocess.run(command, stdout=subprocess.PIPE, check=True, text=True)
    seen: dict[str, int] = json.loads(done.stdout)
    return seen


async def soak(app: Starlette, requests: int, clients: int) -> Outcome:
    """Serve a crowd, and see what it does to this process."""
    with idle_loop() as idle:
        async with serving(app) as port, measured() as lag:
            await asyncio.to_thread(crowd_elsewhere, port, requests // 10, clients)
            before, started = usage(), time.perf_counter()
            await asyncio.to_thread(idle.take)
            lag.take()
            rest = requests - requests // 10
            seen = await asyncio.to_thread(crowd_elsewhere, port, rest, clients)
            largest, idle_lag_ms = lag.take(), await asyncio.to_thread(idle.take)
            seconds = time.perf_counter() - started
            await asyncio.sleep(1)
            after = usage()
    growth = {name: after[name] - before[name] for name in before}
    return Outcome(seen, seconds, growth, largest, idle_lag_ms)


async def report(requests: int, clients: int) -> bool:
    """Whether nothing grew, nothing hung and nothing came late."""
    service = ForgetfulService(delay_s=0.005)
    app = create_app(service, NullRecorder(), options=OPTIONS)
    outcome = await soak(app, requests, clients)
    growth, per_request = outcome.growth, 1024 * outcome.growth["memory_kb"] / (requests * 0.9)
    print(f"{outcome.seen}, {requests * 0.9 / outcome.seconds:.0f} requests/s, {clients} clients")
    print(f"after 1 s: {service.running} running, {service.cancelled} decodings were stopped")
    print(f"growth: {growth}, {per_request:.0f} bytes a request")
    print(
        f"largest lag: {outcome.lag.late_ms:.1f} ms, while the process worked for"
        f" {outcome.lag.own_ms:.1f} ms; of an idle loop: {outcome.idle_lag_ms:.1f} ms"
    )
    stuck = service.running or app.state.handler.admission.running
    grew = per_request > 1024 or growth["descriptors"] > 0 or growth["tasks"] > 2
    return not (stuck or grew or outcome.is_late)


def main(requests: int = 20_000, clients: int = 64) -> None:
    sys.exit(not asyncio.run(report(requests, clients)))


if __name__ == "__main__":
    if sys.argv[1:2] == ["against"]:
        print(json.dumps(asyncio.run(crowd(*map(int, sys.argv[2:])))))
    else:
        main(*map(int, sys.argv[1:]))
