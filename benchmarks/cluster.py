"""What a cluster adds to a request: replicas on Ray Serve beside one process with the same load.

People ask again and again, with pauses, a made-up model that takes 20 ms; both servers take turns.
A request is at its person's replica if that has answered most of theirs.
"""

import asyncio
import os
import random
import subprocess
import sys
import time
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Annotated, Any

import httpx
import numpy as np
import typer

from completer.cli.printing import grid
from completer.errors import CompleterError

if TYPE_CHECKING:
    from rich.table import Table

TURNS = 4
PAUSE_S = 0.25  # of a person between two requests, on the average
ENDS_WITHIN_S = 60.0
PORT = 20_000 + os.getpid() % 10_000  # below those that the system hands out


@dataclass
class Outcome:
    """What became of the requests to one server: milliseconds, and who answered whom."""

    ms: list[float] = field(default_factory=list)
    answered_by: defaultdict[str, Counter[str]] = field(
        default_factory=lambda: defaultdict(Counter)
    )
    failed: int = 0

    def figures(self) -> dict[str, Any]:
        """The percentiles, and the share at each person's replica."""
        p50, p99 = np.percentile(self.ms, [50, 99])
        at_home = sum(max(each.values()) for each in self.answered_by.values())
        return {
            "p50_ms": float(p50),
            "p99_ms": float(p99),
            "affinity": at_home / len(self.ms),
            "answered": len(self.ms),
            "failed": self.failed,
        }


def run(
    *,
    replicas: Annotated[
        list[int] | None, typer.Option(min=1, help="May be repeated. Default: 1, 2, 4.")
    ] = None,
    people: Annotated[int, typer.Option(min=1)] = 8,
    requests: Annotated[
        int, typer.Option(min=1, help="Of each person to each server in each of four turns.")
    ] = 25,
) -> dict[str, Any]:
    """Measure what a cluster adds to a request's latency, and whether people stay where they were.

    Needs Ray: `pip install 'completer[cluster]'`.
    """
    found = {}
    for count in replicas or [1, 2, 4]:
        with serving(0, PORT) as one, serving(count, PORT + 1) as many:
            found[count] = asyncio.run(_compare(one, many, people, requests))
    return {"people": people, "requests": requests * people * TURNS, "replicas": found}


@contextmanager
def serving(count: int, port: int) -> Iterator[str]:
    """Run a server in processes of its own; yields its address. `count` 0 is one without Ray."""
    with TemporaryDirectory(prefix="ray-", ignore_cleanup_errors=True) as folder:
        process = subprocess.Popen(  # noqa: S603  this program itself
            [sys.executable, "-m", "benchmarks.cluster_server", str(count), str(port)],
            env=os.environ | {"RAY_TMPDIR": folder, "XDG_RUNTIME_DIR": folder},
            stdout=subprocess.PIPE,
            text=True,
        )
        with process:
            try:
                if not (process.stdout and process.stdout.readline() == "serves\n"):
                    raise CompleterError("A server does not start.", hint="Is Ray installed?")
                yield f"http://127.0.0.1:{port}"
            finally:
                process.terminate()
                process.wait(ENDS_WITHIN_S)


async def _compare(one: str, many: str, people: int, requests: int) -> dict[str, Any]:
    outcomes = {one: Outcome(), many: Outcome()}
    for url in outcomes:
        await _ask_all(url, Outcome(), people, 3)  # connections are made, code is read
    for _ in range(TURNS):
        for url, outcome in outcomes.items():
            await _ask_all(url, outcome, people, requests)
    alone, together = (outcome.figures() for outcome in outcomes.values())
    added = {name: together[name] - alone[name] for name in ("p50_ms", "p99_ms")}
    return {"alone": alone, "cluster": together, "added": added}


async def _ask_all(url: str, outcome: Outcome, people: int, requests: int) -> None:
    async with httpx.AsyncClient(base_url=url, timeout=60) as client:
        names = [f"person {number}" for number in range(people)]
        await asyncio.gather(*(_ask(client, name, requests, outcome) for name in names))


async def _ask(client: httpx.AsyncClient, name: str, requests: int, outcome: Outcome) -> None:
    pauses: Sequence[float] = [random.uniform(0, 2 * PAUSE_S) for _ in range(requests)]
    for pause in pauses:
        await asyncio.sleep(pause)
        began = time.perf_counter()
        body = {"prompt": "import os\n" * 100, "suffix": "\n", "user": name}
        reply = await client.post("/v1/completions", json=body)
        if reply.status_code != 200:
            outcome.failed += 1
            continue
        outcome.ms.append(1000 * (time.perf_counter() - began))
        outcome.answered_by[name][reply.json()["choices"][0]["text"]] += 1


def table(result: dict[str, Any]) -> "Table":
    """Lay out what each number of replicas adds."""
    rows = (
        (
            str(count),
            *(f"{each['alone'][name]:.1f}" for name in ("p50_ms", "p99_ms")),
            *(f"{each['cluster'][name]:.1f}" for name in ("p50_ms", "p99_ms")),
            *(f"{each['added'][name]:+.1f}" for name in ("p50_ms", "p99_ms")),
            f"{each['cluster']['affinity']:.1%}",
            str(each["cluster"]["failed"]),
        )
        for count, each in result["replicas"].items()
    )
    columns = ("replicas", "p50 alone", "p99", "p50 cluster", "p99", "added p50", "p99")
    title = f"{result['requests']} requests of {result['people']} people, ms"
    return grid(title, (*columns, "at home", "failed"), rows)
