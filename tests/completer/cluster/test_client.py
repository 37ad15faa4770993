"""What the front door makes of a replica's answer, failure and end, on a scripted handle."""

from __future__ import annotations

import asyncio
from contextlib import aclosing
from dataclasses import replace
from pathlib import Path

import pytest

from completer.cluster.client import MOST_TRIES, ClusterService, session_of
from completer.engine_process.failures import failure
from completer.errors import BadRequestError, CompleterError, OverloadedError, WorkspaceError
from completer.interface import ServiceInfo
from completer.next_edit.edits import NextEditRequest
from completer.place import local_place
from completer.request import Choice, Completion, CompletionRequest, DecodeStats, TextDelta

INFO = ServiceInfo(model="m", device="cpu", dtype="int8", context_tokens=9, workspaces=())
DONE = Completion(
    id="c1", model="m", choices=(Choice(text="x", finish_reason="stop"),), stats=DecodeStats()
)
HERE = local_place(Path(__file__).parent)
ADA = CompletionRequest(prefix="a", user="ada")


class ReplicaGoneError(Exception):
    pass


class FullError(Exception):
    pass


class Response:
    """What a call returns: an answer, or the parts of a stream, of which errors are raised."""

    def __init__(self, answer: object) -> None:
        self.answer, self.cancelled = answer, 0

    def __await__(self):
        if self.answer is None:
            yield from asyncio.sleep(60).__await__()
        if isinstance(self.answer, Exception):
            raise self.answer
        return self.answer

    async def __aiter__(self):
        for part in self.answer:
            if isinstance(part, Exception):
                raise part
            yield part

    def cancel(self) -> None:
        self.cancelled += 1


class Handle:
    """Answers calls one after the other with `answers`; `None` never comes."""

    def __init__(self, *answers: object) -> None:
        self.responses = [Response(answer) for answer in answers]
        self.calls: list[tuple[dict[str, object], tuple[object, ...]]] = []
        self._options: dict[str, object] = {}

    def options(self, **options: object) -> Handle:
        self._options = options
        return self

    def remote(self, *arguments: object) -> Response:
        self.calls.append((self._options, arguments))
        return self.responses[len(self.calls) - 1]


def service(handle: Handle) -> ClusterService:
    return ClusterService(handle, INFO, lost=ReplicaGoneError, full=FullError)


async def streamed(handle: Handle) -> list[object]:
    async with aclosing(service(handle).stream(ADA)) as parts:
        return [part async for part in parts]


async def test_a_request_is_one_call_to_the_persons_replica():
    handle = Handle(DONE)

    completion = await service(handle).complete(ADA)

    assert completion.text == "x"
    assert handle.calls == [
        ({"method_name": "complete", "session_id": "ada", "stream": False}, (ADA,))
    ]


@pytest.mark.parametrize(
    ("request_", "session"),
    [
        (ADA, "ada"),
        (replace(ADA, workspace=HERE), "ada"),
        (CompletionRequest(prefix="", workspace=HERE), str(HERE)),
        (CompletionRequest(prefix="", path=Path("a.py")), "a.py"),
        (CompletionRequest(prefix=""), ""),
        (NextEditRequest(path=HERE, text="", offset=0, workspace=HERE), str(HERE)),
    ],
)
def test_the_person_says_which_replica_else_the_workspace(request_, session):
    assert session_of(request_) == session


async def test_what_was_refused_on_purpose_is_raised_as_it_was():
    refused = failure(0, BadRequestError("no such place", hint="Look again."))
    for ask in (service(Handle(refused)).complete(ADA), streamed(Handle([refused]))):
        with pytest.raises(BadRequestError, match="no such place") as error:
            await ask
        assert error.value.hint == "Look again."


async def test_another_replica_is_asked_where_one_ended():
    handle = Handle(ReplicaGoneError(), DONE)
    assert (await service(handle).complete(ADA)).text == "x"
    assert await streamed(Handle([ReplicaGoneError()], [TextDelta(0, "x")])) == [TextDelta(0, "x")]


async def test_a_request_that_ends_all_is_given_up():
    handle = Handle(*[ReplicaGoneError()] * (MOST_TRIES + 1))
    with pytest.raises(CompleterError, match="ended"):
        await service(handle).complete(ADA)
    assert len(handle.calls) == MOST_TRIES


async def test_a_stream_that_has_begun_is_not_asked_again():
    handle = Handle([TextDelta(0, "x"), ReplicaGoneError()], [DONE])
    parts = service(handle).stream(ADA)
    assert await anext(parts) == TextDelta(0, "x")
    with pytest.raises(CompleterError, match="ended"):
        await anext(parts)
    assert len(handle.calls) == 1


async def test_busy_replicas_are_told_as_a_busy_server():
    with pytest.raises(OverloadedError):
        await service(Handle(FullError())).complete(ADA)
    with pytest.raises(OverloadedError):
        await streamed(Handle([FullError()]))


async def test_who_goes_cancels_the_call():
    handle = Handle(None)
    task = asyncio.create_task(service(handle).complete(ADA))
    while not handle.calls:
        await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert handle.responses[0].cancelled == 1

    handle = Handle([TextDelta(0, "x"), DONE])
    async with aclosing(service(handle).stream(ADA)) as parts:
        await anext(parts)
    assert handle.responses[0].cancelled == 1


async def test_an_acceptance_goes_to_who_made_the_completion():
    handle = Handle(DONE, None)
    front = service(handle)
    completion = await front.complete(ADA)
    front.accepted(completion.id, "x")
    while len(handle.calls) < 2:
        await asyncio.sleep(0)
    assert handle.calls[1] == ({"method_name": "accepted", "session_id": "ada"}, ("c1", "x"))


def test_what_only_editors_ask_is_refused_with_what_to_do():
    with pytest.raises(WorkspaceError) as error:
        service(Handle()).open_workspace(HERE)
    assert "cluster up" in error.value.hint
