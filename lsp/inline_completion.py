"""`textDocument/inlineCompletion`: from a caret to ghost text, one request at a time per document.

A request ends early, without a result, when a newer one for the same document comes, when the
document changes, or when the client cancels it.
"""

from __future__ import annotations

import asyncio
import logging
from dataclasses import dataclass
from typing import cast

from lsprotocol import types

from completer.disabled_list import DisabledList
from completer.interface import CompletionService
from completer.place import Place
from completer.reporting import Reports, TrackedRequest
from completer.request import Arm, Completion, CompletionRequest, Trigger
from completer.unicode import well_formed
from lsp.convert import indent_of, trigger_of
from lsp.documents import Document, Documents
from lsp.feedback import ACCEPT_COMMAND
from lsp.notebooks import Notebooks
from lsp.protocol import VersionedInlineCompletionParams
from lsp.reasons import AFTER_DELETION, Reasons
from lsp.session import Session
from lsp.status import Status
from lsp.text_buffer import Caret
from telemetry.events import Suggestion

logger = logging.getLogger(__name__)

LONGEST_REPEATED = 1000
"""Characters of a line that an item repeats: of a longer one it would be sent with every key."""


@dataclass(frozen=True, slots=True)
class InsertionPoint:
    """Where a suggestion goes in the document, and the text around it.

    It replaces `replaced` (at `range`, from `offset` on) by `typed` and what the model adds to that
    between `prefix` and `suffix`.
    """

    prefix: str
    suffix: str
    typed: str
    replaced: str
    range: types.Range
    offset: int


def insertion_point(
    document: Document, position: types.Position, context: types.InlineCompletionContext, chars: int
) -> InsertionPoint:
    """Find where a request wants to insert, with `chars` characters of context on each side.

    The range covers the line up to the caret, which keeps editors from flickering, and nothing in a
    very long line; if the suggest widget is open, it is the selected item's range, and the item's
    text counts as typed.
    """
    buffer = document.buffer
    selected = context.selected_completion_info
    end = buffer.caret(selected.range.end if selected else position)
    start = Caret(end.line, 0 if end.column <= LONGEST_REPEATED else end.column)
    if selected is not None:
        start = buffer.caret(selected.range.start)
    replaced = buffer.line(end.line)[start.column : end.column]
    typed = selected.text if selected else replaced
    return InsertionPoint(
        prefix=well_formed(buffer.before(start, chars) + typed),
        suffix=well_formed(buffer.after(end, chars)),
        typed=typed,
        replaced=replaced,
        range=types.Range(start=buffer.position(start), end=buffer.position(end)),
        offset=buffer.offset(start),
    )


class InlineCompletions:
    """Answers inline completion requests and reports each."""

    def __init__(
        self,
        service: CompletionService,
        reports: Reports,
        *,
        documents: Documents,
        session: Session,
        status: Status,
    ) -> None:
        self._service = service
        self._reports = reports
        self._documents = documents
        self._session = session
        self._status = status
        self.reasons = Reasons()
        self.disabled = DisabledList(session.options.config)
        self.notebooks: Notebooks | None = None
        self._running: dict[str, asyncio.Task[object]] = {}

    def interrupt(self, uri: str) -> None:
        """Cancel the request that is being answered for a document: nobody waits for it."""
        if (task := self._running.pop(uri, None)) is not None:
            task.cancel()

    async def answer(self, params: VersionedInlineCompletionParams) -> types.InlineCompletionList:
        """The items for a caret; none when the client is talking about another version."""
        document = self._documents.get(params.text_document.uri)
        version = params.text_document.version
        if document is None or (version is not None and version != document.version):
            return types.InlineCompletionList(items=[])
        if params.formatting_options is not None:
            document.indent = indent_of(params.formatting_options)
        self.interrupt(document.uri)
        task = self._running[document.uri] = cast("asyncio.Task[object]", asyncio.current_task())
        try:
            return types.InlineCompletionList(items=await self._items(document, params))
        finally:
            if self._running.get(document.uri) is task:
                del self._running[document.uri]
            self._status.busy(bool(self._running))

    async def _items(
        self, document: Document, params: VersionedInlineCompletionParams
    ) -> list[types.InlineCompletionItem]:
        options = self._session.options
        trigger = trigger_of(params.context.trigger_kind)
        # It reads files, and waits for the settings where they are just being read.
        arm = await asyncio.to_thread(options.arm_of, options.user)
        tracked = self._begin(document, trigger, arm)
        if document.shrinking and trigger == "automatic" and not options.after_deletion:
            self._reports.end(tracked, "not_requested")
            self.reasons.note(document.uri, AFTER_DELETION)
            return []
        point = insertion_point(document, params.position, params.context, options.context_chars)
        before, after = self.notebooks.around(document) if self.notebooks else ("", "")
        request = CompletionRequest(
            prefix=(before + point.prefix)[-options.context_chars :],
            suffix=(point.suffix + after)[: options.context_chars],
            path=self._path_of(document),
            language=document.language or None,
            user=options.user,
            polish=True,
            n=options.choices if trigger == "manual" else 1,
            deadline_ms=options.deadline_ms,
            trigger=trigger,
            indent=document.indent,
            disabled_in=(*self.disabled.entries, *options.disabled_in),
            arm=arm,
        )
        self._status.busy(True)
        try:
            with self._reports.following(tracked):
                completion = await self._service.complete(request)
        except Exception as error:  # whatever it is, the editor shows no pop-up
            logger.warning("no completion: %s", error, exc_info=not hasattr(error, "hint"))
            self._status.failed(error)
            self.reasons.failed(document.uri, error)
            return []
        self._status.answered(completion.disabled, indexed=completion.indexed)
        self.reasons.answered(document.uri, completion)
        suggestions = suggestions_of(completion, point)
        self._reports.finish(tracked, completion, suggestions, typed=len(point.typed))
        return [item_of(suggestion, point.range) for suggestion in suggestions]

    def _path_of(self, document: Document) -> Place | None:
        return self.notebooks.path_of(document) if self.notebooks else document.path

    def _begin(self, document: Document, trigger: Trigger, arm: Arm | None) -> TrackedRequest:
        path = self._path_of(document)
        return self._reports.begin(
            session=self._session.id,
            uri=document.uri,
            workspace=self._session.workspace_of(path),
            places=self._session.places_of(path),
            language=document.language,
            trigger=trigger,
            arm=arm,
        )


def suggestions_of(completion: Completion, point: InsertionPoint) -> list[Suggestion]:
    """The choices that have a text, each text once."""
    texts = dict.fromkeys(choice.text for choice in completion.choices if choice.text)
    return [
        Suggestion(
            text=point.typed + text,
            id=f"{completion.id}-{rank}",
            offset=point.offset,
            replaced=point.replaced,
            rank=rank,
        )
        for rank, text in enumerate(texts)
    ]


def item_of(suggestion: Suggestion, range_: types.Range) -> types.InlineCompletionItem:
    """The item that a client shows, and the command that it runs once it has inserted it."""
    command = types.Command("Accept completion", ACCEPT_COMMAND, arguments=[suggestion.id])
    return types.InlineCompletionItem(suggestion.text, range=range_, command=command)
