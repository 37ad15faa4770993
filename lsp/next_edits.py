"""`completer/nextEdit` and GitHub's `textDocument/copilotInlineEdit`: where the next edit is.

Both take `{textDocument: {uri, version?}, position}` and return `{edits}`, each `{text, range,
textDocument: {uri, version}, command}`: who applies one executes its command. Ours are several,
in other files too, and say the `oldText` and `why`; GitHub's is one, in the same document.
"""

from __future__ import annotations

import logging
import re
import uuid
from collections import OrderedDict
from typing import Any

from lsprotocol.types import Position

from completer.disabled_list import DisabledList
from completer.errors import CompleterError
from completer.interface import CompletionService
from completer.next_edit.edits import NextEdit, NextEditRequest, Point
from completer.place import Place
from completer.reporting import Reports, stored
from completer.request import Trigger
from completer.unicode import well_formed
from lsp.documents import Document, Documents
from lsp.session import Session
from lsp.text_buffer import units
from telemetry.events import Opportunity, Suggestion

logger = logging.getLogger(__name__)

ACCEPT_NEXT_EDIT = "completer.acceptNextEdit"
REMEMBERED = 500
_LONE_RETURN = re.compile(r"\r(?!\n)")  # a line's end to some and not to others


class NextEditDoor:
    """Answers requests for next edits, and takes what becomes of them."""

    def __init__(
        self,
        service: CompletionService,
        documents: Documents,
        session: Session,
        disabled: DisabledList,
        reports: Reports,
    ) -> None:
        self._service = service
        self._reports = reports
        self._disabled = disabled
        self._documents = documents
        self._session = session
        self._offered: OrderedDict[str, NextEdit] = OrderedDict()

    async def answer(self, params: object) -> dict[str, Any]:
        """The next edits, the first first; none for a document that is not as the client says."""
        return {"edits": [self._offer(edit) for edit in await self._edits(params)]}

    async def first_here(self, params: object) -> dict[str, Any]:
        """The next edit in the same document, without what GitHub's clients do not know."""
        document = self._document(params)
        here = [
            edit
            for edit in await self._edits(params)
            if document is not None and edit.path == document.path
        ]
        offers = [self._offer(edit) for edit in here[:1]]
        known = ("text", "range", "textDocument", "command")
        return {"edits": [{name: offer[name] for name in known} for offer in offers]}

    def shown(self, params: object) -> None:
        """`textDocument/didShowInlineEdit {item}`."""
        match params:
            case {"item": {"command": {"arguments": [str(edit_id), *_]}}}:
                self._show(edit_id)

    async def accepted(self, edit_id: str) -> bool:
        """The client ran the command of an edit: true if that is stored, and was not before."""
        self._show(edit_id)
        offer = self._reports.find(edit_id)
        if self._offered.pop(edit_id, None) is None or offer is None:
            return False
        return await stored(self._reports.accepted(offer))

    def _show(self, edit_id: str) -> None:
        """Record an edit that is on the screen; of another kind of event its id is enough."""
        edit = self._offered.get(edit_id)
        if edit is None:
            return
        document = self._document_at(edit.path)
        by_model = edit.why == "written by the model"
        opportunity = Opportunity(
            session=self._session.id,
            uri=edit.path.as_uri() if document is None else document.uri,
            outcome="returned",
            workspace=str(self._session.workspace_of(edit.path) or ""),
            places=self._session.places_of(edit.path),
            language="" if document is None else document.language,
            kind="next edit by a model" if by_model else "next edit",
        )
        offset = None if document is None else _offset(document.buffer.text, edit.start)
        suggestion = Suggestion(text=edit.new, id=edit_id, offset=offset, replaced=edit.old)
        self._reports.edit_shown(opportunity, suggestion)

    def _document_at(self, path: Place) -> Document | None:
        return next((each for each in self._documents if each.path == path), None)

    async def _edits(self, params: object) -> tuple[NextEdit, ...]:
        document, position = self._document(params), _position(params)
        options = self._session.options
        if document is None or document.path is None or position is None:
            return ()
        buffer = document.buffer
        if buffer.length > options.max_document_chars or _LONE_RETURN.search(buffer.text):
            return ()
        request = NextEditRequest(
            path=document.path,
            text=well_formed(buffer.text),
            offset=buffer.offset(buffer.caret(position)),
            workspace=self._session.workspace_of(document.path),
            language=document.language or None,
            disabled_in=(*self._disabled.entries, *options.disabled_in),
            trigger=_trigger(params),
        )
        version = document.version
        try:
            edits = await self._service.next_edits(request)
        except CompleterError as error:
            logger.warning("no next edit: %s", error)
            return ()
        return edits if document.version == version else ()

    def _document(self, params: object) -> Document | None:
        match params:
            case {"textDocument": {"uri": str(uri)} as named}:
                document = self._documents.get(uri)
                version = named.get("version")
                if document is not None and version in (None, document.version):
                    return document
        return None

    def _offer(self, edit: NextEdit) -> dict[str, Any]:
        known = (edit_id for edit_id, each in self._offered.items() if each == edit)
        edit_id = next(known, None) or uuid.uuid4().hex
        self._offered[edit_id] = edit
        if len(self._offered) > REMEMBERED:
            self._offered.popitem(last=False)
        document = self._document_at(edit.path)
        uri = edit.path.as_uri() if document is None else document.uri
        title = "Accept next edit"
        return {
            "text": edit.new,
            "oldText": edit.old,
            "range": {"start": self._at(edit.start), "end": self._at(edit.end)},
            "textDocument": {"uri": uri, "version": document.version if document else None},
            "command": {"title": title, "command": ACCEPT_NEXT_EDIT, "arguments": [edit_id]},
            "why": edit.why,
        }

    def _at(self, point: Point) -> dict[str, int]:
        return {"line": point.line, "character": units(point.before, self._documents.encoding)}


def _offset(text: str, point: Point) -> int:
    """Characters before a place."""
    lines = text.split("\n")[: point.line]
    return sum(len(line) + 1 for line in lines) + len(point.before)


def _trigger(params: object) -> Trigger:
    match params:
        case {"context": {"triggerKind": 1}}:
            return "manual"
    return "automatic"


def _position(params: object) -> Position | None:
    match params:
        case {"position": {"line": int(line), "character": int(character)}}:
            return Position(line, character) if min(line, character) >= 0 else None
    return None
