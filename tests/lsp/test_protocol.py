"""Messages that are wrong get one answer and leave the server well."""

from __future__ import annotations

import pytest

from lsp.framing import FrameError
from telemetry.events import SessionEnded, SessionStarted
from tests.lsp.editor import URI, Editor

POSITION = {"line": 0, "character": 0}


def message(**fields: object) -> dict[str, object]:
    return {"jsonrpc": "2.0", **fields}


@pytest.mark.parametrize(
    ("bad", "code"),
    [
        (FrameError(-32700, "not JSON"), -32700),
        ([message(id=1, method="shutdown")], -32600),
        ([], -32600),
        ("text", -32600),
        (None, -32600),
        ({}, -32600),
        ({"id": 1, "method": "shutdown"}, -32600),
        ({"jsonrpc": "1.0", "id": 1, "method": "shutdown"}, -32600),
        (message(id=1, method=3), -32600),
        (message(id=None, method="shutdown"), -32600),
        (message(id={}, method="shutdown"), -32600),
        (message(id=True, method="shutdown"), -32600),
        (message(), -32600),
    ],
)
async def test_what_is_no_message_is_refused_without_an_id(editor, bad, code):
    before = len(editor.sent)
    editor.send(bad)
    (answer,) = editor.sent[before:]
    assert answer["id"] is None
    assert answer["error"]["code"] == code
    editor.open("x")
    assert await editor.complete(0, 1)


@pytest.mark.parametrize(
    ("method", "params", "code"),
    [
        ("no/such", {}, -32601),
        ("no/such", None, -32601),
        ("textDocument/inlineCompletion", None, -32602),
        ("textDocument/inlineCompletion", {"textDocument": {"uri": URI}}, -32602),
        (
            "textDocument/inlineCompletion",
            {
                "textDocument": {"uri": URI},
                "position": {"line": -1, "character": 0},
                "context": {"triggerKind": 1},
            },
            -32602,
        ),
        (
            "textDocument/inlineCompletion",
            {"textDocument": {"uri": URI}, "position": POSITION, "context": {"triggerKind": 9}},
            -32602,
        ),
        ("workspace/executeCommand", {"command": "rm", "arguments": []}, -32602),
        ("initialize", {"capabilities": {}}, -32600),
        ("textDocument/didOpen", {}, -32600),
        ("$/cancelRequest", {"id": 1}, -32600),
    ],
)
async def test_a_bad_request_gets_its_error(editor, method, params, code):
    before = len(editor.sent)
    msg_id, answer = editor.start(method, params)
    assert (await answer)["error"]["code"] == code
    assert [sent.get("id") for sent in editor.sent[before:]] == [msg_id]


async def test_a_request_with_an_error_is_a_request(editor):
    before = len(editor.sent)
    editor.send(message(id=7, method="no/such", error={"code": 1, "message": "x"}))
    (answer,) = editor.sent[before:]
    assert (answer["id"], answer["error"]["code"]) == (7, -32601)


@pytest.mark.parametrize(
    "bad",
    [
        message(method="textDocument/didChange", params={"textDocument": 3}),
        message(method="textDocument/didOpen"),
        message(method="no/such"),
        message(method="$/cancelRequest", params={"id": 99}),
        message(method="$/cancelRequest", params={}),
        message(method="$/cancelRequest", params={"id": []}),
        message(id=77, result=None),
        message(id=77, error={"code": 1, "message": "x"}),
        message(id=77, error=3),
    ],
)
async def test_bad_notifications_and_answers_get_no_answer_and_no_pop_up(editor, bad):
    before = len(editor.sent)
    editor.send(bad)
    assert editor.sent[before:] == []
    editor.open("x")
    assert await editor.complete(0, 1)


async def test_nothing_comes_before_initialize():
    editor = Editor()
    editor.open("x")
    answer = await editor.ask(0, 0)[1]
    assert answer["error"]["code"] == -32002
    await editor.initialize()
    assert await editor.complete(0, 0) == []


async def test_nothing_comes_after_shutdown(editor):
    await editor.request("shutdown")
    assert editor.recorder.of(SessionEnded) == [SessionEnded(editor.recorder.sessions[0])]
    assert (await editor.ask(0, 0)[1])["error"]["code"] == -32600


async def test_shutdown_ends_what_is_running(editor):
    editor.service.delay_s = 5
    editor.open("x")
    _, answer = editor.ask(0, 1)
    _, shutdown = editor.start("shutdown")
    assert (await shutdown)["result"] is None
    assert (await answer)["error"]["code"] == -32800
    assert editor.service.running == 0


