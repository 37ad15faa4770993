"""A realistic database of any size, written through the store's own code, and the truth about it.

People differ in how much they write and how readily they accept; suggestions in length, latency and
fate. What is drawn is counted as it is drawn, by code that knows nothing of reports.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from concurrent.futures import Future
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np

from benchmarks.simulation.tables import Ids, writes
from benchmarks.simulation.truth import Truth
from benchmarks.simulation.vocabulary import (
    ARMS,
    EXPERIMENT,
    FINISH,
    LANGUAGES,
    OUTCOMES,
    SOURCES,
    Array,
)
from telemetry.events import SessionStarted
from telemetry.privacy import Pseudonyms
from telemetry.schema import DAY_MS
from telemetry.store import Store
from telemetry.writes import Write, event_rows

DAYS: Final = 15
USERS_PER_SUGGESTION: Final = 16_000 / 4_500_000  # CodeCompose's
_BATCH: Final = 50_000
_OTHER_OUTCOMES: Final = (0.0, 0.2, 0.4, 0.2, 0.15, 0.05)
_RETURNED_SHARE: Final = 0.75


@dataclass(frozen=True, slots=True)
class _People:
    """Users `[users]`: how active they are, how readily they accept, their language and arm."""

    activity: Array
    readiness: Array
    language: Array
    arm: Array


def simulate(
    suggestions: int,
    path: Path,
    *,
    seed: int = 0,
    end_ms: int | None = None,
    people: int | None = None,
    effect: float = 0.1,
) -> dict[str, Any]:
    """Write a database of this many suggestions; returns the figures that a report must show.

    They are of as many `people` as make so many where CodeCompose was used, or as are asked for;
    those in the second arm accept more readily by a share of `effect`.

    Raises FileExistsError if the file is there already: counts would not be its truth.
    """
    if path.exists() or path.is_symlink():
        raise FileExistsError(f"{path} exists: name another file, or remove it first")
    end_ms = int(time.time() * 1000) - 3_600_000 if end_ms is None else end_ms
    start_ms = (end_ms // DAY_MS - DAYS + 1) * DAY_MS
    rng = np.random.default_rng(seed)
    store = Store(path, patience_s=60.0)
    users = people or max(2, round(suggestions * USERS_PER_SUGGESTION))
    drawn = _draw_people(rng, users, effect)
    _store_sessions(store, users, start_ms)
    truth = Truth()
    ids = Ids()
    try:
        for first in range(0, suggestions, _BATCH):
            count = min(_BATCH, suggestions - first)
            span = [
                start_ms + (end_ms - start_ms) * at // suggestions for at in (first, first + count)
            ]
            batch = _draw(rng, drawn, count, (span[0], span[1]))
            _put(store, writes(batch, ids, store.label))
            truth.add(batch)
    finally:
        store.close(60.0)
    return truth.figures()


def _draw_people(rng: np.random.Generator, users: int, effect: float) -> _People:
    activity = rng.lognormal(0.0, 1.0, users)
    key = Pseudonyms(bytes(32))
    draws = [key.draw(EXPERIMENT, str(user))[1] for user in range(users)]
    arms = (np.array(draws) * len(ARMS)).astype(int)
    return _People(
        activity=np.cumsum(activity / activity.sum()),
        readiness=rng.beta(2.2, 7.0, users) * (1 + effect * arms),
        language=rng.integers(0, len(LANGUAGES), users),
        arm=arms,
    )


def _draw(
    rng: np.random.Generator, people: _People, count: int, span: tuple[int, int]
) -> dict[str, Array]:
    """One batch of opportunities, `[opportunities]`, with what came of those that returned."""
    others = rng.binomial(round(count / _RETURNED_SHARE) - count, 0.98)
    size = count + others
    outcome = rng.choice(len(OUTCOMES), size, p=_OTHER_OUTCOMES)
    outcome[rng.permutation(size)[:count]] = 0
    user = np.minimum(np.searchsorted(people.activity, rng.random(size)), len(people.arm) - 1)
    ts_ms = np.sort(rng.integers(span[0], span[1], size))
    own = rng.random(size) < 0.85
    lang = np.where(own, people.language[user], rng.integers(0, len(LANGUAGES), size))
    model = (rng.random(size) < 0.4).astype(int)
    cached = rng.random(size) < 0.15
    drafted = rng.integers(0, 60, size)
    steps = np.where(outcome == 1, 0, rng.integers(1, 30, size))
    batch = {
        "outcome": outcome,
        "user": user,
        "ts_ms": ts_ms,
        "doc": user * 64 + rng.integers(0, 20, size),
        "lang": lang,
        "model": model,
        "arm": people.arm[user],
        "source": rng.integers(0, len(SOURCES), size),
        "finish": rng.choice(len(FINISH), size, p=(0.6, 0.2, 0.15, 0.05)),
        "total_ms": np.round(rng.lognormal(3.6 + 0.3 * model, 0.5), 3),
        "prompt_tok": np.where(cached, 0, rng.integers(200, 2_000, size)),
        "reused": np.where(cached, 0, rng.integers(0, 200, size)),
        "steps": steps,
        "gen_tok": steps + np.where(steps > 0, drafted // 3, 0),
        "drafted": np.where(steps > 0, drafted, 0),
        "draft_ok": np.where(steps > 0, drafted // 3, 0),
        "typed": rng.poisson(80.0, size),
        "p_accept": np.round(rng.random(size), 4),
        "exit_mode": (rng.random(size) < 0.2).astype(int),
    }
    batch["features"] = np.array([f'{{"margin": {p}}}' for p in batch["p_accept"]], dtype=object)
    batch |= _draw_commits(rng, size)
    return batch | _draw_fates(rng, people.readiness[user], batch["outcome"] == 0)


def _draw_commits(rng: np.random.Generator, size: int) -> dict[str, Array]:
    """After which opportunities there was a commit, and what it held, `[opportunities]`."""
    committed = np.where(rng.random(size) < 0.01, rng.poisson(800.0, size), 0)
    return {
        "committed": committed,
        "committed_ai": (committed * rng.beta(2.0, 8.0, size)).astype(int),
    }


def _draw_fates(rng: np.random.Generator, readiness: Array, returned: Array) -> dict[str, Array]:
    """What people did with suggestions, and with accepted ones afterwards, `[opportunities]`."""
    size = len(readiness)
    length = np.maximum(rng.lognormal(3.2, 0.8, size).astype(int), 2)
    shown = returned & (rng.random(size) < 0.95)
    shown_for = rng.lognormal(7.2, 0.9, size).astype(int)
    accepted = shown & (rng.random(size) < readiness)
    full = accepted & (rng.random(size) < 0.93)
    part = np.maximum((length * rng.random(size)).astype(int), 1)
    gone = rng.random(size) < 0.05
    return {
        "len": length,
        "multiline": (rng.random(size) < 0.2).astype(int),
        "shown": shown,
        "shown_for": shown_for,
        "shown_inferred": rng.random(size) < 0.3,
        "esc": shown & ~accepted & (rng.random(size) < 0.1),
        "accepted": accepted,
        "accept_inferred": rng.random(size) < 0.25,
        "full": full,
        "taken": np.where(full, length, np.minimum(part, length - 1)),
        "edited_s": rng.exponential(400.0, size),
        "edited_share": rng.random(size) ** 2,
        "removed_s": np.where(gone, rng.exponential(300.0, size), np.inf),
        "censored_s": np.where(rng.random(size) < 0.08, rng.exponential(500.0, size), np.inf),
        "late": rng.random(size) < 0.01,
    }


def _put(store: Store, writes: Sequence[Write]) -> None:
    receipt: Future[bool] = Future()
    store.put(*writes, receipt=receipt)
    if not receipt.result(600):
        raise OSError(f"{store.path} could not be written: is the disk full?")


def _store_sessions(store: Store, users: int, start_ms: int) -> None:
    info = SessionStarted(client="simulated", client_version="1", server_version="1")
    for user in range(users):
        user_h = f"{user:032x}"
        store.put_reference(
            event_rows(
                "session", [info], store.label, id=user + 1, user_h=user_h, started_ms=start_ms
            )
        )
