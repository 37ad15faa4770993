"""What a client tells of a suggestion after it was sent."""

from __future__ import annotations

from concurrent.futures import Future
from typing import Any

import pytest
import pytest_asyncio

from completer import reporting
from telemetry.events import Accepted, Hidden, Shown
from tests.lsp.editor import Editor


@pytest_asyncio.fixture
async def item(editor):
    editor.open("x = 😋")
    editor.service.reply = lambda request: "one\ntwo"
    (item,) = await editor.complete(0, 6)
    return item


async def accept(editor: Editor, item: dict[str, Any]) -> Any:
    command = item["command"]
    params = {"command": command["command"], "arguments": command["arguments"]}
    return await editor.request("workspace/executeCommand", params)


async def test_accepting_reaches_recorder_and_service(editor, item):
    assert await accept(editor, item) is True
    assert editor.service.accepts == [("cmpl-1", "one\ntwo")]
    assert editor.recorder.of(Accepted) == [Accepted("cmpl-1-0")]


async def test_accepting_what_was_never_offered_is_no_error(editor, item):
    params = {"command": "completer.accept", "arguments": ["unknown"]}
    assert await editor.request("workspace/executeCommand", params) is False
    assert editor.recorder.of(Accepted) == []


async def test_a_store_that_stalls_does_not_keep_the_client_waiting(editor, item, monkeypatch):
    monkeypatch.setattr(reporting, "MAX_WAIT_S", 0.01)
    editor.recorder.receipt = Future()
    assert await accept(editor, item) is False
    editor.recorder.receipt.set_result(True)
    assert await accept(editor, item) is True


@pytest.mark.parametrize("arguments", [None, [], [1, 2, 3]])
async def test_a_command_with_wrong_arguments_is_refused(editor, arguments):
    params = {"command": "completer.accept", "arguments": arguments}
    answer = await editor.start("workspace/executeCommand", params)[1]
    assert answer["error"]["code"] in (-32602, -32603)


async def test_shown(editor, item):
    editor.notify("textDocument/didShowCompletion", {"item": item})
    assert editor.recorder.of(Shown) == [Shown("cmpl-1-0")]


@pytest.mark.parametrize(
    ("length", "text", "kind"),
    [
        (9, "one", "partial"),
        (10, "one\n", "partial"),
        (13, "one\ntwo", "full"),
        (99, "one\ntwo", "full"),
    ],
)
async def test_partially_accepted_counts_units_of_what_was_sent(editor, item, length, text, kind):
    params = {"item": item, "acceptedLength": length}
    editor.notify("textDocument/didPartiallyAcceptCompletion", params)
    assert editor.service.accepts == [("cmpl-1", text)]
    assert editor.recorder.of(Accepted) == [Accepted("cmpl-1-0", kind, length)]


@pytest.mark.parametrize("length", [-1, 0, 6, "9", None])
async def test_nothing_accepted_is_not_reported(editor, item, length):
    params = {"item": item, "acceptedLength": length}
    editor.notify("textDocument/didPartiallyAcceptCompletion", params)
    assert editor.recorder.of(Accepted) == []


@pytest.mark.parametrize("params", [None, [], {}, {"item": None}, {"item": {"command": {}}}, 3])
async def test_notifications_without_an_item_are_ignored(editor, item, params):
    editor.notify("textDocument/didShowCompletion", params)
    editor.notify("textDocument/didPartiallyAcceptCompletion", params)
    assert editor.recorder.of(Shown) == []


@pytest.mark.parametrize(
    ("more", "hidden"),
    [
        ({"reason": "esc", "shownForMs": 40}, Hidden("cmpl-1-0", "esc", 40)),
        ({}, Hidden("cmpl-1-0", "unknown", None)),
        ({"reason": "bored", "shownForMs": "long"}, Hidden("cmpl-1-0", "unknown", None)),
    ],
)
async def test_a_dismissal_is_told_with_its_reason(editor, item, more, hidden):
    editor.notify("textDocument/didHideCompletion", {"item": item, **more})
    assert editor.recorder.of(Hidden) == [hidden]


@pytest.mark.parametrize(("told", "kind"), [("word", "word"), ("line", "line"), ("x", "partial")])
async def test_what_part_was_accepted_is_told(editor, item, told, kind):
    params = {"item": item, "acceptedLength": 8, "kind": told}
    editor.notify("textDocument/didPartiallyAcceptCompletion", params)
    (accepted,) = editor.recorder.of(Accepted)
    assert (accepted.kind, accepted.length) == (kind, 8)
