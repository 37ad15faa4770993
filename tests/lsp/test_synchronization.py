"""Document notifications: what reaches the copy, the service and the recorder."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from completer.request import CompletionRequest
from telemetry.events import (
    CursorMoved,
    DocumentChanged,
    DocumentClosed,
    DocumentDeleted,
    DocumentOpened,
    DocumentRenamed,
    DocumentReset,
    TextEdit,
)
from tests.fakes import FakeService
from tests.lsp.editor import URI, Editor

PATH = Path("/repo/src/app.py")


@pytest.fixture
def text_of(editor):
    """The server's copy, as the service is asked with it."""

    async def read(line: int = 10_000) -> str:
        await editor.complete(line, 0)
        request: CompletionRequest = editor.service.requests[-1]
        return request.prefix + request.suffix

    return read


async def test_edits_of_one_notification_come_one_after_the_other(editor, text_of):
    editor.open("abc\ndef")
    editor.change(2, ((0, 1), (1, 1), "-"), ((0, 2), (0, 4), "+\n"))
    assert await text_of() == "a-+\n"
    edits = (TextEdit(1, "bc\nd", "-"), TextEdit(2, "ef", "+\n"))
    assert editor.recorder.of(DocumentChanged) == [DocumentChanged(URI, 2, edits)]


async def test_a_stale_change_is_ignored(editor, text_of):
    editor.open("abc", version=5)
    editor.change(5, ((0, 0), (0, 0), "x"))
    editor.change(4, ((0, 0), (0, 0), "x"))
    assert await text_of() == "abc"
    assert editor.recorder.of(DocumentChanged) == []


async def test_after_a_gap_the_recorder_gets_the_whole_text_once(editor, text_of):
    editor.open("abc")
    editor.change(4, ((0, 0), (0, 0), "x"))
    editor.change(5, ((0, 0), (0, 0), "y"))
    assert await text_of() == "yxabc"
    assert editor.recorder.of(DocumentReset) == [DocumentReset(URI, 4, "xabc", "abc")]
    assert [event.version for event in editor.recorder.of(DocumentChanged)] == [5]


async def test_a_save_puts_a_wrong_copy_right(editor, text_of):
    result = editor.server.server_capabilities.text_document_sync
    assert result.save.include_text
    editor.open("abc")
    params = {"textDocument": {"uri": URI}, "text": "abcd"}
    editor.notify("textDocument/didSave", params)
    editor.notify("textDocument/didSave", params)
    assert await text_of() == "abcd"
    assert editor.recorder.of(DocumentReset) == [DocumentReset(URI, 1, "abcd", "abc")]


async def test_a_whole_text_replaces_the_copy(editor, text_of):
    editor.open("one\ntwo")
    editor.change(2, (None, None, "one\n2"))
    assert await text_of() == "one\n2"
    assert editor.recorder.of(DocumentChanged)[0].edits == (TextEdit(4, "two", "2"),)


async def test_a_change_of_an_unopened_document_counts_only_if_it_is_whole(editor, text_of):
    editor.change(3, ((0, 0), (0, 0), "x"))
    assert await editor.complete(0, 0) == []
    editor.change(4, (None, None, "whole"))
    assert await text_of() == "whole"


@pytest.mark.parametrize(
    ("start", "end", "text"),
    [
        ((0, 2), (0, 1), "a-c\n"),
        ((0, 1), (0, 99), "a-\n"),
        ((7, 3), (9, 9), "abc\n-"),
        ((1, 0), (0, 1), "a-"),
    ],
)
async def test_inverted_and_overlong_ranges_are_taken_as_editors_mean_them(
    editor, text_of, start, end, text
):
    editor.open("abc\n")
    editor.change(2, (start, end, "-"))
    assert await text_of() == text


async def test_neovim_counts_lines_in_its_own_way():
    editor = Editor()
    await editor.initialize("utf-8", clientInfo={"name": "Neovim", "version": "0.12.4"})
    editor.open("a\rb\r\nc\n")
    editor.change(2, ((0, 1), (0, 2), ""), ((1, 0), (1, 1), "é"))
    await editor.complete(1, 2)
    assert editor.service.requests[0].prefix == "ab\r\né"


async def test_opening_twice_starts_afresh(editor, text_of):
    editor.open("abc", version=9)
    editor.open("xyz", version=1)
    editor.change(2, ((0, 0), (0, 1), ""))
    assert await text_of() == "yz"
    assert len(editor.recorder.of(DocumentOpened)) == 2
    assert len(editor.recorder.of(DocumentClosed)) == 1


async def test_the_same_uri_in_another_spelling(editor):
    editor.open("x", uri="file:///repo/a%20b%3Ac.py")
    assert await editor.complete(0, 1, uri="file:///repo/a%20b:c.py")


async def test_the_service_gets_live_text_once_typing_pauses(editor):
    editor.open("a")
    editor.change(2, ((0, 1), (0, 1), "b"))
    assert editor.service.documents == {PATH: "a"}
    await asyncio.sleep(0.25)
    assert editor.service.documents == {PATH: "ab"}
    editor.notify("textDocument/didClose", {"textDocument": {"uri": URI}})
    assert editor.service.documents == {PATH: None}


async def test_huge_and_foreign_documents_are_not_passed_on():
    editor = Editor(FakeService(), max_document_chars=10)
    await editor.initialize()
    editor.open("x" * 11)
    editor.open("x", uri="git:/repo/app.py?HEAD")
    await asyncio.sleep(0.25)
    assert editor.service.documents == {}
    assert await editor.complete(0, 11)


async def test_files_that_move_and_go_are_reported(editor):
    new = "file:///repo/new.py"
    editor.notify("workspace/didRenameFiles", {"files": [{"oldUri": URI, "newUri": new}]})
    editor.notify("workspace/didDeleteFiles", {"files": [{"uri": new}]})
    assert editor.recorder.of(DocumentRenamed) == [DocumentRenamed(URI, new)]
    assert editor.recorder.of(DocumentDeleted) == [DocumentDeleted(new)]


async def test_focus_elsewhere_moves_the_cursor(editor):
    editor.open("a")
    editor.open("b", uri="file:///b.py")
    editor.notify("textDocument/didFocus", {"textDocument": {"uri": URI}})
    assert editor.recorder.of(CursorMoved) == [CursorMoved("file:///b.py")]
