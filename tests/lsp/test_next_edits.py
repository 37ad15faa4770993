"""Next edits over the language server."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from completer.errors import WorkspaceError
from completer.next_edit.edits import NextEdit, Point
from completer.place import Place
from lsp.next_edits import ACCEPT_NEXT_EDIT
from telemetry.events import Accepted, Hidden, Opportunity, Returned, Shown
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


async def test_what_is_shown_accepted_and_dismissed_is_recorded(editor):
    first, second, third = (await editor.request(OURS, asked()))["edits"]
    assert second["command"] == third["command"]  # the same edit
    for edit in (first, second, second):
        editor.notify("textDocument/didShowInlineEdit", {"item": {"command": edit["command"]}})
    opportunities = editor.recorder.of(Opportunity)
    assert [(each.uri, each.kind) for each in opportunities] == [
        ("file:///repo/b.py", "next edit"),
        (URI, "next edit"),
    ]
    (of_other,), (of_open,) = (each.suggestions for each in editor.recorder.of(Returned))
    assert (of_open.text, of_open.replaced, of_open.offset) == ("new", "old", 7)
    assert of_other.offset is None
    hidden = {"item": {"command": first["command"]}, "reason": "esc"}
    editor.notify("textDocument/didHideCompletion", hidden)
    command = {key: second["command"][key] for key in ("command", "arguments")}
    assert await editor.request("workspace/executeCommand", command) is True
    assert [type(each) for each in editor.recorder.events[-5:]] == [
        Opportunity, Returned, Shown, Hidden, Accepted
    ]  # fmt: skip
    again = (await editor.request(OURS, asked()))["edits"]
    assert again[0]["command"] == first["command"]
    assert again[1]["command"] != second["command"]


async def test_an_edit_by_a_model_is_a_kind_of_its_own(editor):
    editor.service.edits = (replace(EDITS[1], why="written by the model"),)
    (edit,) = (await editor.request(OURS, asked()))["edits"]
    command = {key: edit["command"][key] for key in ("command", "arguments")}
    assert await editor.request("workspace/executeCommand", command) is True
    (opportunity,) = editor.recorder.of(Opportunity)
    assert opportunity.kind == "next edit by a model"


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
