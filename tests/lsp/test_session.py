"""Who is at the other end."""

from __future__ import annotations

from pathlib import Path

import pytest
from lsprotocol.types import (
    ClientCapabilities,
    ClientInfo,
    InitializeParams,
    InlineCompletionClientCapabilities,
    TextDocumentClientCapabilities,
    WorkspaceFolder,
)

from lsp.options import LspOptions
from lsp.session import Session


def started(**params: object) -> Session:
    session = Session(LspOptions(user="ada"))
    everything = {"process_id": None, "root_uri": None, **params}
    session.initialize(InitializeParams(capabilities=ClientCapabilities(), **everything))  # type: ignore[arg-type]
    return session


def folder(path: str) -> WorkspaceFolder:
    return WorkspaceFolder(f"file://{path}", path)


@pytest.mark.parametrize(
    ("params", "folders"),
    [
        ({}, []),
        ({"root_path": "/repo"}, ["/repo"]),
        ({"root_path": "repo"}, []),
        ({"root_uri": "file:///repo"}, ["/repo"]),
        ({"root_path": ""}, []),
        ({"root_path": "relative"}, []),
        ({"root_uri": "", "root_path": "/repo"}, ["/repo"]),
        ({"root_uri": "", "root_path": ""}, []),
        ({"root_uri": "vscode-vfs://x/y", "root_path": "/repo"}, []),
        (
            {"root_uri": "file:///old", "workspace_folders": [folder("/a"), folder("/b")]},
            ["/a", "/b"],
        ),
        ({"workspace_folders": [WorkspaceFolder("vscode-vfs://x/y", "y")]}, []),
    ],
)
def test_folders(params, folders):
    assert started(**params).folders == [Path(each) for each in folders]


def test_the_innermost_folder_holds_a_file():
    session = started(workspace_folders=[folder("/repo"), folder("/repo/lib")])
    assert session.workspace_of(Path("/repo/lib/a.py")) == Path("/repo/lib")
    assert session.workspace_of(Path("/repo/library/a.py")) == Path("/repo")
    assert session.workspace_of(Path("/other/a.py")) is None
    assert session.workspace_of(None) is None


def test_folders_come_and_go():
    session = started(workspace_folders=[folder("/a")])
    session.change_folders(added=[folder("/b"), folder("/b")], removed=[folder("/a")])
    assert session.folders == [Path("/b")]


def test_folders_are_the_same_through_links_and_however_they_are_escaped(tmp_path):
    (tmp_path / "real").mkdir()
    (tmp_path / "link").symlink_to("real")
    link, real = folder(f"{tmp_path}/link"), folder(f"{tmp_path}/real")
    session = started(workspace_folders=[link, real])
    assert session.folders == [tmp_path / "real"]
    session.change_folders(added=[], removed=[link])
    assert session.folders == [tmp_path / "real"]
    session.change_folders(added=[], removed=[folder(f"{tmp_path}/re%61l/")])
    assert session.folders == []


def test_what_the_recorder_is_told():
    info = started(client_info=ClientInfo("Neovim", "0.12")).started("1.0")
    assert (info.client, info.client_version, info.user) == ("Neovim", "0.12", "ada")
    assert started(client_info=ClientInfo("x\ud800")).started("1.0").client == "x\ufffd"
    assert started().started("1.0").client == "unknown"


def test_what_a_client_can_do_is_told_by_name():
    session = Session(LspOptions())
    inline = TextDocumentClientCapabilities(inline_completion=InlineCompletionClientCapabilities())
    able = ClientCapabilities(text_document=inline)
    session.initialize(InitializeParams(capabilities=able, process_id=None, root_uri=None))
    assert session.started("1.0").capabilities == ("inline_completion",)
    assert started().started("1.0").capabilities == ()
    assert started(client_info=ClientInfo("Neovim")).is_neovim
