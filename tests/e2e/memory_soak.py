"""What a server's process takes: `python -m tests.e2e.memory_soak [WARM_UP] [REQUESTS] [CLIENTS]`.

`completer serve` on the embedded model, over a workspace, by a user who has never run the program;
then, once more, as it starts from its caches. Clients ask for 8 tokens, half of the time for what
they have asked before. Prints resident memory (VmRSS) and the process's share of it (PSS) when the
model is there, after the first answers and under way. Exits 1 if the first answers took more than
`MOST_MB`, or a request more than `MOST_BYTES` after the warm-up.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import random
import re
import shutil
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import httpx

from tests.e2e.conftest import serving

MOST_MB, MOST_BYTES = 550, 1024
TOKENS, SEEN_SHARE, REMEMBERED = 8, 0.5, 20
RESTS_S = 2.5  # until a server that has nothing to do has given back what its last steps took
READY_WITHIN_S, DRAFTS_WITHIN_S = 300.0, 600.0
SOURCE = Path(argparse.__file__).read_text()
PACKAGES = ("asyncio", "json", "email")


@dataclass
class Taken:
    """Megabytes of resident memory at the named moments, and bytes that a request added."""

    moments: list[tuple[str, float]] = field(default_factory=list)
    per_request: float = 0.0

    @property
    def first_answers_mb(self) -> float:
        """After the first answers, drafts among them."""
        return next(megabytes for moment, megabytes in self.moments if "drafts" in moment)


class Measured:
    """A server whose memory is read, and those who ask it."""

    def __init__(self, url: str, pid: int, workspace: Path, *, aloud: bool) -> None:
        self.taken = Taken()
        self._pid, self._workspace, self._aloud = pid, workspace, aloud
        limits = httpx.Limits(max_connections=None)
        self._http = httpx.AsyncClient(base_url=url, timeout=300, limits=limits)

    async def look(self, moment: str) -> float:
        """Note what the process takes when it has rested; return megabytes."""
        await asyncio.sleep(RESTS_S)
        text = Path(f"/proc/{self._pid}/smaps_rollup").read_text()
        resident, share = (
            int(found[1]) / 1024
            for name in ("Rss", "Pss")
            if (found := re.search(rf"^{name}: +(\d+)", text, re.MULTILINE))
        )
        self.taken.moments.append((moment, resident))
        if self._aloud:
            print(f"{moment:44} {resident:6.0f} MB resident, {share:6.0f} MB PSS", flush=True)
        return resident

    async def until_ready(self) -> None:
        """Wait for the model."""
        until = time.monotonic() + READY_WITHIN_S
        while await self._state() != "ready":
            assert time.monotonic() < until, "the model is not there"
            await asyncio.sleep(0.2)

    async def _state(self) -> str:
        try:
            state: str = (await self._http.get("/health", timeout=5)).json()["model"]
        except httpx.TransportError:
            return "not listening yet"
        return state

    async def ask(
        self, prefix: str, suffix: str, user: str, file: str = "", tokens: int = TOKENS
    ) -> Any:
        """Ask once; return what the reply says of its cost."""
        where = {"X-Completer-Path": str(self._workspace / file)} if file else {}
        body = {"prompt": prefix, "suffix": suffix, "max_tokens": tokens, "user": user}
        reply = await self._http.post("/v1/completions", json=body, headers=where)
        assert reply.status_code == 200, reply.text
        return reply.json()["completer"]["stats"]

    async def first_answers(self) -> None:
        """Short texts, then long ones, then until drafts come."""
        for number in range(5):
            await self.ask(
                f"import os\n\ndef f{number}(path):\n    return os.", "\n", "me", "a.py", 32
            )
        await self.look("after 5 answers to short texts")
        for number in range(5):
            at = 20_000 + 3000 * number
            await self.ask(SOURCE[:at], SOURCE[at + 20 :], "me", "argparse.py", 32)
        until, at = time.monotonic() + DRAFTS_WITHIN_S, 30_000
        while not (await self.ask(SOURCE[:at], SOURCE[31_000:], "me", "b.py", 32))["drafted"]:
            assert time.monotonic() < until, "no drafts come"
            await asyncio.sleep(1)
            at += 37
        await self.look("after 5 more to long ones, and drafts")

    async def crowd(self, requests: int, clients: int, seed: int) -> None:
        """Let people ask one request after the other, all at once."""
        await asyncio.gather(
            *(self._person(number, requests // clients, seed) for number in range(clients))
        )

    async def _person(self, number: int, requests: int, seed: int) -> None:
        chance, seen = random.Random(f"{seed} {number}"), list[tuple[str, str]]()
        for _ in range(requests):
            if not seen or chance.random() >= SEEN_SHARE:
                at, length = chance.randrange(1000, len(SOURCE) - 1000), chance.randrange(200, 1500)
                seen.append((SOURCE[max(0, at - length) : at], SOURCE[at : at + length // 4]))
            file = f"f{chance.randrange(50)}.py" if chance.random() < 0.5 else ""
            await self.ask(*chance.choice(seen[-REMEMBERED:]), f"person {number}", file)

    async def close(self) -> None:
        """Close all connections."""
        await self._http.aclose()


async def measure(
    home: Path, warm_up: int, requests: int, clients: int, *, aloud: bool = False
) -> Taken:
    """Start a server in a user's `home` and put it under load; without requests, ask a little."""
    workspace = home / "code"
    for package in PACKAGES:
        folder = Path(os.__file__).parent / package
        shutil.copytree(folder, workspace / package, dirs_exist_ok=True)
    folders = {f"XDG_{name}_HOME": str(home / name.lower()) for name in ("CONFIG", "CACHE", "DATA")}
    with serving("--workspace", workspace, env=dict(os.environ, HOME=str(home), **folders)) as (
        url,
        process,
    ):
        server = Measured(url, process.pid, workspace, aloud=aloud)
        await server.until_ready()
        await server.look("the model is there")
        await server.first_answers()
        if requests:
            await server.crowd(warm_up, clients, 1)
            before = await server.look(f"after {warm_up} requests by {clients} clients")
            await server.crowd(requests, clients, 2)
            after = await server.look(f"after {requests} more")
            server.taken.per_request = (after - before) * (1 << 20) / requests
        await server.close()
    return server.taken


async def soak(warm_up: int, requests: int, clients: int) -> bool:
    """Whether a first and a second start stay within their bounds; prints both."""
    with TemporaryDirectory() as home:
        print("first start")
        first = await measure(Path(home), 0, 0, 0, aloud=True)
        print("second start")
        second = await measure(Path(home), warm_up, requests, clients, aloud=True)
    print(f"{second.per_request:.0f} bytes a request")
    largest = max(first.first_answers_mb, second.first_answers_mb)
    return largest <= MOST_MB and second.per_request <= MOST_BYTES


def main(warm_up: int = 5000, requests: int = 10_000, clients: int = 64) -> None:
    sys.exit(not asyncio.run(soak(warm_up, requests, clients)))


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
