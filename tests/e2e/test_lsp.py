"""A real language client against the real `completer lsp`: open, type, complete, accept, report."""

import asyncio
import json
import os
import subprocess

import pytest
from lsprotocol import types
from pytest_lsp import ClientServerConfig, LanguageClient, make_test_lsp_client

from tests.e2e.conftest import COMPLETER, stored_acceptance

pytestmark = pytest.mark.slow
TEXT = "# 😋 prices\r\nimport os\r\n\r\n\r\ndef file_size(path):\r\n    '😋'; return os.\r\n"
CARET = types.Position(5, len("    '😋'; return os.") + 1)  # UTF-16: 😋 is two units


@pytest.fixture
async def client(home, project):
    config = ClientServerConfig(
        server_command=[str(COMPLETER), "lsp"],
        server_env=dict(os.environ) | home,
        client_factory=make_test_lsp_client,
    )
    client = await config.start()
    encodings = [types.PositionEncodingKind.Utf16]
    await client.initialize_session(
        types.InitializeParams(
            capabilities=types.ClientCapabilities(
                general=types.GeneralClientCapabilities(position_encodings=encodings)
            ),
            workspace_folders=[types.WorkspaceFolder(project.as_uri(), project.name)],
        )
    )
    yield client
    await client.shutdown_session()
    await client.stop()


def open_document(client: LanguageClient, uri: str, text: str) -> None:
    item = types.TextDocumentItem(uri, "python", 1, text)
    client.text_document_did_open(types.DidOpenTextDocumentParams(item))


def type_text(client: LanguageClient, uri: str, version: int, at: types.Position, text: str):
    change = types.TextDocumentContentChangePartial(types.Range(at, at), text)
    document = types.VersionedTextDocumentIdentifier(version, uri)
    client.text_document_did_change(types.DidChangeTextDocumentParams(document, [change]))
    return types.Position(at.line, at.character + len(text))


def ask(client: LanguageClient, uri: str, at: types.Position):
    context = types.InlineCompletionContext(types.InlineCompletionTriggerKind.Invoked)
    document = types.TextDocumentIdentifier(uri)
    return client.text_document_inline_completion_async(
        types.InlineCompletionParams(context, document, at)
    )


async def test_open_type_complete_accept_report(client, project, home, tmp_path_factory):
    uri = (project / "sizes.py").as_uri()
    open_document(client, uri, TEXT)
    caret = type_text(client, uri, 2, CARET, "path.")
    items = (await asyncio.wait_for(ask(client, uri, caret), 60)).items

    item = items[0]
    line = "    '😋'; return os.path."
    inserted = item.insert_text
    assert inserted.startswith(line) or item.range.start == caret
    assert item.range.end.line == 5
    assert item.range.end.character >= caret.character
    await client.workspace_execute_command_async(
        types.ExecuteCommandParams(item.command.command, item.command.arguments)
    )

    acceptance = stored_acceptance(home["COMPLETER_TELEMETRY__FOLDER"], home)
    assert acceptance["n"] >= 1


async def test_a_newer_request_cancels_the_older_one(client, project):
    uri = (project / "sizes.py").as_uri()
    open_document(client, uri, TEXT)
    requests = [ask(client, uri, CARET) for _ in range(5)]
    answers = await asyncio.wait_for(asyncio.gather(*requests, return_exceptions=True), 60)

    assert answers[-1].items
    assert not any(getattr(answer, "items", None) for answer in answers[:-1])


def test_a_client_with_words_of_its_own_is_served(home):
    params = {"trace": "compact", "rootPath": "", "capabilities": {}, "processId": None}
    messages = [
        {"id": 1, "method": "initialize", "params": params},
        {"id": 2, "method": "shutdown"},
        {"method": "exit"},
    ]
    bodies = [json.dumps({"jsonrpc": "2.0", **message}) for message in messages]
    frames = "".join(f"Content-Length: {len(body)}\r\n\r\n{body}" for body in bodies)
    done = subprocess.run(
        [COMPLETER, "lsp"], input=frames.encode(), env=home, capture_output=True, timeout=120
    )

    assert done.returncode == 0, done.stderr
    assert b'"inlineCompletionProvider"' in done.stdout
    assert b'"error"' not in done.stdout
