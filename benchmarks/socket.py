"""What asking an engine in another process costs a keystroke, beside the same model in this one.

Asked are an engine over its socket, and a server over TLS with secrets cut out of what is sent, as
one on another machine is. Real lines are typed key by key; each request is put to all, whose turn
is first changes. What typing leads to is answered by the engine each time: a language server
answers that by itself.
"""

import asyncio
import os
import random
import time
from collections.abc import Sequence
from dataclasses import replace
from itertools import compress
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Annotated, Any

import typer

from benchmarks.command import Given
from benchmarks.contest import percentiles
from benchmarks.elsewhere import elsewhere
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
    """Type real lines; ask an engine in this process, over the socket and over TLS, in turns."""
    settings = given.settings()
    spans = whole_line_spans(given.split().held_out, lines, given.seed)
    rng = random.Random(given.seed)
    asked = [request for span in spans for request in requests_while_typing(span, rng)]
    local = build_service(*build_model(settings), settings)
    with (
        home() as environment,
        TemporaryDirectory() as folder,
        elsewhere(environment, Path(folder)) as engine,
    ):
        os.environ.update(environment)
        services: dict[str, CompletionService] = {
            "in process": local,
            "socket": RemoteService(EngineStarter(settings), cache_bytes=0),
            "remote": RemoteService(engine, cache_bytes=0),
        }
        sent = [_as_sent(each) for each in asked]
        times, cached, sizes = asyncio.run(_measure(services, sent))
    local.close()
    more = {name: _more(times, name) for name in times if name != "in process"}
    return {
        "requests": len(asked),
        "characters": percentiles(sizes, 50, 95),
        "ms": {name: percentiles(each, 10, 50, 95) for name, each in times.items()},
        "more_ms": {name: percentiles(each, 10, 50, 95) for name, each in more.items()},
        "answered_without_model": sum(cached),
        "more_ms_without_model": {
            name: percentiles(list(compress(each, cached)), 10, 50, 95)
            for name, each in more.items()
            if any(cached)
        },
    }


def _more(times: Times, name: str) -> list[float]:
    """What each request took longer than in this process."""
    return [there - here for here, there in zip(times["in process"], times[name], strict=True)]


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
    for service in services.values():
        if isinstance(service, RemoteService):
            await service.close()
    return times, cached, [float(len(each.prefix) + len(each.suffix)) for each in asked]


def table(result: dict[str, Any]) -> "Table":
    """Lay both out, and the difference of each pair."""
    rows = [
        (name, f"{each['p50']:.1f}", f"{each['p95']:.1f}") for name, each in result["ms"].items()
    ]
    for what, key in (("more", "more_ms"), ("more, without model", "more_ms_without_model")):
        for name, found in result[key].items():
            rows.append((f"{name}: {what}", f"{found['p50']:.1f}", f"{found['p95']:.1f}"))
    title = f"{result['requests']} requests of {result['characters']['p50']:.0f} characters"
    return grid(title, ("", "median, ms", "p95, ms"), rows)
