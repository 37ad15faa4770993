"""The server as an editor meets it: a real process."""

from __future__ import annotations

import asyncio
import json
import sys
from typing import Any

import pytest
import pytest_lsp
from lsprotocol import types
from pytest_lsp import ClientServerConfig, LanguageClient

URI = "file:///repo/src/app.py"
COMMAND = [sys.executable, "-m", "tests.lsp.fake_server"]


@pytest_lsp.fixture(config=ClientServerConfig(server_command=COMMAND))
async def client(lsp_client: LanguageClient):
    general = types.GeneralClientCapabilities(position_encodings=[types.PositionEncodingKind.Utf16])
    params = types.InitializeParams(
        capabilities=types.ClientCapabilities(general=general),
        workspace_folders=[types.WorkspaceFolder("file:///repo", "repo")],
    )
    await lsp_client.initialize_session(params)
    yield
    await lsp_client.shutdown_session()


def ask(client: LanguageClient, line: int, character: int):
    context = types.InlineCompletionContext(types.InlineCompletionTriggerKind.Automatic)
    document = types.TextDocumentIdentifier(URI)
    position = types.Position(line, character)
    params = types.InlineCompletionParams(context, document, position)
    return client.text_document_inline_completion_async(params)


async def state_of(client: LanguageClient) -> Any:
    protocol: Any = client.protocol
    return await protocol.send_request_async("test/state", {})


async def test_open_type_complete_accept(client: LanguageClient):
    item = types.TextDocumentItem(URI, "python", 1, "# 😋\r\nreturn fe\r\n")
    client.text_document_did_open(types.DidOpenTextDocumentParams(item))
    caret = types.Position(1, 9)
    typed = types.TextDocumentContentChangePartial(types.Range(caret, caret), "ed")
    document = types.VersionedTextDocumentIdentifier(2, URI)
    client.text_document_did_change(types.DidChangeTextDocumentParams(document, [typed]))
    (suggestion,) = (await ask(client, 1, 11)).items
    assert suggestion.insert_text == "return feeded()\n"
    assert suggestion.range == types.Range(types.Position(1, 0), types.Position(1, 11))
    command = suggestion.command
    params = types.ExecuteCommandParams(command.command, command.arguments)
    assert await client.workspace_execute_command_async(params) is True
    state = await state_of(client)
    assert state.requests[0].prefix == "# 😋\r\nreturn feed"
    assert state.accepts == [["cmpl-1", "ed()\n"]]
    assert state.events == [
        "SessionStarted",
        "DocumentOpened",
        "DocumentChanged",
        "Opportunity",
        "Returned",
        "Accepted",
    ]


async def test_a_newer_request_ends_the_older(client: LanguageClient):
    item = types.TextDocumentItem(URI, "python", 1, "slow\nx")
    client.text_document_did_open(types.DidOpenTextDocumentParams(item))
    older = asyncio.ensure_future(ask(client, 0, 4))
    await asyncio.sleep(0.1)
    assert (await asyncio.wait_for(ask(client, 1, 1), 5)).items
    with pytest.raises(Exception, match="cancel"):
        await asyncio.wait_for(older, 1)
    state = await state_of(client)
    assert (state.running, state.cancelled) == (0, 1)


def frame(**message: object) -> bytes:
    body = json.dumps({"jsonrpc": "2.0", **message}).encode()
    return b"Content-Length: %d\r\n\r\n%s" % (len(body), body)


INITIALIZE = frame(id=1, method="initialize", params={"capabilities": {}})
SHUTDOWN = frame(id=2, method="shutdown")
EXIT = frame(method="exit")


async def talk(*chunks: bytes, end: bool = True) -> tuple[int | None, list[dict[str, object]]]:
    """Send bytes to a new server; its exit code and what it said."""
    pipe = asyncio.subprocess.PIPE
    process = await asyncio.create_subprocess_exec(*COMMAND, stdin=pipe, stdout=pipe)
    output, _ = await asyncio.wait_for(process.communicate(b"".join(chunks)), 20)
    bodies = output.split(b"Content-Length: ")[1:]
    return process.returncode, [json.loads(body.partition(b"\r\n\r\n")[2]) for body in bodies]


@pytest.mark.parametrize(
    ("chunks", "code"),
    [((INITIALIZE, SHUTDOWN, EXIT), 0), ((INITIALIZE, EXIT), 1), ((INITIALIZE,), 1)],
)
async def test_the_exit_code_says_whether_the_client_wanted_it(chunks, code):
    assert (await talk(*chunks))[0] == code


async def test_bad_bytes_are_answered_and_the_session_goes_on():
    bad = [
        b"Content-Length: -1\r\n\r\n{}",
        b"Content-Length: 6\r\n\r\n[1, 2]",
        b"content-length: 8000000000\n\n{}",
        b"Content-Length: 3\r\n\r\n\xff{}",
        b"Content-Length: 900\r\n\r\n{}",
    ]
    code, said = await talk(INITIALIZE, *bad, SHUTDOWN, EXIT)
    assert code == 0
    assert [message["id"] for message in said] == [1, None, None, None, None, None, 2]
