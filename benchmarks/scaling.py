"""Latency and goodput of replicas while so many people type, from measured costs of a step.

Nothing is measured here: `replicas` simulates, with the costs in `scaling_costs.json`.
"""

import json
import random
from collections.abc import Iterator
from math import log
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import typer
from rich.table import Table

from benchmarks.command import SeedFlag
from benchmarks.replicas import Engine, Request, Run, simulate
from benchmarks.type import DEBOUNCE_S, INTERVAL_SPREAD, MEAN_INTERVAL_S
from completer.cli.printing import grid, progress

COSTS = json.loads(Path(__file__).with_name("scaling_costs.json").read_text("utf-8"))
WITHOUT_MODEL = 0.40  # of the requests: docs/benchmarks.md, Typing
TOKENS_PER_STEP = 1.73  # the same
ANSWER_TOKENS, ANSWER_SPREAD = 9, log(38 / 9) / 1.645  # lognormal; from Decoding: without drafts an
# answer takes 44 ms (p95 183), and a step of one token 4.87 ms
LINE_KEYS = 30  # assumed: keys before somebody stops to read
READING_S = 5.0  # assumed: for how long, on average
SETTLES = 0.2  # share of the time that is not counted: all are strangers at first


def run(
    *,
    people: Annotated[
        list[int] | None,
        typer.Option(min=1, help="Who type at once; may be repeated.", metavar="N"),
    ] = None,
    replicas: Annotated[int, typer.Option(min=1, help="Engines, each on a GPU.")] = 4,
    seconds: Annotated[float, typer.Option(min=1, help="How long they type.")] = 60.0,
    drafted: Annotated[int, typer.Option(help="Tokens of a sequence in a step: 1, 4 or 16.")] = 4,
    cold_tokens: Annotated[int, typer.Option(min=0, help="A prompt's.")] = 1024,
    warm_tokens: Annotated[
        int, typer.Option(min=0, help="Of these, what a key has computed anew.")
    ] = 256,
    kept: Annotated[
        int, typer.Option(min=1, help="People whose keys and values a replica has room for.")
    ] = 512,
    seed: SeedFlag = 0,
) -> dict[str, Any]:
    """Simulate people who type, on replicas with and without affinity, from measured costs."""
    engine = Engine(
        step_s=_steps_s(drafted),
        prompt_s=COSTS["prompt_ms"] / COSTS["prompt_tokens"] / 1000,
        tokens_per_step=TOKENS_PER_STEP,
        cold_tokens=cold_tokens,
        warm_tokens=warm_tokens,
        kept=kept,
    )
    counts = people or [replicas * each for each in (25, 50, 75, 100, 150)]
    rows = []
    with progress("loads") as advance:
        for number, count in enumerate(counts):
            requests = typing(count, seconds, seed)
            for affinity in (True, False):
                found = simulate(requests, engine, replicas, affinity=affinity)
                told = summary(found, seconds, replicas)
                rows.append({"people": count, "affinity": affinity, **told})
            advance(number + 1, len(counts))
    return {"costs": COSTS, "replicas": replicas, "seconds": seconds, "rows": rows}


def _steps_s(drafted: int) -> tuple[float, ...]:
    """Seconds of a step by how many decode in it, 0 to 16, from those that were measured."""
    measured = {int(n): times[str(drafted)] / 1000 for n, times in COSTS["step_ms"].items()}
    known = np.interp(range(1, max(measured) + 1), list(measured), list(measured.values()))
    return (0.0, *known.tolist())


def typing(people: int, seconds: float, seed: int) -> list[Request]:
    """What people ask a model who all type for so long, in the order of time."""
    asked = (_typed(person, seconds, random.Random(f"{seed} {person}")) for person in range(people))
    return sorted((each for own in asked for each in own), key=lambda each: each.at)


def _typed(person: int, seconds: float, rng: random.Random) -> Iterator[Request]:
    """Lines, key by key; a pause is asked about, and the next key makes the answer void."""
    now = rng.uniform(0, READING_S)
    while True:
        keys = 1 + int(rng.expovariate(1 / LINE_KEYS))
        for key in range(keys):
            if now >= seconds:
                return
            pause = rng.lognormvariate(0, INTERVAL_SPREAD) * MEAN_INTERVAL_S
            pause += rng.expovariate(1 / READING_S) if key == keys - 1 else 0.0
            if pause >= DEBOUNCE_S and rng.random() >= WITHOUT_MODEL:
                tokens = max(1, round(ANSWER_TOKENS * rng.lognormvariate(0, ANSWER_SPREAD)))
                yield Request(now + DEBOUNCE_S, person, tokens, until=now + pause)
            now += pause


def summary(found: Run, seconds: float, replicas: int) -> dict[str, float]:
    """Milliseconds of what was answered, rates and shares, of what came after the start."""
    counted = [each for each in found.ended if each.request.at >= SETTLES * seconds]
    answered = [each for each in counted if each.fate == "answered"]
    waits = [1000 * (each.at - each.request.at) for each in answered] or [0.0]
    ran = [each.is_warm for each in counted if each.is_warm is not None]
    p50, p99 = np.percentile(waits, [50, 99])
    return {
        "requests_per_s": round(len(counted) / (1 - SETTLES) / seconds, 1),
        "answered_per_s": round(len(answered) / (1 - SETTLES) / seconds, 1),
        "answered_share": round(len(answered) / max(1, len(counted)), 3),
        "refused_share": round(sum(e.fate == "refused" for e in counted) / max(1, len(counted)), 3),
        "p50_ms": round(float(p50), 1),
        "p99_ms": round(float(p99), 1),
        "warm_share": round(sum(ran) / max(1, len(ran)), 3),
        "busy_share": round(found.busy_s / found.end_s / replicas, 3),
    }


def table(result: dict[str, Any]) -> Table:
    """Lay loads out, each with and without affinity."""
    rows = (
        (
            f"{row['people']:,}",
            "on" if row["affinity"] else "off",
            *(f"{row[name]:,.0f}" for name in ("requests_per_s", "answered_per_s")),
            *(f"{row[name]:.0f}" for name in ("p50_ms", "p99_ms")),
            *(f"{row[name]:.0%}" for name in ("answered_share", "warm_share", "busy_share")),
        )
        for row in result["rows"]
    )
    columns = ("typing", "affine", "asked/s", "in time/s", "p50 ms", "p99 ms")
    title = f"{result['replicas']} x {result['costs']['device']}, {result['costs']['shape']}"
    return grid(title, (*columns, "in time", "warm", "busy"), rows)
