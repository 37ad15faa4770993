"""Next edits over the language server."""

from __future__ import annotations

from pathlib import Path

import pytest

from completer.errors import WorkspaceError
from completer.next_edit.edits import NextEdit, Point
from completer.place import Place
from lsp.next_edits import ACCEPT_NEXT_EDIT
from tests.fakes import FakeService
from tests.lsp.editor import URI, Editor

PATH, OTHER = Place(Path("/repo/src/app.py")), Place(Path("/repo/b.py"))
OURS, GITHUBS = "completer/nextEdit", "textDocument/copilotInlineEdit"
EDITS = tuple(
    NextEdit(path, Point(2, "😋 "), Point(2, "😋 old"), "old", "new", "renamed")
    for path in (OTHER, PATH, PATH)
)


@pytest.fixture
async def editor():
    editor = Editor(FakeService(edits=EDITS))
    await editor.initialize()
    editor.open("a😋b\n", version=3)
    return editor


def asked(version: int | None = 3, character: int = 3) -> dict[str, object]:
    position = {"line": 0, "character": character}
    return {"textDocument": {"uri": URI, "version": version}, "position": position}


async def test_next_edits_come_with_places_in_the_clients_units(editor):
    edits = (await editor.request(OURS, asked()))["edits"]
    assert [edit["textDocument"] for edit in edits] == [
        {"uri": "file:///repo/b.py", "version": None},
        {"uri": URI, "version": 3},
        {"uri": URI, "version": 3},
    ]
    start, end = {"line": 2, "character": 3}, {"line": 2, "character": 6}
    assert edits[0]["range"] == {"start": start, "end": end}
    assert (edits[0]["oldText"], edits[0]["text"], edits[0]["why"]) == ("old", "new", "renamed")
    (request,) = editor.service.asked_for_edits
    assert (request.path, request.text, request.offset) == (PATH, "a😋b\n", 2)
    assert (request.workspace, request.history) == (Path("/repo/src"), None)


@pytest.mark.parametrize(("kind", "trigger"), [(1, "manual"), (2, "automatic")])
async def test_what_a_person_asks_for_is_marked(editor, kind, trigger):
    await editor.request(OURS, {**asked(), "context": {"triggerKind": kind}})
    (request,) = editor.service.asked_for_edits
    assert request.trigger == trigger


async def test_github_clients_get_one_in_their_document(editor):
    (edit,) = (await editor.request(GITHUBS, asked()))["edits"]
    assert sorted(edit) == ["command", "range", "text", "textDocument"]
    assert edit["textDocument"]["uri"] == URI


async def test_an_edit_is_accepted_once_by_its_command(editor):
    (edit,) = (await editor.request(GITHUBS, asked()))["edits"]
    editor.notify("textDocument/didShowInlineEdit", {"item": edit})
    editor.notify("textDocument/didShowInlineEdit", {"item": None})
    command = {key: edit["command"][key] for key in ("command", "arguments")}
    assert command["command"] == ACCEPT_NEXT_EDIT
    assert await editor.request("workspace/executeCommand", command) is True
    assert await editor.request("workspace/executeCommand", command) is False


@pytest.mark.parametrize(
    "params",
    [
        asked(version=2),
        {},
        None,
        {"textDocument": {"uri": URI}},
        {"textDocument": {"uri": URI}, "position": {"line": -1, "character": 0}},
        {"textDocument": {"uri": "file:///repo/c.py"}, "position": {"line": 0, "character": 0}},
    ],
)
async def test_what_is_not_about_the_document_as_it_is_gets_none(editor, params):
    assert await editor.request(OURS, params) == {"edits": []}
    assert editor.service.asked_for_edits == []


async def test_lines_that_are_counted_in_two_ways_get_none(editor):
    editor.change(4, (None, None, "a\rb"))
    assert await editor.request(OURS, asked(version=4)) == {"edits": []}


async def test_an_error_is_no_pop_up(editor):
    async def fail(_request):
        raise WorkspaceError("gone")

    editor.service.next_edits = fail
    assert await editor.request(OURS, asked()) == {"edits": []}
