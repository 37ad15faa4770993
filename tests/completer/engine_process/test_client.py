"""The service of a language server: what it answers itself, and what becomes of lost engines."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from completer.engine_process.client import MOST_TRIES, RemoteService
from completer.errors import CompleterError, OverloadedError, WorkspaceError
from completer.next_edit.edits import NextEdit, NextEditRequest, Point
from completer.place import local_place
from completer.request import Completion, CompletionRequest, TextDelta
from tests.completer.engine_process.wires import Engine
from tests.completer.http.live import eventually
from tests.fakes import FakeService


class Starts:
    """Finds the engine that is there, or starts one; `refuses` says why not."""

    def __init__(self, reply="done()\n") -> None:
        self.reply = reply
        self.delay_s = 0.0
        self.engines: list[Engine] = []
        self.refuses: Exception | None = None

    async def __call__(self):
        await asyncio.sleep(0)
        if self.refuses is not None:
            raise self.refuses
        if not self.engines:
            self.start()
        return self.engine.connect()

    def start(self) -> Engine:
        self.engines.append(
            Engine(FakeService(reply=lambda request: self.reply, delay_s=self.delay_s))
        )
        return self.engine

    @property
    def engine(self) -> Engine:
        return self.engines[-1]

    def kill(self) -> None:
        self.engines.pop().kill()


@pytest.fixture
def starts():
    return Starts()


@pytest.fixture
async def service(starts):
    service = RemoteService(starts)
    yield service
    await service.close()


def ask(prefix="x = ", **more) -> CompletionRequest:
    return CompletionRequest(prefix=prefix, suffix="\n", polish=True, **more)


async def test_an_engine_answers(starts, service):
    completion = await service.complete(ask())
    assert completion.text == "done()\n"
    assert starts.engine.service.requests == [ask(may_use=frozenset())]
    assert service.model == starts.engine.service.model


async def test_next_edits_come_from_the_engine(starts, service, tmp_path):
    path = local_place(tmp_path / "a.py")
    edit = NextEdit(path, Point(0, ""), Point(0, "a"), "a", "b", "renamed")
    starts.start().service.edits = (edit,)
    request = NextEditRequest(path=path, text="a", offset=0)
    assert await service.next_edits(request) == (edit,)
    assert [each.text for each in starts.engine.service.asked_for_edits] == ["a"]


async def test_typing_through_an_answer_asks_nobody(starts, service):
    first = await service.complete(ask())
    rest = await service.complete(ask("x = done"))
    assert (rest.text, rest.stats.cached) == ("()\n", True)
    assert rest.id != first.id
    service.accepted(rest.id, "()\n")
    await eventually(lambda: starts.engine.service.accepts, 2)
    assert starts.engine.service.accepts == [(first.id, "()\n")]
    assert len(starts.engine.service.requests) == 1


async def test_an_answer_does_not_outlive_the_repositorys_settings(starts, service, tmp_path):
    root = local_place(tmp_path)
    service.open_workspace(root)
    await service.complete(ask(path=root / "a.py"))
    (tmp_path / ".completer.toml").write_text("[completion]\nmax_lines = 1\n")
    again = await service.complete(ask("x = done", path=root / "a.py"))
    assert not again.stats.cached


async def test_a_stream_comes_in_pieces(starts, service):
    parts = [part async for part in service.stream(ask())]
    texts = [part.text for part in parts if isinstance(part, TextDelta)]
    assert "".join(texts) == "done()\n"
    assert isinstance(parts[-1], Completion)


async def test_giving_up_reaches_the_engine(starts, service):
    starts.start().service.delay_s = 30.0
    task = asyncio.create_task(service.complete(ask()))
    await eventually(lambda: starts.engine.service.running, 2)
    task.cancel()
    await eventually(lambda: starts.engine.service.cancelled, 2)


async def test_errors_are_those_of_the_engine(starts, service):
    starts.start().service.error = OverloadedError("full", retry_after_s=3.0, hint="wait")
    with pytest.raises(OverloadedError, match="full") as raised:
        await service.complete(ask())
    assert (raised.value.retry_after_s, raised.value.hint) == (3.0, "wait")


async def test_what_was_asked_of_a_lost_engine_is_asked_of_the_next(starts, service, tmp_path):
    root = local_place(tmp_path)
    service.open_workspace(root)
    service.document_changed(root / "a.py", "text")
    starts.start().service.delay_s = 30.0
    task = asyncio.create_task(service.complete(ask(path=root / "a.py")))
    await eventually(lambda: starts.engine.service.running, 2)
    starts.kill()
    assert (await asyncio.wait_for(task, 2)).text == "done()\n"
    now = starts.engine.service
    assert now.opened == [root]
    assert now.documents == {root / "a.py": "text"}
    assert now.requests[0].may_use == {root}


async def test_a_request_that_ends_engines_is_given_up(starts, service):
    starts.delay_s = 30.0
    task = asyncio.create_task(service.complete(ask()))
    for _ in range(MOST_TRIES):
        await eventually(lambda: starts.engines and starts.engine.service.running, 2)
        starts.kill()
    with pytest.raises(CompleterError, match="ended"):
        await asyncio.wait_for(task, 2)


async def test_nothing_is_started_again_before_it_is_needed(starts, service):
    await service.complete(ask())
    starts.kill()
    await asyncio.sleep(0.05)
    assert not starts.engines
    service.document_changed(local_place(Path("/nowhere/a.py")), "typed meanwhile")
    await service.complete(ask("y = "))
    assert len(starts.engines) == 1


async def test_where_no_engine_starts_the_error_is_told_and_tried_again(
    starts, service, monkeypatch
):
    monkeypatch.setattr("completer.engine_process.client.RETRIES_AFTER_S", 0.05)
    starts.refuses = CompleterError("no", hint="why")
    with pytest.raises(CompleterError, match="no"):
        await service.complete(ask())
    starts.refuses = None
    assert (await service.complete(ask())).text


async def test_a_newer_engine_takes_over_without_a_loss(starts, service, tmp_path):
    root = local_place(tmp_path)
    service.open_workspace(root)
    old = starts.start()
    old.service.delay_s = 0.2
    running = asyncio.create_task(service.complete(ask(path=root / "a.py")))
    await eventually(lambda: old.service.running, 2)
    starts.reply = "newer"
    new = starts.start()
    old.editors.move()
    await eventually(lambda: len(new.editors), 2)
    assert (await service.complete(ask("y = ", path=root / "a.py"))).text == "newer"
    assert (await running).text == "done()\n"
    await eventually(lambda: not len(old.editors), 2)
    assert new.service.opened == [root]


async def test_a_folder_that_is_not_there_is_refused_at_once(service):
    with pytest.raises(WorkspaceError):
        service.open_workspace(local_place(Path("/nowhere")))


async def test_a_closed_document_is_told_once(starts, service, tmp_path):
    root = local_place(tmp_path)
    service.open_workspace(root)
    await service.complete(ask())
    service.document_changed(root / "a.py", None)
    service.document_changed(root / "a.py", "x")
    service.document_changed(root / "a.py", None)
    await service.complete(ask("y = "))
    assert starts.engine.service.documents == {root / "a.py": None}
