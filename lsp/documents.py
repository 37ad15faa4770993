"""The open documents: the server's copy of each, and what to think of a change that comes for it.

A change is applied if it is newer than the copy. A gap in the versions may mean that one was lost
(or that nothing happened: clients skip versions too), so it is applied and reported; whatever was
lost is put right by the next whole text, which comes with every save.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import Enum

from lsprotocol.types import (
    PositionEncodingKind,
    TextDocumentContentChangeEvent,
    TextDocumentContentChangePartial,
    TextDocumentItem,
)

from completer.place import Place
from completer.unicode import well_formed
from lsp.convert import path_of, same_document
from lsp.text_buffer import LineBreak, TextBuffer
from telemetry.events import TextEdit, minimal_edit


class Sync(Enum):
    """Whether a document's text is certain after a `didChange` notification."""

    APPLIED = "applied"
    GAP = "applied after a gap in the versions: one may have been lost"
    STALE = "ignored: it is not newer than the copy"
    NOT_OPEN = "to a document that was never opened, which only a whole text can put right"


@dataclass(frozen=True, slots=True)
class Change:
    """The result of a change notification: the edits in order, each after the one before it."""

    sync: Sync
    edits: tuple[TextEdit, ...] = ()


@dataclass(slots=True)
class Document:
    """One open document. `path` is `None` if it is no local file; `shrinking` says that its last
    change only deleted text, `indent` what the client indents a line by, if it has said so.
    """

    uri: str
    path: Place | None
    language: str
    version: int
    buffer: TextBuffer
    shrinking: bool = False
    indent: str = ""

    def change(
        self, version: int | None, events: Sequence[TextDocumentContentChangeEvent]
    ) -> Change:
        """Apply the events of one notification, in order. No version stands for the next one."""
        version = self.version + 1 if version is None else version
        if version <= self.version:
            return Change(Sync.STALE)
        sync = Sync.GAP if self.misses(version) else Sync.APPLIED
        self.version = version
        edits = tuple(self._apply(event) for event in events)
        small = [edit.trimmed() for edit in edits]
        self.shrinking = any(e.removed for e in small) and not any(e.inserted for e in small)
        return Change(sync, edits)

    def misses(self, version: int | None) -> bool:
        """Whether a change to this version comes after one that did not."""
        return version is not None and version > self.version + 1

    def saved(self, text: str) -> bool:
        """Take the text that the client has saved; whether the copy was wrong."""
        differs = text != self.buffer.text
        if differs:
            self.buffer.set_text(text)
        return differs

    def _apply(self, event: TextDocumentContentChangeEvent) -> TextEdit:
        if isinstance(event, TextDocumentContentChangePartial):
            return self.buffer.replace(event.range.start, event.range.end, event.text)
        before = self.buffer.text
        self.buffer.set_text(event.text)
        return minimal_edit(before, self.buffer.text)


class Documents:
    """All open documents, by URI. `encoding` and `line_break` are the client's, set once."""

    def __init__(self) -> None:
        self.encoding = PositionEncodingKind.Utf16
        self.line_break = LineBreak.PROTOCOL
        self._documents: dict[str, Document] = {}

    def __iter__(self) -> Iterator[Document]:
        return iter(self._documents.values())

    def get(self, uri: str) -> Document | None:
        """The document, if it is open."""
        return self._documents.get(same_document(uri))

    def open(self, item: TextDocumentItem) -> Document:
        """Take a document's text from the client; once more if it was open already."""
        document = Document(
            uri=item.uri,
            path=path_of(item.uri),
            language=well_formed(item.language_id),
            version=item.version,
            buffer=TextBuffer(item.text, self.encoding, self.line_break),
        )
        self._documents[same_document(item.uri)] = document
        return document

    def close(self, uri: str) -> Document | None:
        """Forget a document; returns what it was, if it was open."""
        return self._documents.pop(same_document(uri), None)
