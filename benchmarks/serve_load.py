"""Servers under the load of people who type, some of whom give up.

Each client types real lines and asks after each pause as an editor does, one request after the
other without waiting in between; a share of the requests is given up by closing the connection, as
when the next key is struck. Decoding is measured apart from prompts: the clients ask for long
texts after a prompt whose keys and values are there. Servers that are compared take turns, so that
what else the machine does hits them alike, and rates are given by the server's processor time too.
"""

import asyncio
import itertools
import random
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
from prometheus_client.parser import text_string_to_metric_families

from benchmarks.contest import percentiles
from benchmarks.spans import Span
from benchmarks.type import requests_while_typing
from completer.evaluation.turns import turns
from completer.request import CompletionRequest

ROUNDS = 4  # in which the servers take turns
GIVEN_UP = 0.3
GIVE_UP_WITHIN_S = 0.1
DECODED_PROMPTS, DECODED_TOKENS = 16, 64
WARM_UP_S = 60.0
Progress = Callable[[int, int], None]


@dataclass(frozen=True, slots=True)
class Reply:
    """What became of one request: its status (0: given up), its latency, the reply's statistics."""

    status: int
    seconds: float
    stats: Mapping[str, Any] = field(default_factory=dict)


@dataclass(slots=True)
class Measured:
    """What one server did under one number of clients."""

    replies: list[Reply] = field(default_factory=list)
    seconds: float = 0.0
    cpu_seconds: float = 0.0
    decoded_tokens: int = 0
    decode_seconds: float = 0.0
    decode_cpu_seconds: float = 0.0

    def summary(self) -> dict[str, Any]:
        """The figures, as `--json` names them."""
        answered = [reply for reply in self.replies if reply.status == 200]
        total = _totals(answered)
        steps = total["steps"] + sum(not reply.stats["cached"] for reply in answered)
        return {
            "completions_per_s": round(len(answered) / self.seconds, 3),
            "latency_ms": percentiles([1000 * r.seconds for r in answered] or [0.0], 50, 95, 99),
            "decode_tokens_per_s": round(self.decoded_tokens / self.decode_seconds, 1),
            "completions_per_cpu_s": _rate(len(answered), self.cpu_seconds),
            "decode_tokens_per_cpu_s": _rate(self.decoded_tokens, self.decode_cpu_seconds),
            "answered": len(answered),
            "cancelled": sum(reply.status == 0 for reply in self.replies),
            "refused": sum(reply.status in (429, 503) for reply in self.replies),
            "failed": sum(reply.status not in (0, 200, 429, 503) for reply in self.replies),
            "without_model": sum(reply.stats["cached"] for reply in answered),
            "tokens_per_step": round(total["generated_tokens"] / max(1, steps), 3),
            "drafted": total["drafted"],
            "accepted": total["accepted"],
        }


@dataclass(frozen=True, slots=True)
class Usage:
    """What a server's process has used: memory in bytes, processor time in seconds."""

    resident_bytes: int
    cpu_seconds: float


def usage(metrics: str) -> Usage:
    """Read from the text of a server's `/metrics` what it uses; zeros where it does not tell."""
    found = {
        sample.name: sample.value
        for family in text_string_to_metric_families(metrics)
        for sample in family.samples
        if not sample.labels
    }
    return Usage(
        int(found.get("process_resident_memory_bytes", 0)),
        found.get("process_cpu_seconds_total", 0.0),
    )


class Client:
    """Asks one server, through one connection at a time for each person."""

    def __init__(self, url: str) -> None:
        limits = httpx.Limits(max_connections=None, max_keepalive_connections=256)
        self._http = httpx.AsyncClient(base_url=url, timeout=120, limits=limits)

    async def ask(
        self, request: CompletionRequest, user: str, *, within_s: float | None = None
    ) -> Reply:
        """Send one request; give it up after `within_s` seconds."""
        started = time.perf_counter()
        try:
            post = self._http.post(
                "/v1/completions", json=_body(request, user), headers=_at(request)
            )
            reply = await asyncio.wait_for(post, within_s)
        except TimeoutError:
            return Reply(0, time.perf_counter() - started)
        stats = reply.json()["completer"]["stats"] if reply.status_code == 200 else {}
        return Reply(reply.status_code, time.perf_counter() - started, stats)

    async def usage(self) -> Usage:
        """What the server's process has used so far."""
        return usage((await self._http.get("/metrics")).text)

    async def close(self) -> None:
        """Close all connections."""
        await self._http.aclose()


