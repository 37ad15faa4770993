"""A folder that has opted out: nothing of it is recorded, however an editor comes to it."""

import asyncio
import sys
from pathlib import Path

import pytest
from lsprotocol import types
from pytest_lsp import client_capabilities, make_test_lsp_client
from typer.testing import CliRunner

from completer.cli.commands import app
from telemetry.privacy import opt_out_list
from tests.telemetry.databases import count

TABLES = ("opportunity", "suggestion", "accept", "survival", "edit_rollup", "commit_attr")


@pytest.fixture
def top(tmp_path):
    """A private folder with a link to it, and another folder beside it."""
    top = tmp_path / "top"
    (top / "private/lib").mkdir(parents=True)
    (top / "other").mkdir()
    (top / "link").symlink_to("private")
    (top / "elsewhere").mkdir()
    (top / "moved").symlink_to("elsewhere")
    opt_out(tmp_path, top / "private")
    return top


def opt_out(tmp_path, folder, *more):
    flags = ["telemetry", "opt-out", "--workspace", str(folder), *more]
    environment = {"COMPLETER_TELEMETRY__FOLDER": str(tmp_path / "telemetry")}
    result = CliRunner().invoke(app, flags, env=environment)
    return result.exit_code, result.output + str(result.exception or "")


async def recorded(tmp_path, folders, uri):
    """Open a document, type, complete, accept; the rows that this leaves in each table."""
    client = make_test_lsp_client()
    await client.start_io(
        sys.executable, "-m", "tests.telemetry.lsp_process", str(tmp_path / "telemetry")
    )
    opened = [types.WorkspaceFolder(folder.as_uri(), folder.name) for folder in folders]
    await client.initialize_session(
        types.InitializeParams(
            capabilities=client_capabilities("visual-studio-code"), workspace_folders=opened
        )
    )
    item = types.TextDocumentItem(uri, "python", 1, "x = \n")
    client.text_document_did_open(types.DidOpenTextDocumentParams(item))
    document, at = types.TextDocumentIdentifier(uri), types.Position(0, 4)
    context = types.InlineCompletionContext(types.InlineCompletionTriggerKind.Automatic)
    asked = types.InlineCompletionParams(context, document, at)
    answer = await asyncio.wait_for(client.text_document_inline_completion_async(asked), 20)
    (suggestion,) = answer.items
    change = types.TextDocumentContentChangePartial(suggestion.range, suggestion.insert_text)
    version = types.VersionedTextDocumentIdentifier(2, uri)
    client.text_document_did_change(types.DidChangeTextDocumentParams(version, [change]))
    command = suggestion.command
    done = types.ExecuteCommandParams(command.command, command.arguments)
    assert await client.workspace_execute_command_async(done) is True
    path = await client.protocol.send_request_async("test/wait", {"ms": 31_000})
    await client.shutdown_session()
    await client.stop()
    return {table: rows for table in TABLES if (rows := count(Path(path), table))}


@pytest.mark.slow
@pytest.mark.parametrize(
    ("folders", "file"),
    [
        (["private"], "private/lib/a.py"),
        (["link"], "link/lib/a.py"),
        (["link"], "private/lib/a.py"),
        (["private"], "link/lib/a.py"),
        (["private/lib"], "private/lib/a.py"),
        (["link/lib"], "link/lib/a.py"),
        ([""], "private/lib/a.py"),
        ([""], "link/lib/a.py"),
        ([], "private/lib/new.py"),
        ([], "other/../link/a.py"),
        (["private"], None),
        (["private"], "other/b.py"),
    ],
)
async def test_nothing_is_recorded_of_a_folder_that_opted_out(top, tmp_path, folders, file):
    uri = f"file://{top}/{file}" if file else "untitled:Untitled-1"
    assert await recorded(tmp_path, [top / folder for folder in folders], uri) == {}


@pytest.mark.slow
@pytest.mark.parametrize("folders", [["other"], [""], [], ["private", "other"]])
async def test_its_neighbours_are_recorded(top, tmp_path, folders):
    uri = (top / "other/b.py").as_uri()
    found = await recorded(tmp_path, [top / folder for folder in folders], uri)
    assert found["opportunity"] == found["suggestion"] == found["accept"] == 1
    assert found["edit_rollup"] > 0


@pytest.mark.slow
async def test_an_opt_out_under_a_name_that_has_become_a_link_holds(top, tmp_path):
    opt_out_list(tmp_path / "telemetry").add(workspace=str(top / "moved"))
    uri = (top / "moved/a.py").as_uri()
    assert await recorded(tmp_path, [top / "moved"], uri) == {}


def test_taking_an_opt_out_back_says_what_still_holds(top, tmp_path):
    assert opt_out(tmp_path, top / "other") == (0, "Nothing will be recorded.\n")
    assert opt_out(tmp_path, top / "other", "--undo") == (0, "Recorded again.\n")
    code, said = opt_out(tmp_path, top / "private/lib", "--undo")
    assert code == 1
    assert "Still nothing of" in said
    assert opt_out(tmp_path, top / "link", "--undo") == (0, "Recorded again.\n")
