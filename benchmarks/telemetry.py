"""What recording costs, what a crash loses, how long a report takes.

The peer of the store is the plain way to the same durability: SQLite on the caller's thread, one
commit an event. The two take turns.
"""

import json
import sqlite3
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future
from contextlib import closing
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Annotated, Any, Final

import numpy as np
import typer
from numpy.typing import NDArray
from rich.table import Table

from benchmarks.killed_writer import write_and_kill
from benchmarks.simulation.simulate import simulate
from completer.cli.printing import grid, progress
from telemetry.database import prepare
from telemetry.events import (
    DocumentChanged,
    DocumentOpened,
    Opportunity,
    Returned,
    SessionStarted,
    Suggestion,
    TextEdit,
)
from telemetry.files import database_files
from telemetry.journal import Journal, open_recorder
from telemetry.store import Store, reading
from telemetry.writes import Write, insert_row

Progress = Callable[[int, int], None]

_ROUND: Final = 500  # events of each contestant before the other has its turn

_REPORTER: Final = """
import json, resource, sys, time
from pathlib import Path
from telemetry.report import build, to_json

started, worked = time.perf_counter(), time.process_time()
report = to_json(build(Path(sys.argv[1])))
print(json.dumps({
    "seconds": time.perf_counter() - started,
    "cpu_seconds": time.process_time() - worked,
    "peak_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
    "report": report,
}))
"""


def run(
    *,
    folder: Annotated[
        Path | None, typer.Option(help="On the disk to measure; default: a temporary folder.")
    ] = None,
    events: Annotated[int, typer.Option(min=1, help="Events to store and to record.")] = 20_000,
    kills: Annotated[int, typer.Option(min=0, help="How often a writer is killed.")] = 300,
    pairs: Annotated[int, typer.Option(min=1, help="Completions with a stalled store.")] = 2_000,
    suggestions: Annotated[int, typer.Option(min=1, help="Suggestions to report on.")] = 50_000,
) -> dict[str, Any]:
    """Measure durable events a second, what a stalled store costs, and survival of kill -9."""
    with TemporaryDirectory(dir=folder) as name, progress("steps") as advance:
        scratch = Path(name)
        return {
            "store": bench_store(scratch, events),
            "recorder": bench_recorder(scratch, events),
            "kill": bench_kills(scratch, kills, advance),
            "stall": bench_stall(scratch, pairs, advance),
            "report": bench_report(scratch, suggestions),
        }


