"""Many requests at once, on a whole service whose model's arithmetic is made up."""

import asyncio
import contextlib
import itertools
import os
import random
import statistics
import threading
import time
from pathlib import Path

import pytest
import torch

from completer.cli.assembly import tokenizer_of
from completer.drafting.memory import release_memory, settled_memory
from completer.engine.engine import MAX_DRAFT, Engine
from completer.engine.kv_cache import KVPool, LayerShape
from completer.engine.runner import Runner
from completer.http.app import create_app
from completer.request import CompletionRequest
from completer.serving.service import LocalService
from completer.settings import Settings
from completer.workspaces.repositories import open_repositories
from models.loading import LoadedModel, load_model
from telemetry.recorder import NullRecorder
from tests.completer.http.live import connect, eventually, serving
from tests.completer.http.soak import OPTIONS, soak
from tests.tiny import save_tiny

SLOTS = 16
GIVEN_UP = 0.3


class MadeUpForward:
    """Says one token for ever; `busy` runs in every pass."""

    device = torch.device("cpu")
    dtype = torch.float32

    def __init__(self, vocabulary: int, token: int) -> None:
        self.row = torch.zeros(vocabulary)
        self.row[token] = 5.0
        self.busy = lambda: None

    def __call__(self, ids, positions, rows, step):
        self.busy()
        return self.row.expand(len(rows), -1)


@pytest.fixture(scope="module")
def model(tmp_path_factory) -> LoadedModel:
    return load_model(str(save_tiny("llama", tmp_path_factory.mktemp("model"))), device="cpu")


@pytest.fixture
def forward(model) -> MadeUpForward:
    tokenizer = model.tokenizer.backend_tokenizer
    return MadeUpForward(model.model.config.vocab_size, tokenizer.encode("a").ids[0])


@pytest.fixture
def engine(model, forward):
    pool = KVPool(
        [LayerShape(1, 2, 2)],
        slots=SLOTS,
        capacity=model.context_tokens + MAX_DRAFT,
        dtype=torch.float32,
        device=forward.device,
    )
    return Engine(Runner(forward, pool))


@pytest.fixture
def service(model, engine, tmp_path):
    root = tmp_path / "code"
    root.mkdir()
    (root / "known.py").write_text("baaaaaaaaaaaaaaaaaaaaaaaa\n" * 20)
    chosen = Settings(
        cache_folder=tmp_path / "cache", workspaces=(root,), engine={"result_cache_mb": 1}
    )
    service = LocalService(model, engine, chosen, open_repositories(chosen, tokenizer_of(model)))
    yield service
    service.close()


def requests(root: Path, chance: random.Random):
    """Requests of which no two are the same, half of them in the workspace's files."""
    for number in itertools.count():
        yield CompletionRequest(
            prefix=f"x{number} = b",
            suffix="\n",
            path=root / f"{number % 50}.py" if chance.random() < 0.5 else None,
            user=f"user {number % 7}",
            max_tokens=chance.randrange(1, 12),
        )


async def ask(service, request, within_s):
    """Ask, and give up after a while: the task is cancelled, as a front door does it."""
    with contextlib.suppress(TimeoutError):
        await asyncio.wait_for(service.complete(request), within_s)


async def crowd(service, root, count, chance):
    stream = itertools.islice(requests(root, chance), count)

    async def person():
        for request in stream:
            gives_up = chance.random() < GIVEN_UP
            await ask(service, request, chance.random() * 0.01 if gives_up else 60)

    await asyncio.gather(*(person() for _ in range(24)))


def usage() -> dict[str, int]:
    release_memory()
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return {
        "memory": pages * os.sysconf("SC_PAGE_SIZE"),
        "descriptors": len(list(Path("/proc/self/fd").iterdir())),
        "tasks": len(asyncio.all_tasks()),
        "threads": threading.active_count(),
    }


@pytest.mark.slow  # ten thousand requests
@pytest.mark.skipif(not Path("/proc/self/statm").exists(), reason="reads /proc")
async def test_ten_thousand_requests_leave_nothing_behind(service, engine, tmp_path):
    assert service.wait_until_indexed(tmp_path / "code", 120)
    await crowd(service, tmp_path / "code", 6000, random.Random(1))  # caches are full then
    before = usage()
    await crowd(service, tmp_path / "code", 10_000, random.Random(2))
    await eventually(lambda: engine.load == (0, 0), 10)
    after = usage()

    assert engine._pool.free_slots == SLOTS
    assert after["tasks"] == before["tasks"]
    assert after["threads"] <= before["threads"]
    assert after["descriptors"] <= before["descriptors"]
    assert (after["memory"] - before["memory"]) / 10_000 <= 1024


async def test_health_answers_at_once_while_the_engine_is_busy(service, engine, forward):
    forward.busy = lambda: time.sleep(0.1)
    waits = []
    async with serving(create_app(service, NullRecorder())) as port:
        asked = [
            asyncio.create_task(service.complete(request))
            for request in itertools.islice(requests(Path("/w"), random.Random(0)), 64)
        ]
        await eventually(lambda: engine.load[0] == SLOTS, 10)
        reader, writer = await connect(port)
        for _ in range(40):
            started = time.perf_counter()
            writer.write(b"GET /health HTTP/1.1\r\nHost: localhost\r\n\r\n")
            await reader.readuntil(b"}")
            waits.append(time.perf_counter() - started)
            await asyncio.sleep(0.005)
        running, waiting = engine.load
        writer.close()
        for task in asked:
            task.cancel()
        await asyncio.gather(*asked, return_exceptions=True)

    assert running == SLOTS
    assert waiting > 0
    assert statistics.median(waits) <= 0.010


@pytest.mark.alone
@pytest.mark.slow  # some hundred long texts among two thousand requests
@pytest.mark.skipif(not Path("/proc/self/statm").exists(), reason="reads /proc")
async def test_the_loop_is_hardly_later_than_an_idle_one(service, tmp_path):
    """Tried again where others use the machine: one run in which nothing was late is enough."""
    assert await asyncio.to_thread(service.wait_until_indexed, tmp_path / "code", 120)
    with settled_memory():  # as the server does when its model is loaded
        pass
    for _ in range(3):
        app = create_app(service, NullRecorder(), options=OPTIONS)
        outcome = await soak(app, 2_000, 32)
        assert outcome.seen["long"] > 5
        if not outcome.is_late:
            break
    assert not outcome.is_late, outcome
