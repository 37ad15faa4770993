"""Many requests, many of them given up: `python -m tests.completer.http.soak [REQUESTS] [CLIENTS]`.

A real server around a scripted service; clients that stream, do not stream, and go away in the
middle of 30 % of their requests. Prints the rate and the growth of memory, file descriptors and
tasks after the first tenth. Exits 1 if something grew or hung. (To give a request up is to give its
connection up; other requests reuse theirs.)
"""

from __future__ import annotations

import asyncio
import os
import random
import sys
import time
from collections import Counter
from pathlib import Path

from completer.http.app import create_app
from telemetry.recorder import NullRecorder
from tests.completer.http.live import connect, request, serving
from tests.fakes import FakeService

GIVEN_UP = 0.3
BODIES = [
    ("/v1/completions", {"prompt": "a", "suffix": "b", "user": "u"}),
    ("/v1/completions", {"prompt": "a", "suffix": "b", "stream": True}),
    ("/infill", {"input_prefix": "a", "input_suffix": "b", "prompt": ""}),
    ("/v1/completions", {"language": "python", "segments": {"prefix": "a", "suffix": "b"}}),
]


class ForgetfulService(FakeService):
    """Keeps no requests, so that what grows is the server's."""

    def _start(self, request):
        text = super()._start(request)
        self.requests.clear()
        return text


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
        writer.write(request(*chance.choice(BODIES)))
        if chance.random() < GIVEN_UP:
            await asyncio.sleep(chance.random() * 0.01)
            writer.transport.abort()
            seen["given up"] += 1
            reader, writer = await connect(port)
        else:
            await asyncio.wait_for(read_reply(reader), 30)
            seen["answered"] += 1
    writer.close()


async def soak(requests: int, clients: int) -> bool:
    """Whether nothing grew and nothing hung."""
    service = ForgetfulService(delay_s=0.005)
    app = create_app(service, NullRecorder())
    seen: Counter[str] = Counter()
    async with serving(app) as port:
        await crowd(port, requests // 10, clients, seen)
        before, started = usage(), time.perf_counter()
        await crowd(port, requests - requests // 10, clients, seen)
        seconds = time.perf_counter() - started
        await asyncio.sleep(1)
        after = usage()
    growth = {name: after[name] - before[name] for name in before}
    per_request = 1024 * growth["memory_kb"] / (requests * 0.9)
    print(f"{dict(seen)}, {requests * 0.9 / seconds:.0f} requests/s, {clients} clients")
    print(f"after 1 s: {service.running} running, {service.cancelled} decodings were stopped")
    print(f"growth: {growth}, {per_request:.0f} bytes a request")
    stuck = service.running or app.state.answering.admission.running
    return not stuck and per_request <= 1024 and growth["descriptors"] <= 0 and growth["tasks"] <= 2


async def crowd(port: int, requests: int, clients: int, seen: Counter[str]) -> None:
    chances = (random.Random(number) for number in range(clients))
    await asyncio.gather(*(client(port, requests // clients, each, seen) for each in chances))


def main(requests: int = 20_000, clients: int = 64) -> None:
    sys.exit(not asyncio.run(soak(requests, clients)))


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
