"""What asking an engine in another process costs a keystroke, beside the same model in this one.

Real lines are typed key by key; each request is put to both, whose turn is first changes. What
typing leads to is answered by the engine each time: a language server answers that by itself.
"""

import asyncio
import os
import random
import time
from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Annotated, Any

import typer

from benchmarks.command import Given
from benchmarks.contest import percentiles
from benchmarks.spans import whole_line_spans
from benchmarks.type import requests_while_typing
from benchmarks.windows import home
from completer.cli.assembly import build_model, build_service
from completer.cli.printing import grid, progress
from completer.engine_process.client import RemoteService
from completer.engine_process.starting import EngineStarter
from completer.evaluation.turns import turns
from completer.interface import CompletionService
from completer.request import CompletionRequest

if TYPE_CHECKING:
    from rich.table import Table

BEFORE, AFTER = 131_072, 65_536  # characters that a language server hands on
Times = dict[str, list[float]]


def run(
    given: Given, *, lines: Annotated[int, typer.Option(min=1, help="Lines to type.")] = 20
) -> dict[str, Any]:
    """Type real lines, and ask an engine in this process and one over the socket, in turns."""
    settings = given.settings()
    spans = whole_line_spans(given.split().held_out, lines, given.seed)
    rng = random.Random(given.seed)
    asked = [request for span in spans for request in requests_while_typing(span, rng)]
    local = build_service(*build_model(settings), settings)
    with home() as environment:
        os.environ.update(environment)
        remote = RemoteService(EngineStarter(settings), cache_bytes=0)
        times, cached, sizes = asyncio.run(
            _measure({"in process": local, "socket": remote}, [_as_sent(each) for each in asked])
        )
    local.close()
    pairs = list(zip(times["in process"], times["socket"], strict=True))
    more = [there - here for here, there in pairs]
    at_hand = [difference for difference, hit in zip(more, cached, strict=True) if hit]
    return {
        "requests": len(asked),
        "characters": percentiles(sizes, 50, 95),
        "ms": {name: percentiles(each, 10, 50, 95) for name, each in times.items()},
        "more_ms": percentiles(more, 10, 50, 95),
        "answered_without_model": len(at_hand),
        "more_ms_without_model": percentiles(at_hand, 10, 50, 95) if at_hand else None,
    }


def _as_sent(request: CompletionRequest) -> CompletionRequest:
    return replace(request, prefix=request.prefix[-BEFORE:], suffix=request.suffix[:AFTER])


async def _measure(
    services: dict[str, CompletionService], asked: Sequence[CompletionRequest]
) -> tuple[Times, list[bool], list[float]]:
    """Ask both for everything; milliseconds, whether the model was not needed, characters."""
    for service in services.values():
        await service.complete(asked[0])
    times: Times = {name: [] for name in services}
    cached = []
    with progress("keystrokes") as advance:
        for number, request in enumerate(asked):
            hits = set()
            for name in turns(number, tuple(services)):
                began = time.perf_counter()
                completion = await services[name].complete(request)
                times[name].append(1000 * (time.perf_counter() - began))
                hits.add(completion.stats.cached)
            cached.append(hits == {True})
            advance(number + 1, len(asked))
    remote = services["socket"]
    if isinstance(remote, RemoteService):
        await remote.close()
    return times, cached, [float(len(each.prefix) + len(each.suffix)) for each in asked]


def table(result: dict[str, Any]) -> "Table":
    """Lay both out, and the difference of each pair."""
    rows = [
        (name, f"{each['p50']:.1f}", f"{each['p95']:.1f}") for name, each in result["ms"].items()
    ]
    for name, key in (("more", "more_ms"), ("more, without model", "more_ms_without_model")):
        if (found := result[key]) is not None:
            rows.append((name, f"{found['p50']:.1f}", f"{found['p95']:.1f}"))
    title = f"{result['requests']} requests of {result['characters']['p50']:.0f} characters"
    return grid(title, ("", "median, ms", "p95, ms"), rows)
