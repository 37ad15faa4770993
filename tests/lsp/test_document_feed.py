"""Unsaved text on its way to the service."""

from __future__ import annotations

import asyncio
from pathlib import Path

from lsprotocol.types import TextDocumentItem

from lsp.document_feed import DocumentFeed
from lsp.documents import Document, Documents
from tests.fakes import FakeService

PATH = Path("/a.py")


def opened(text: str) -> Document:
    return Documents().open(TextDocumentItem("file:///a.py", "python", 1, text))


async def test_many_changes_are_told_once():
    service, document = FakeService(), opened("a")
    feed = DocumentFeed(service, max_chars=100, delay_s=0.02)
    for _ in range(3):
        feed.changed(document)
        await asyncio.sleep(0.01)
    assert service.documents == {}
    await asyncio.sleep(0.03)
    assert service.documents == {PATH: "a"}


async def test_what_edits_begin_with_is_told_at_once():
    service = FakeService()
    DocumentFeed(service, max_chars=100).opened(opened("a"))
    assert service.documents == {PATH: "a"}


async def test_a_closed_document_is_told_at_once_and_not_again():
    service, document = FakeService(), opened("a")
    feed = DocumentFeed(service, max_chars=100, delay_s=0.01)
    feed.changed(document)
    feed.closed(document)
    assert service.documents == {PATH: None}
    await asyncio.sleep(0.02)
    assert service.documents == {PATH: None}


async def test_text_is_well_formed_when_it_leaves():
    service = FakeService()
    DocumentFeed(service, max_chars=100, delay_s=0).changed(opened("\ud83d"))
    await asyncio.sleep(0.01)
    assert service.documents == {PATH: "\N{REPLACEMENT CHARACTER}"}
