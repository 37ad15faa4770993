"""Workspace folders that come and go while documents are open."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.fakes import FakeService
from tests.lsp.editor import Editor

APP = "file:///repo/src/app.py"
PATH = Path("/repo/src/app.py")


class TellTale(FakeService):
    """Remembers in which order it was told."""

    def __init__(self):
        super().__init__()
        self.told = []

    def open_workspace(self, root):
        self.told.append(("open", str(root)))

    def close_workspace(self, root):
        self.told.append(("close", str(root)))

    def document_changed(self, path, text, workspace=None):
        self.told.append((str(path), text))


@pytest.fixture
async def editor():
    editor = Editor(TellTale())
    await editor.initialize(workspaceFolders=[{"uri": "file:///repo", "name": ""}])
    editor.service.told.clear()
    return editor


def change(editor, added=(), removed=()):
    folders = {"added": added, "removed": removed}
    event = {how: [{"uri": uri, "name": ""} for uri in uris] for how, uris in folders.items()}
    editor.notify("workspace/didChangeWorkspaceFolders", {"event": event})
    told = list(editor.service.told)
    editor.service.told.clear()
    return told


async def test_a_removed_folder_is_closed(editor):
    assert change(editor, removed=["file:///repo"]) == [("close", "/repo")]
    assert change(editor, added=["file:///repo/"]) == [("open", "/repo")]
    assert change(editor, removed=["file:///other"]) == [("open", "/repo")]


async def test_what_is_removed_and_added_at_once_stays(editor):
    again = change(editor, added=["file:///repo"], removed=["file:///repo"])
    assert again == [("open", "/repo")]


async def test_a_folder_that_is_open_under_another_name_stays(editor, tmp_path):
    (tmp_path / "real").mkdir()
    (tmp_path / "link").symlink_to("real")
    real, link = (tmp_path / "real").as_uri(), (tmp_path / "link").as_uri()
    change(editor, added=[real, link], removed=["file:///repo"])
    assert ("close", str(tmp_path / "real")) not in change(editor, removed=[real])
    assert change(editor, removed=[link]) == [("close", str(tmp_path / "real"))]


async def test_open_documents_go_over_to_the_folder_that_holds_them_now(editor, monkeypatch):
    passed_on = []
    monkeypatch.setattr(
        "lsp.document_feed.DocumentFeed.changed",
        lambda self, document: passed_on.append(document.path),
    )
    editor.open("text")
    editor.open("text", uri="file:///repo/b.py")
    passed_on.clear()
    editor.service.told.clear()
    told = change(editor, added=["file:///repo/src"])
    assert told == [(str(PATH), None), ("open", "/repo"), ("open", "/repo/src")]
    assert passed_on == [PATH]
    told = change(editor, removed=["file:///repo/src"])
    assert told == [(str(PATH), None), ("open", "/repo"), ("close", "/repo/src")]
    assert passed_on == [PATH, PATH]
    change(editor, removed=["file:///repo"])
    assert sorted(passed_on[2:]) == [Path("/repo/b.py"), PATH]