async def put_under_load(
    servers: Mapping[str, str],
    spans: Sequence[Span],
    levels: Sequence[int],
    requests: int,
    seed: int,
    progress: Progress,
) -> dict[str, Any]:
    """Put every server (address by name) under each number of clients; the keys of `--json`.

    `requests` are asked of each server at each level.
    """
    done, total = itertools.count(1), len(levels) * ROUNDS * len(servers)
    clients = {name: Client(url) for name, url in servers.items()}
    for name, client in clients.items():
        await _warm_up(client, spans, drafts=name != "none")
    before = {name: await client.usage() for name, client in clients.items()}
    measured = {(name, level): Measured() for level in levels for name in servers}
    for number, (level, turn) in enumerate(itertools.product(levels, range(ROUNDS))):
        for name in turns(turn, tuple(servers)):
            load = _Load(spans, level, random.Random(f"{seed} {level} {turn}"))
            await load.type(clients[name], -(-requests // ROUNDS), measured[name, level])
            await load.decode(clients[name], number, measured[name, level])
            progress(next(done), total)
    after = {name: await client.usage() for name, client in clients.items()}
    for client in clients.values():
        await client.close()
    return {
        "requests": requests,
        "given_up_share": GIVEN_UP,
        "servers": {
            name: {
                "clients": {level: measured[name, level].summary() for level in levels},
                "resident_mb_before": before[name].resident_bytes >> 20,
                "resident_mb_after": after[name].resident_bytes >> 20,
            }
            for name in servers
        },
    }


class _Load:
    """A number of people at work: what they type is drawn from `chance`."""

    def __init__(self, spans: Sequence[Span], people: int, chance: random.Random) -> None:
        self._spans = spans
        self._people = people
        self._chance = chance

    async def type(self, client: Client, requests: int, into: Measured) -> None:
        """Ask `requests` times in all."""
        left = itertools.repeat(None, requests)
        before, started = await client.usage(), time.perf_counter()
        people = [
            self._type(client, f"person {number}", left, into) for number in range(self._people)
        ]
        await asyncio.gather(*people)
        into.seconds += time.perf_counter() - started
        into.cpu_seconds += (await client.usage()).cpu_seconds - before.cpu_seconds

    async def decode(self, client: Client, number: int, into: Measured) -> None:
        """Have texts written after prompts that have been computed before, one a person at a time.

        They are the same texts for any number of people, so that rates compare. `number` is that
        of the measurement: an answer of another length is not known. Asking for all prompts once
        changes which files were used last, and so what is in them: the second time they stay.
        """
        people = asyncio.Semaphore(self._people)
        asked = [
            CompletionRequest(prefix=span.prefix, suffix=span.suffix, path=span.path)
            for span in self._spans[:DECODED_PROMPTS]
        ]

        async def write(request: CompletionRequest) -> Reply:
            async with people:
                return await client.ask(_long(request, DECODED_TOKENS + number), "decode")

        for length in (2 * number + 1, 2 * number + 2):
            for request in asked:
                await client.ask(_long(request, length), "decode")
        before, started = await client.usage(), time.perf_counter()
        replies = await asyncio.gather(*(write(request) for request in asked))
        into.decode_seconds += time.perf_counter() - started
        into.decode_cpu_seconds += (await client.usage()).cpu_seconds - before.cpu_seconds
        into.decoded_tokens += _totals(replies)["generated_tokens"]

    async def _type(
        self, client: Client, user: str, left: "itertools.repeat[None]", into: Measured
    ) -> None:
        chance = random.Random(self._chance.random())
        while True:
            for request in requests_while_typing(chance.choice(self._spans), chance):
                if next(left, ...) is ...:
                    return
                gives_up = chance.random() < GIVEN_UP
                within_s = chance.random() * GIVE_UP_WITHIN_S if gives_up else None
                into.replies.append(await client.ask(request, user, within_s=within_s))


async def _warm_up(client: Client, spans: Sequence[Span], *, drafts: bool) -> None:
    """Ask until drafts come, for which an index has to be read and kernels to be compiled."""
    until = time.monotonic() + WARM_UP_S
    for span in itertools.cycle(spans):
        request = next(iter(requests_while_typing(span, random.Random(0))))
        reply = await client.ask(request, "warm-up")
        if not drafts or reply.stats.get("drafted") or time.monotonic() > until:
            return


def _body(request: CompletionRequest, user: str) -> dict[str, Any]:
    stop = ["\n"] if request.multiline is False else []
    return {
        "prompt": request.prefix,
        "suffix": request.suffix,
        "max_tokens": request.max_tokens,
        "stop": stop,
        "user": user,
    }


def _at(request: CompletionRequest) -> dict[str, str]:
    path = request.path or Path("unnamed.py")
    return {"X-Completer-Path": str(path).encode().decode("latin-1")}


def _long(request: CompletionRequest, tokens: int) -> CompletionRequest:
    return CompletionRequest(
        prefix=request.prefix, suffix=request.suffix, path=request.path, max_tokens=tokens
    )


def _totals(replies: Sequence[Reply]) -> dict[str, int]:
    names = ("generated_tokens", "steps", "drafted", "accepted")
    return {name: sum(reply.stats.get(name, 0) for reply in replies) for name in names}


def _rate(count: int, seconds: float) -> float:
    return round(count / seconds, 2) if seconds else 0.0
