"""What a person can ask the server, and change for good."""

from __future__ import annotations

import pytest

from completer.errors import OverloadedError
from completer.settings import load_settings
from lsp.reasons import AFTER_DELETION, NOT_ASKED
from tests.fakes import FakeService
from tests.lsp.editor import URI, Editor


async def run(editor, command, *arguments):
    params = {"command": command, "arguments": list(arguments)}
    return await editor.request("workspace/executeCommand", params)


async def test_why_nothing_came_is_told(editor):
    assert "not open" in await run(editor, "completer.why", URI)
    editor.open("x")
    assert await run(editor, "completer.why", URI) == NOT_ASKED
    await editor.complete(0, 1)
    assert "was sent" in await run(editor, "completer.why", URI)
    editor.service.reply = lambda request: ""
    await editor.complete(0, 1)
    assert await run(editor, "completer.why", URI) == "nothing to say"
    editor.service.error = OverloadedError("The queue is full.", retry_after_s=1, hint="Wait.")
    await editor.complete(0, 1)
    assert await run(editor, "completer.why", URI) == "The queue is full. Wait."


async def test_a_deletion_is_a_reason():
    editor = Editor(after_deletion=False)
    await editor.initialize()
    editor.open("xy")
    editor.change(2, ((0, 1), (0, 2), ""))
    assert await editor.complete(0, 1) == []
    assert await run(editor, "completer.why", URI) == AFTER_DELETION


async def test_where_nothing_is_completed_is_changed_for_good(tmp_path):
    file = tmp_path / "config.toml"
    editor = Editor(config=file)
    await editor.initialize()
    assert await run(editor, "completer.disabled") == []
    entry = "language:markdown"
    assert await run(editor, "completer.setDisabled", "*.env", True) == ["*.env"]
    assert await run(editor, "completer.setDisabled", entry, True) == ["*.env", entry]
    assert load_settings(file=file).settings.completion.disabled_in == ("*.env", entry)
    assert await run(editor, "completer.setDisabled", "*.env", False) == [entry]
    editor.open("x")
    await editor.complete(0, 1)
    assert editor.service.requests[-1].disabled_in == (entry,)
    assert await run(editor, "completer.disabled") == [entry]


async def test_what_the_client_disables_goes_with_the_request():
    editor = Editor()
    await editor.initialize(initializationOptions={"disabledIn": ["language:python"]})
    editor.open("x")
    await editor.complete(0, 1)
    assert editor.service.requests[0].disabled_in == ("language:python",)


async def test_a_disabled_place_is_in_the_status():
    editor = Editor(FakeService(reply=lambda request: "", disabled="disabled here: *.py"))
    await editor.initialize()
    editor.open("x")
    assert await editor.complete(0, 1) == []
    status = [each["params"] for each in editor.sent if each.get("method") == "didChangeStatus"]
    assert {"busy": False, "kind": "Inactive", "message": "disabled here: *.py"} in status


@pytest.mark.parametrize(("spaces", "indent"), [(True, "  "), (False, "\t")])
async def test_how_the_client_indents_goes_with_the_request(editor, spaces, indent):
    options = {"tabSize": 2, "insertSpaces": spaces}
    editor.open("x")
    params = {"textDocument": {"uri": URI}, "options": options}
    editor.notify("completer/didChangeFormatting", params)
    await editor.complete(0, 1)
    assert editor.service.requests[0].indent == indent
    editor.open("y", uri=f"{URI}2")
    place = {"textDocument": {"uri": f"{URI}2"}, "position": {"line": 0, "character": 1}}
    asked = {**place, "context": {"triggerKind": 2}, "formattingOptions": options}
    await editor.request("textDocument/inlineCompletion", asked)
    assert editor.service.requests[1].indent == indent
