"""From a keystroke to the report, through a real language server process."""

import sys
from typing import Any

import pytest
from lsprotocol import types
from pytest_lsp import ClientServerConfig, LanguageClient, client_capabilities, make_test_lsp_client

from telemetry.report import build
from telemetry.survival import WINDOWS_S
from tests.telemetry.databases import rows
from tests.telemetry.lsp_process import ANSWER

URI = "file:///repo/src/app.py"
LINE = "    return "


class Session:
    """A person at an editor: what they do goes over the wire."""

    def __init__(self, client: LanguageClient) -> None:
        self.client = client
        self.version = 1

    def open(self, text):
        item = types.TextDocumentItem(URI, "python", self.version, text)
        self.client.text_document_did_open(types.DidOpenTextDocumentParams(item))

    def edit(self, line, start, end, text):
        self.version += 1
        range_ = types.Range(types.Position(line, start), types.Position(line, end))
        document = types.VersionedTextDocumentIdentifier(self.version, URI)
        change = types.TextDocumentContentChangePartial(range_, text)
        params = types.DidChangeTextDocumentParams(document, [change])
        self.client.text_document_did_change(params)

    async def complete(self, line, character):
        context = types.InlineCompletionContext(types.InlineCompletionTriggerKind.Automatic)
        params = types.InlineCompletionParams(
            context, types.TextDocumentIdentifier(URI), types.Position(line, character)
        )
        result = await self.client.text_document_inline_completion_async(params)
        return result.items[0]

    def insert(self, item):
        """Put the item into the document as the client of an editor does."""
        range_ = item.range
        self.edit(range_.start.line, range_.start.character, range_.end.character, item.insert_text)

    async def run_command(self, item):
        params = types.ExecuteCommandParams(item.command.command, item.command.arguments)
        assert await self.client.workspace_execute_command_async(params) is True

    async def wait(self, ms):
        protocol: Any = self.client.protocol
        return await protocol.send_request_async("test/wait", {"ms": ms})


@pytest.fixture
async def session(tmp_path):
    command = [sys.executable, "-m", "tests.telemetry.lsp_process", str(tmp_path / "telemetry")]
    config = ClientServerConfig(server_command=command)
    client = make_test_lsp_client()
    await client.start_io(*config.server_command)
    await client.initialize_session(
        types.InitializeParams(
            capabilities=client_capabilities("visual-studio-code"),
            workspace_folders=[types.WorkspaceFolder("file:///repo", "repo")],
        )
    )
    yield Session(client)
    await client.shutdown_session()
    await client.stop()


def survival(path):
    query = "SELECT window_s, state, lev, arc FROM survival_named ORDER BY window_s"
    return {window: tuple(rest) for window, *rest in rows(path, query)}


@pytest.mark.slow
@pytest.mark.parametrize("reports", [True, False], ids=["the client tells", "it is inferred"])
async def test_an_accepted_line_is_followed_to_the_last_window(session, tmp_path, reports):
    session.open("# 😋\ndef f():\n" + LINE + "\n")
    item = await session.complete(2, len(LINE))
    await session.wait(900)
    session.insert(item)
    if reports:
        await session.run_command(item)
    await session.wait(31_000)  # past the checks at 0, 15 and 30 s
    start = len(LINE)
    session.edit(2, start, start + len("total"), "price")
    await session.wait(100_000)  # 90 and 120 s: "total" was replaced by a word as long
    session.edit(0, 0, 0, "# above\n")
    await session.wait(200_000)  # 180 and 300 s: a line above moves the span and changes nothing
    session.edit(3, 0, 1_000, "")
    path = await session.wait(600_000)  # 360, 600 and 900 s: the line is gone
    found = survival(tmp_path / "telemetry" / path.rsplit("/", 1)[1])
    length = len(ANSWER)
    for window in WINDOWS_S:
        if window <= 30:
            assert found[window] == ("ok", 0, length)
        elif window <= 300:
            # of the replaced word nothing is kept: the span begins after it
            assert found[window] == ("ok", len("total"), length - len("total"))
        else:
            assert found[window] == ("removed", length, 0)


@pytest.mark.slow
async def test_what_happened_is_in_the_report(session, tmp_path):
    session.open(LINE + "\n")
    item = await session.complete(0, len(LINE))
    await session.wait(900)
    session.insert(item)
    await session.run_command(item)
    session.edit(1, 0, 0, "x")
    await session.wait(6_000)
    figures = build(tmp_path / "telemetry").overall
    assert (figures["codecompose"].value, figures["codecompose"].n) == (1.0, 1)
    assert figures["google"].value == len(ANSWER) / (len(ANSWER) + 1)
    assert figures["unchanged_0"].value == 1.0
    assert figures["latency_p50_ms"].n == 1
