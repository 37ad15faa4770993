"""Several editors at one engine: each sees what it has open, and leaves nothing behind."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from completer.engine_process.editors import Editors
from completer.engine_process.messages import (
    Cancel,
    CloseWorkspace,
    Complete,
    Completed,
    DocumentChanged,
    Failed,
    FindNextEdits,
    NextEditsFound,
    OpenWorkspace,
)
from completer.errors import BadRequestError
from completer.next_edit.edits import NextEdit, NextEditRequest, Point
from completer.place import Place
from completer.request import CompletionRequest
from tests.completer.http.live import eventually
from tests.fakes import FakeService

A, B, INNER = Place(Path("/a")), Place(Path("/b")), Place(Path("/a/inner"))
FILE = Place(Path("/a/inner/x.py"))
EDIT = NextEdit(FILE, Point(0, ""), Point(0, "a"), "a", "b", "renamed")


@pytest.fixture
def service():
    return FakeService()


@pytest.fixture
async def editors(service):
    return Editors(service, stays_s=0.05)


def connected(editors):
    said = []
    return editors.connected(said.append), said


async def test_a_request_sees_the_folders_of_its_own_editor(editors, service):
    (one, said), (other, _) = connected(editors), connected(editors)
    one.take(OpenWorkspace(A))
    other.take(OpenWorkspace(B))
    one.take(Complete(7, CompletionRequest(prefix="x")))
    await eventually(lambda: said, 2)
    assert isinstance(said[0], Completed)
    assert said[0].id == 7
    assert service.requests[0].may_use == {A}
    one.take(OpenWorkspace(INNER))
    one.take(Complete(8, CompletionRequest(prefix="x", may_use=frozenset({B, INNER}))))
    await eventually(lambda: said[1:], 2)
    assert service.requests[1].may_use == {INNER}


async def test_a_folder_is_open_as_long_as_anybody_has_it(editors, service):
    (one, _), (other, _) = connected(editors), connected(editors)
    for editor in (one, other, one):
        editor.take(OpenWorkspace(A))
    assert service.opened == [A]
    one.take(CloseWorkspace(A))
    one.take(CloseWorkspace(A))
    assert service.closed_workspaces == []
    other.take(CloseWorkspace(A))
    assert service.closed_workspaces == [A]


async def test_a_folder_of_an_editor_that_went_stays_a_while(editors, service):
    one, _ = connected(editors)
    one.take(OpenWorkspace(A))
    one.gone()
    assert service.closed_workspaces == []
    again, _ = connected(editors)
    again.take(OpenWorkspace(A))
    await asyncio.sleep(0.1)
    assert (service.opened, service.closed_workspaces) == ([A], [])
    again.gone()
    await eventually(lambda: service.closed_workspaces == [A], 2)


async def test_the_engines_own_folders_are_never_closed(service):
    editors = Editors(service, [A])
    one, _ = connected(editors)
    one.take(OpenWorkspace(A))
    one.take(CloseWorkspace(A))
    assert (service.opened, service.closed_workspaces) == ([], [])


async def test_of_two_texts_of_a_document_the_last_counts_until_it_is_closed(editors, service):
    (one, _), (other, _) = connected(editors), connected(editors)
    for editor, text in ((one, "first"), (other, "second")):
        editor.take(OpenWorkspace(A))
        editor.take(DocumentChanged(FILE, text))
    assert service.documents[FILE] == "second"
    other.gone()
    assert service.documents[FILE] == "first"
    one.take(DocumentChanged(FILE, None))
    assert service.documents[FILE] is None


async def test_a_document_belongs_to_its_own_editors_folder(editors, service):
    told = []
    service.document_changed = lambda *of: told.append(of)
    (one, _), (other, _) = connected(editors), connected(editors)
    one.take(OpenWorkspace(A))
    other.take(OpenWorkspace(INNER))
    one.take(DocumentChanged(FILE, "outer"))
    other.take(DocumentChanged(FILE, "inner"))
    other.take(DocumentChanged(Place(Path("/b/y.py")), "nobody's"))
    assert told == [(FILE, "outer", A), (FILE, "inner", INNER)]


async def test_what_fails_is_told_and_only_on_purpose_in_words(editors, service, caplog):
    one, said = connected(editors)
    service.error = BadRequestError("no", hint="why")
    one.take(Complete(1, CompletionRequest(prefix="x")))
    await eventually(lambda: said, 2)
    service.error = RuntimeError("/secret/path")
    one.take(Complete(2, CompletionRequest(prefix="x")))
    await eventually(lambda: len(said) == 2, 2)
    assert said[0] == Failed(1, "BadRequestError", "no", "why")
    assert "/secret" not in said[1].message
    assert "a request failed" in caplog.text


async def test_what_is_cancelled_or_left_is_not_answered(editors, service):
    one, said = connected(editors)
    service.delay_s = 30.0
    for number in (1, 2):
        one.take(Complete(number, CompletionRequest(prefix="x")))
    await eventually(lambda: service.running == 2, 2)
    one.take(Cancel(1))
    one.take(Cancel(99))
    await eventually(lambda: service.cancelled == 1, 2)
    assert editors.running == 1
    one.gone()
    await eventually(lambda: service.cancelled == 2, 2)
    assert said == []


async def test_how_long_no_editor_was_there_is_known(editors):
    one, _ = connected(editors)
    assert editors.alone_s == 0.0
    one.gone()
    await asyncio.sleep(0.02)
    assert editors.alone_s > 0.01


async def test_next_edits_are_asked_for_with_the_folders_of_the_editor(editors, service):
    service.edits = (EDIT,)
    one, said = connected(editors)
    one.take(OpenWorkspace(A))
    one.take(FindNextEdits(3, NextEditRequest(path=FILE, text="x", offset=0)))
    await eventually(lambda: said, 2)
    assert said == [NextEditsFound(3, (EDIT,))]
    assert service.asked_for_edits[0].may_use == {A}
