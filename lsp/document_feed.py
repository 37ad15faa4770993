"""Tells the service the unsaved text of open documents, in good time but not with every key."""

from __future__ import annotations

import asyncio

from completer.interface import CompletionService
from completer.unicode import well_formed
from lsp.documents import Document

DELAY_S = 0.2


class DocumentFeed:
    """Passes on each document's text when it is opened, once it has not changed for `delay_s`, and
    when it is closed.

    A document over `max_chars` stays with the editor: what the service learns from such files is
    not worth handing them over again and again.
    """

    def __init__(
        self, service: CompletionService, max_chars: int, delay_s: float = DELAY_S
    ) -> None:
        self._service = service
        self._max_chars = max_chars
        self._delay_s = delay_s
        self._waiting: dict[str, asyncio.TimerHandle] = {}

    def opened(self, document: Document) -> None:
        """Pass the document's text on at once: what is edited is told from what was there."""
        self._pass_on(document)

    def changed(self, document: Document) -> None:
        """Pass the document's text on soon."""
        self._forget(document)
        if document.path is not None:
            loop = asyncio.get_running_loop()
            self._waiting[document.uri] = loop.call_later(self._delay_s, self._pass_on, document)

    def closed(self, document: Document) -> None:
        """The text on disk is what counts from now on."""
        self._forget(document)
        if document.path is not None:
            self._service.document_changed(document.path, None)

    def _pass_on(self, document: Document) -> None:
        self._forget(document)
        if document.path is not None and document.buffer.length <= self._max_chars:
            self._service.document_changed(document.path, well_formed(document.buffer.text))

    def _forget(self, document: Document) -> None:
        if (timer := self._waiting.pop(document.uri, None)) is not None:
            timer.cancel()