def bench_store(folder: Path, events: int) -> dict[str, Any]:
    """Durable events a second: the store's group commits, and one commit an event."""
    store = Store(folder / "store.sqlite3")
    seconds = {"store": 0.0, "inline": 0.0}
    with closing(sqlite3.connect(folder / "inline.sqlite3", isolation_level=None)) as inline:
        prepare(inline)
        for first in range(0, events, _ROUND):
            ids = range(first + 1, first + _ROUND + 1)
            seconds["store"] += _timed(_put_durably, store, ids)
            seconds["inline"] += _timed(_commit_each, inline, ids)
    store.close()
    stored = -(-events // _ROUND) * _ROUND
    return {
        "events": stored,
        "events_per_s": stored / seconds["store"],
        "inline_events_per_s": stored / seconds["inline"],
        "ratio": seconds["inline"] / seconds["store"],
    }


def _timed(work: Callable[..., object], *arguments: object) -> float:
    started = time.perf_counter()
    work(*arguments)
    return time.perf_counter() - started


def _put_durably(store: Store, ids: Sequence[int]) -> None:
    receipts: list[Future[bool]] = []
    for row_id in ids:
        receipts.append(Future())
        store.put(_event(row_id), receipt=receipts[-1])
    if not all(receipt.result(60) for receipt in receipts):
        raise RuntimeError("the store lost events: is the disk full?")


def _commit_each(connection: sqlite3.Connection, ids: Sequence[int]) -> None:
    for row_id in ids:
        write = _event(row_id)
        connection.execute("BEGIN IMMEDIATE")
        connection.executemany(write.statement, write.rows)
        connection.execute("COMMIT")


def _event(row_id: int) -> Write:
    return insert_row("ingest_gap", id=row_id, ts_ms=row_id, reason=1, lost=1)


def bench_recorder(folder: Path, events: int) -> dict[str, Any]:
    """How long a front door waits for the recorder while it types as fast as it can."""
    recorder = open_recorder(folder / "recorder")
    session = SessionStarted(client="bench", user="bench")
    recorder.record(session)
    recorder.record(DocumentOpened(session.id, "file:///bench.py", 0, language="python"))
    times = np.empty(events)
    for number in range(events):
        edit = TextEdit(number, "", "x")
        started = time.perf_counter()
        recorder.record(DocumentChanged("file:///bench.py", number, (edit,)))
        times[number] = time.perf_counter() - started
        if number % 1_000 == 0:
            recorder.flush()
    recorder.close()
    p50, p99 = np.percentile(times, [50, 99]) * 1000
    return {"events": events, "enqueue_ms_p50": p50, "enqueue_ms_p99": p99}


def bench_kills(folder: Path, kills: int, progress: Progress) -> dict[str, int]:
    """Kill a writing process with SIGKILL, over and over, and look for what it acknowledged."""
    lost = damaged = acknowledged = 0
    rng = np.random.default_rng(0)
    for kill in range(kills):
        path = folder / f"killed-{kill}.sqlite3"
        known = write_and_kill(path, float(rng.uniform(0, 0.1)))
        with reading(path) as connection:
            damaged += connection.execute("PRAGMA integrity_check").fetchone() != ("ok",)
            stored = {row_id for (row_id,) in connection.execute("SELECT id FROM label")}
        lost += len(known - stored)
        acknowledged += len(known)
        for companion in ("", "-wal", "-shm"):
            path.with_name(path.name + companion).unlink(missing_ok=True)
        progress(kill + 1, kills)
    return {"kills": kills, "acknowledged": acknowledged, "lost": lost, "damaged": damaged}


def bench_stall(folder: Path, pairs: int, progress: Progress) -> dict[str, Any]:
    """Completions that are recorded, with a store that works and one that hangs, in turn."""
    healthy = open_recorder(folder / "healthy")
    stalled = open_recorder(folder / "stalled")
    session = SessionStarted(client="bench")
    for recorder in (healthy, stalled):
        recorder.record(session)
    stalled.flush()
    (path,) = database_files(folder / "stalled")
    times: dict[Journal, list[float]] = {healthy: [], stalled: []}
    with closing(sqlite3.connect(path, isolation_level=None)) as holder:
        holder.execute("BEGIN IMMEDIATE")
        for pair in range(pairs):
            order = (healthy, stalled) if pair % 2 else (stalled, healthy)
            for recorder in order:
                times[recorder].append(_timed(_serve, recorder, session.id))
            progress(pair + 1, pairs)
        holder.execute("ROLLBACK")
    for recorder in times:
        recorder.close(0.5)
    ratios = np.array(times[stalled]) / np.array(times[healthy])
    return {
        "pairs": pairs,
        "median_ratio": float(np.median(ratios)),
        "completion_ms_p50": statistics.median(times[healthy]) * 1000,
        "is_stand_in": True,
    }


def _serve(recorder: Journal, session: str) -> None:
    """A request as a front door serves it, with a stand-in for the completion."""
    stand_in()
    event = Opportunity(session=session, uri="file:///bench.py", outcome="returned")
    recorder.record(event)
    recorder.record(Returned(event.id, [Suggestion(text="return x", offset=0)]))


_WEIGHTS: Final = np.full((256, 256), 1 / 256, dtype=np.float32)


def stand_in() -> object:
    """A few milliseconds of arithmetic, in small steps as decoding takes them."""
    state: NDArray[Any] = np.ones((8, 256), dtype=np.float32)
    for _ in range(300):
        state = np.matmul(state, _WEIGHTS)
    return state


def bench_report(folder: Path, suggestions: int) -> dict[str, Any]:
    """Write a simulated database and report on it in a process of its own."""
    path = folder / f"simulated-{suggestions}.sqlite3"
    started = time.perf_counter()
    truth = simulate(suggestions, path)
    simulate_s = time.perf_counter() - started
    command = [sys.executable, "-c", _REPORTER, str(path)]
    done = subprocess.run(command, capture_output=True, text=True, check=True)  # noqa: S603 - as above
    measured = json.loads(done.stdout)
    differing = _differences(truth, measured.pop("report"))
    size_mb = path.stat().st_size / 1e6
    path.unlink()
    return {
        "suggestions": suggestions,
        "database_mb": size_mb,
        "simulate_s": simulate_s,
        **measured,
        "figures_that_differ": differing,
    }


def _differences(truth: Mapping[str, Any], found: Mapping[str, Any]) -> int:
    """How many numbers of the truth the report does not say."""
    count = 0
    for name, expected in truth.items():
        value = found.get(name)
        if isinstance(expected, dict):
            count += _differences(expected, value or {})
        elif expected is None or value is None:
            count += expected is not value
        else:
            count += abs(expected - value) > 1e-9 * max(abs(expected), 1)
    return count


def table(result: dict[str, Any]) -> Table:
    """Lay out what was measured, its value, and the peer or the target."""
    store, recorder, kill = result["store"], result["recorder"], result["kill"]
    stall, report = result["stall"], result["report"]
    rows = [
        (
            "durable events/s",
            f"{store['events_per_s']:,.0f}",
            f"one commit an event: {store['inline_events_per_s']:,.0f}",
        ),
        ("enqueue, p99", f"{recorder['enqueue_ms_p99']:.3f} ms", "at most 1 ms"),
        (
            f"lost of {kill['acknowledged']:,} acknowledged, {kill['kills']} kills",
            f"{kill['lost']}",
            f"damaged databases: {kill['damaged']}",
        ),
        (
            "completion with a stalled store / without",
            f"{stall['median_ratio']:.4f}",
            f"{stall['pairs']:,} pairs",
        ),
        (
            f"report on {report['suggestions']:,} suggestions",
            f"{report['seconds']:.1f} s",
            f"{report['peak_mb']:,.0f} MB, {report['figures_that_differ']} figures differ",
        ),
    ]
    return grid("telemetry", ("", "measured", "beside"), rows)
