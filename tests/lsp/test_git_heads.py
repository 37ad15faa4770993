"""Commits and checkouts in a folder that the editor has open."""

from __future__ import annotations

import asyncio
import threading

import pytest

from telemetry.events import BranchChanged, Committed
from tests.completer.context.repositories import GitRepository, needs_git
from tests.lsp.editor import Editor

pytestmark = needs_git


@pytest.fixture
def git(tmp_path):
    git = GitRepository(tmp_path / "w")
    git.commit({"a.py": "one\n"})
    return git


async def watching():
    async with asyncio.timeout(10):
        while not any(thread.name == "head-watcher" for thread in threading.enumerate()):
            await asyncio.sleep(0.02)


async def seen(editor, kind):
    async with asyncio.timeout(10):
        while not (events := editor.recorder.of(kind)):
            await asyncio.sleep(0.02)
    return events


async def test_commits_and_checkouts_are_reported(git):
    editor = Editor()
    folder = {"uri": git.folder.as_uri(), "name": "w"}
    await editor.initialize(workspaceFolders=[folder])
    await watching()
    commit = git.commit({"a.py": "one\ntwo\n"})
    (made,) = await seen(editor, Committed)
    assert made.session == editor.recorder.sessions[0]
    assert (made.workspace, made.id) == (str(git.folder), commit)
    assert made.added == {git.folder / "a.py": ["two"]}
    git("checkout", "--quiet", "HEAD~1")
    assert await seen(editor, BranchChanged) == [BranchChanged(str(git.folder))]
    await editor.request("shutdown")
