"""What the client does to documents, passed on to all who follow it: copies, service, recorder."""

from __future__ import annotations

import logging
from collections.abc import Callable

from lsprotocol import types

from lsp.convert import indent_of
from lsp.document_feed import DocumentFeed
from lsp.documents import Document, Documents, Sync
from lsp.session import Session
from telemetry.events import (
    CursorMoved,
    DocumentChanged,
    DocumentClosed,
    DocumentDeleted,
    DocumentOpened,
    DocumentRenamed,
    DocumentReset,
)
from telemetry.recorder import Recorder

logger = logging.getLogger(__name__)


class Synchronization:
    """Handlers of document notifications. `on_edit` is called with the URI of a document
    whose caret is no longer where a completion was asked for."""

    def __init__(
        self,
        documents: Documents,
        feed: DocumentFeed,
        recorder: Recorder,
        session: Session,
        on_edit: Callable[[str], None],
    ) -> None:
        self._documents = documents
        self._feed = feed
        self._recorder = recorder
        self._session = session
        self._on_edit = on_edit

    def opened(self, params: types.DidOpenTextDocumentParams) -> None:
        """`textDocument/didOpen`; for a document that is open, the text as it is after all."""
        item = params.text_document
        if (former := self._documents.get(item.uri)) is not None:
            self._on_edit(former.uri)
            self._recorder.record(DocumentClosed(former.uri, former.buffer.text))
        document = self._documents.open(item)
        workspace = self._session.workspace_of(document.path)
        self._recorder.record(
            DocumentOpened(
                self._session.id,
                document.uri,
                document.version,
                language=document.language,
                workspace=str(workspace or ""),
                places=self._session.places_of(document.path),
                text=document.buffer.text,
            )
        )
        self._feed.opened(document)

    def changed(self, params: types.DidChangeTextDocumentParams) -> None:
        """`textDocument/didChange`."""
        document = self._documents.get(params.text_document.uri)
        if document is None:
            self._change_unopened(params)
            return
        before = document.buffer.text if document.misses(params.text_document.version) else None
        change = document.change(params.text_document.version, params.content_changes)
        if change.sync is not Sync.APPLIED:
            # Neovim's versions count more than changes, so that gaps are nothing to warn of.
            level = logging.INFO if change.sync is Sync.GAP else logging.WARNING
            logger.log(level, "change %s: %s", change.sync.value, document.uri)
        if change.sync is Sync.STALE:
            return
        if change.sync is Sync.GAP:
            self._record_reset(document, before)
        else:
            changed = DocumentChanged(document.uri, document.version, change.edits)
            self._recorder.record(changed)
        self._after_edit(document)

    def saved(self, params: types.DidSaveTextDocumentParams) -> None:
        """`textDocument/didSave`, whose text puts right what was lost."""
        document = self._documents.get(params.text_document.uri)
        if document is None or params.text is None:
            return
        before = document.buffer.text
        if document.saved(params.text):
            logger.warning("the copy was wrong and is as saved again: %s", document.uri)
            self._record_reset(document, before)
            self._after_edit(document)

    def closed(self, params: types.DidCloseTextDocumentParams) -> None:
        """`textDocument/didClose`."""
        if (document := self._documents.close(params.text_document.uri)) is not None:
            self._on_edit(document.uri)
            self._recorder.record(DocumentClosed(document.uri, document.buffer.text))
            self._feed.closed(document)

    def focused(self, params: object) -> None:
        """`textDocument/didFocus {textDocument?}`: what was shown elsewhere is gone."""
        match params:
            case {"textDocument": {"uri": str(uri)}}:
                focused = self._documents.get(uri)
            case _:
                focused = None
        for document in self._documents:
            if document is not focused:
                self._on_edit(document.uri)
                self._recorder.record(CursorMoved(document.uri))

    def formatted(self, params: object) -> None:
        """`completer/didChangeFormatting {textDocument, options}`: how the client indents there."""
        match params:
            case {
                "textDocument": {"uri": str(uri)},
                "options": {"tabSize": int(size), "insertSpaces": bool(spaces)},
            } if document := self._documents.get(uri):
                document.indent = indent_of(types.FormattingOptions(size, spaces))

    def renamed(self, params: types.RenameFilesParams) -> None:
        """`workspace/didRenameFiles`."""
        for file in params.files:
            self._recorder.record(DocumentRenamed(file.old_uri, file.new_uri))

    def deleted(self, params: types.DeleteFilesParams) -> None:
        """`workspace/didDeleteFiles`."""
        for file in params.files:
            self._recorder.record(DocumentDeleted(file.uri))

    def _change_unopened(self, params: types.DidChangeTextDocumentParams) -> None:
        """A change of a document that was never opened: of use only if it is the whole text."""
        logger.warning("change %s: %s", Sync.NOT_OPEN.value, params.text_document.uri)
        if len(params.content_changes) == 1 and not hasattr(params.content_changes[0], "range"):
            uri, version = params.text_document.uri, params.text_document.version
            item = types.TextDocumentItem(uri, "", version, params.content_changes[0].text)
            self.opened(types.DidOpenTextDocumentParams(item))

    def _record_reset(self, document: Document, before: str | None) -> None:
        reset = DocumentReset(document.uri, document.version, document.buffer.text, before)
        self._recorder.record(reset)

    def _after_edit(self, document: Document) -> None:
        self._on_edit(document.uri)
        self._feed.changed(document)
