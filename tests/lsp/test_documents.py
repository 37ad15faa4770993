"""Versions of a document."""

from __future__ import annotations

import pytest
from lsprotocol.types import (
    Position,
    Range,
    TextDocumentContentChangePartial,
    TextDocumentContentChangeWholeDocument,
    TextDocumentItem,
)

from lsp.documents import Documents, Sync
from telemetry.events import TextEdit

URI = "file:///a.py"


@pytest.fixture
def document():
    return Documents().open(TextDocumentItem(URI, "python", 3, "abc"))


def insertion(text: str) -> list[TextDocumentContentChangePartial]:
    return [TextDocumentContentChangePartial(Range(Position(0, 0), Position(0, 0)), text)]


@pytest.mark.parametrize(
    ("version", "sync"),
    [(2, Sync.STALE), (3, Sync.STALE), (4, Sync.APPLIED), (6, Sync.GAP), (None, Sync.APPLIED)],
)
def test_only_newer_changes_are_applied(document, version, sync):
    change = document.change(version, insertion("x"))
    assert change.sync is sync
    applied = sync is not Sync.STALE
    assert document.buffer.text == ("xabc" if applied else "abc")
    assert change.edits == ((TextEdit(0, "", "x"),) if applied else ())
    assert document.version == (max(version or 4, 3))


def test_shrinking(document):
    delete = [TextDocumentContentChangePartial(Range(Position(0, 0), Position(0, 1)), "")]
    document.change(4, delete)
    assert document.shrinking
    document.change(5, [*delete, *insertion("x")])
    assert not document.shrinking
    document.change(6, [])
    assert not document.shrinking


def test_a_whole_text_is_reported_as_the_lines_that_differ(document):
    change = document.change(4, [TextDocumentContentChangeWholeDocument("axc")])
    assert change.edits == (TextEdit(0, "abc", "axc"),)


def test_saving_tells_whether_the_copy_was_wrong(document):
    assert not document.saved("abc")
    assert document.saved("abcd")
    assert document.buffer.text == "abcd"


def test_closing_forgets():
    documents = Documents()
    document = documents.open(TextDocumentItem(URI, "python", 1, ""))
    assert list(documents) == [document]
    assert documents.close(URI) is document
    assert documents.close(URI) is None
    assert documents.get(URI) is None