async def test_the_folders_of_the_client_become_workspaces(editor):
    assert list(map(str, editor.service.opened)) == ["/repo", "/repo/src"]
    event = {
        "added": [{"uri": "file:///other", "name": ""}, {"uri": "vscode-vfs://x/y", "name": ""}],
        "removed": [{"uri": "file:///repo/src", "name": ""}],
    }
    editor.notify("workspace/didChangeWorkspaceFolders", {"event": event})
    assert list(map(str, editor.service.opened[2:])) == ["/repo", "/other"]


async def test_capabilities_of_a_later_protocol_are_no_obstacle():
    capabilities = {
        "general": {"positionEncodings": ["utf-7", "utf-8"], "new": 1},
        "workspace": {"workspaceEdit": {"failureHandling": "new"}, "workspaceFolders": True},
        "textDocument": {"completion": {"insertTextMode": 77}, "inlineCompletion": {"new": [1]}},
        "new": 1,
    }
    result = await Editor().initialize(capabilities=capabilities)
    assert result["capabilities"]["positionEncoding"] == "utf-8"


@pytest.mark.parametrize(
    "more",
    [
        {"trace": "compact"},
        {"trace": 3},
        {"trace": None},
        {"rootPath": ""},
        {"rootPath": "relative/path"},
        {"rootPath": 3},
        {"rootPath": "/\ud83d"},
        {"rootPath": "/a\0b"},
        {"rootUri": ""},
        {"rootUri": 3},
        {"rootUri": "", "rootPath": ""},
        {"clientInfo": {"name": 3}},
        {"clientInfo": "vim"},
        {"clientInfo": {"version": "9"}},
        {"processId": "12"},
        {"locale": 3},
        {"workDoneToken": {}},
        {"workspaceFolders": {}},
        {"workspaceFolders": [{"uri": 3}]},
        {"workspaceFolders": [None]},
        {"workspaceFolders": [{"uri": ""}]},
        {"initializationOptions": 3},
        {"unknown": {"trace": "compact"}},
        {"capabilities": {"textDocument": {"inlineCompletion": {"dynamicRegistration": "maybe"}}}},
        {"capabilities": {"textDocument": 3}},
        {"capabilities": {"general": {"positionEncodings": 3}}},
        {"capabilities": {"general": {"positionEncodings": [3]}}},
        {"capabilities": {"workspace": {"fileOperations": {"didRename": "new"}}}},
    ],
)
async def test_what_initialize_says_in_words_of_its_own_is_as_if_left_out(more):
    editor = Editor()
    params = {"processId": None, "rootUri": None, "capabilities": {}, **more}
    result = await editor.request("initialize", params)
    assert result["capabilities"]["positionEncoding"] == "utf-16"
    assert editor.service.opened == []
    editor.notify("initialized", {})
    editor.open("x")
    assert await editor.complete(0, 1)


async def test_nonsense_without_end_is_refused_and_can_be_tried_again():
    deep: list[object] = []
    for _ in range(900):
        deep = [deep]
    editor = Editor()
    _, answer = editor.start("initialize", {"capabilities": {}, "workspaceFolders": deep})
    assert (await answer)["error"]["code"] == -32602
    await editor.initialize()


async def test_the_rest_of_what_it_says_counts():
    editor = Editor()
    await editor.initialize(
        "utf-8", trace="compact", processId="12", rootPath="", locale=[], rootUri="file:///repo"
    )
    assert list(map(str, editor.service.opened)) == ["/repo", "/repo/src"]
    (info,) = editor.recorder.of(SessionStarted)
    assert (info.client, info.client_version) == ("test", "1")


async def test_one_bad_folder_leaves_the_others():
    editor = Editor()
    folders = [
        {"uri": "file:///a", "name": "a"},
        {"uri": 3, "name": "b"},
        {"uri": "file:///c", "name": ""},
    ]
    await editor.initialize(workspaceFolders=folders)
    assert list(map(str, editor.service.opened)) == ["/a", "/c"]


@pytest.mark.parametrize("capabilities", [None, 3])
async def test_capabilities_that_are_none_are_refused(capabilities):
    editor = Editor()
    _, answer = editor.start("initialize", {"processId": None, "capabilities": capabilities})
    assert (await answer)["error"]["code"] == -32602
    await editor.initialize()


async def test_what_is_advertised():
    editor = Editor()
    capabilities = (await editor.initialize("utf-32"))["capabilities"]
    assert capabilities["positionEncoding"] == "utf-32"
    assert capabilities["inlineCompletionProvider"] == {}
    assert capabilities["textDocumentSync"]["change"] == 2
    assert capabilities["textDocumentSync"]["openClose"] is True
    names = ("accept", "acceptNextEdit", "why", "disabled", "setDisabled")
    commands = {f"completer.{name}" for name in names}
    assert set(capabilities["executeCommandProvider"]["commands"]) == commands
    assert capabilities["workspace"]["workspaceFolders"]["changeNotifications"] is True
