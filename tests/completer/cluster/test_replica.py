"""A replica answers with its service, tells what failed, and ends what it has begun."""

from __future__ import annotations

import asyncio
import os
from contextlib import aclosing

import pytest

from completer.cli import libraries, wiring
from completer.cluster.replica import Replica, start_engine
from completer.engine_process.messages import Failed
from completer.errors import BadRequestError, OverloadedError
from completer.request import Completion, CompletionRequest, TextDelta
from completer.settings import Settings
from tests.completer.cluster.scripted import LONG, ScriptedService

REQUEST = CompletionRequest(prefix="a")


@pytest.fixture
def own():
    return ScriptedService(reply=lambda _: "12345")


@pytest.fixture
def replica(own):
    return Replica(Settings(), lambda _: own)


async def test_it_answers_as_its_service(replica, own):
    assert (await replica.complete(REQUEST)).text == "12345"
    *pieces, last = [part async for part in replica.stream(REQUEST)]
    assert pieces == [TextDelta(0, "1234"), TextDelta(0, "5")]
    assert isinstance(last, Completion)
    await replica.accepted("c", "x")
    assert own.accepts == [("c", "x")]


@pytest.mark.parametrize(
    ("error", "told"),
    [
        (BadRequestError("no", hint="Do."), Failed(0, "BadRequestError", "no", "Do.")),
        (
            OverloadedError("full", retry_after_s=3),
            Failed(0, "OverloadedError", "full", retry_after_s=3),
        ),
    ],
)
async def test_errors_are_answers(replica, own, error, told):
    own.error = error
    assert await replica.complete(REQUEST) == told
    assert [part async for part in replica.stream(REQUEST)] == [told]


async def test_what_was_not_foreseen_is_logged_and_not_told(replica, own, caplog):
    own.error = RuntimeError("a line of somebody's code")
    failed = await replica.complete(REQUEST)
    assert isinstance(failed, Failed)
    assert "somebody" not in failed.message
    assert "a request failed" in caplog.text


async def test_what_is_given_up_ends_in_the_service(replica, own):
    task = asyncio.create_task(replica.complete(CompletionRequest(prefix=LONG)))
    while not own.running:
        await asyncio.sleep(0)
    assert (await replica.status()).running == 1
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    async with aclosing(replica.stream(REQUEST)) as parts:
        await anext(parts)
    assert (own.running, own.cancelled) == (0, 2)
    assert (await replica.status()).running == 0


def test_the_engine_chooses_its_threads_whatever_ray_gave_it(monkeypatch, own):
    threads = []

    def start_service(_settings):
        threads.append(os.environ.get("OMP_NUM_THREADS"))
        return own

    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    monkeypatch.setattr(wiring, "start_service", start_service)
    monkeypatch.setattr(libraries, "prepare_libraries", lambda: None)
    assert start_engine(Settings()) is own
    assert threads == [None]
