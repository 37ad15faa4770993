"""Whatever a client sends, every request gets one answer and the server goes on."""

from __future__ import annotations

import asyncio
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from tests.json_strategies import mutated, values
from tests.lsp.editor import URI, Editor

DOCUMENT = {"uri": URI, "version": 2}
RANGE = {"start": {"line": 0, "character": 0}, "end": {"line": 0, "character": 1}}
ITEM = {"insertText": "a", "command": {"command": "completer.accept", "arguments": ["cmpl-1-0"]}}
VALID: dict[str, Any] = {
    "textDocument/didOpen": {"textDocument": {**DOCUMENT, "languageId": "python", "text": "a"}},
    "textDocument/didChange": {
        "textDocument": DOCUMENT,
        "contentChanges": [{"range": RANGE, "text": "é"}, {"text": "whole"}],
    },
    "textDocument/didSave": {"textDocument": DOCUMENT, "text": "saved"},
    "textDocument/didShowCompletion": {"item": ITEM},
    "textDocument/didPartiallyAcceptCompletion": {"item": ITEM, "acceptedLength": 1},
    "textDocument/didFocus": {"textDocument": DOCUMENT},
    "workspace/didChangeWorkspaceFolders": {"event": {"added": [], "removed": []}},
    "workspace/didRenameFiles": {"files": [{"oldUri": URI, "newUri": URI}]},
    "workspace/executeCommand": {"command": "completer.accept", "arguments": ["cmpl-1-0"]},
    "$/cancelRequest": {"id": 1},
    "textDocument/inlineCompletion": {
        "textDocument": DOCUMENT,
        "position": RANGE["end"],
        "context": {"triggerKind": 1, "selectedCompletionInfo": {"range": RANGE, "text": "a"}},
    },
}

params = st.sampled_from(list(VALID)).flatmap(
    lambda method: st.tuples(st.just(method), mutated(VALID[method]) | values)
)


@settings(max_examples=40, deadline=None)
@given(messages=st.lists(st.tuples(params, st.booleans()), max_size=6), junk=values)
async def test_every_request_gets_one_answer(messages, junk):
    editor = Editor()
    await editor.initialize()
    editor.open("text\n")
    editor.send(junk)
    answers = []
    for (method, value), is_request in messages:
        if is_request:
            answers.append(editor.start(method, value))
        else:
            editor.notify(method, value)
    for msg_id, answer in answers:
        assert (await asyncio.wait_for(answer, 5))["id"] == msg_id
    ids = [message["id"] for message in editor.sent if "method" not in message]
    assert all(ids.count(msg_id) == 1 for msg_id, _ in answers)
    editor.open("alive", uri="file:///alive.py")
    assert await editor.complete(0, 5, uri="file:///alive.py")
    assert editor.service.running == 0
    assert not [m for m in editor.sent if m.get("method") not in (None, "didChangeStatus")]
