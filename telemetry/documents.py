"""Open documents: every edit is attributed, classified and followed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from telemetry import events
from telemetry.accepts import Accepts
from telemetry.display import Display
from telemetry.edits import EditClassifier, EditRollup
from telemetry.events import TextEdit
from telemetry.privacy import Pseudonyms
from telemetry.sessions import Sessions
from telemetry.spans import RetainedSpan
from telemetry.suggestions import Pending, Placement, placement


@dataclass(frozen=True, slots=True)
class _Taken:
    """A suggestion, how far it is in the document, and the edit that put it there."""

    pending: Pending
    placement: Placement
    edit: TextEdit


@dataclass(slots=True)
class _Document:
    session: int
    language: str
    version: int
    classifier: EditClassifier = field(default_factory=EditClassifier)


class Documents:
    """The documents whose edits arrive."""

    def __init__(
        self,
        pseudonyms: Pseudonyms,
        sessions: Sessions,
        display: Display,
        accepts: Accepts,
        rollup: EditRollup,
    ) -> None:
        self._pseudonyms = pseudonyms
        self._sessions = sessions
        self._display = display
        self._accepts = accepts
        self._watches = accepts.watches
        self._rollup = rollup
        self._documents: dict[str, _Document] = {}

    def opened(self, now_ms: int, event: events.DocumentOpened) -> None:
        """Edits of this document will arrive; what was renamed into hiding is known no more."""
        uri = event.uri
        row = self._sessions.recorded_row(event.session, event.workspace, event.places)
        if row is None:
            self.deleted(now_ms, events.DocumentDeleted(uri))
            self._documents.pop(uri, None)
        else:
            self._documents[uri] = _Document(row, event.language, event.version)
            self._watches.opened(uri, event.text)

    def changed(self, now_ms: int, event: events.DocumentChanged) -> None:
        """Edits, in order: they place accepted text, change it, and hide what was shown."""
        uri, edits, known = event.uri, event.edits, event.edit_class
        document = self._documents.get(uri)
        if document is None or not edits:
            return
        if event.version < document.version:  # out of order: nothing is where it was thought to be
            self._watches.lose(uri)
        document.version = event.version
        trimmed = [edit.trimmed() for edit in edits]
        taken = self._taken_by(uri, trimmed, now_ms)
        spans: list[RetainedSpan] = []
        for whole, edit in zip(edits, trimmed, strict=True):
            self._accepts.edit_comes(uri, whole, now_ms)
            for span in spans:
                span.apply(edit)
            if taken is not None and edit.same_text(taken.edit):  # once for each caret
                spans.append(RetainedSpan(edit.offset, edit.inserted))
        if taken is not None:
            self._take(taken, spans, now_ms)
        for pending in self._display.suggestions.visible(uri):
            if taken is None or pending is not taken.pending:
                self._display.hide(pending, "typed_over", now_ms)
        if taken is not None and taken.placement.kind is not None:
            known = "ai_inline"
        shares = document.classifier.classify(edits, now_ms, known)
        doc_h = self._pseudonyms.document(uri)
        self._rollup.add(document.session, doc_h, document.language, shares, now_ms)

    def reset(self, now_ms: int, event: events.DocumentReset) -> None:
        """The text is known again after edits were missed."""
        self._display.hide_all(event.uri, "unknown", now_ms)
        document = self._documents.get(event.uri)
        if document is not None:
            document.version = event.version
            document.classifier = EditClassifier()
            self._watches.reset(event.uri, event.text, event.before)

    def closed(self, now_ms: int, event: events.DocumentClosed) -> None:
        """No edits will arrive any more: what counts is the file."""
        self._display.hide_all(event.uri, "doc_closed", now_ms)
        self._documents.pop(event.uri, None)
        self._watches.closed(event.uri, event.text)

    def renamed(self, now_ms: int, event: events.DocumentRenamed) -> None:
        """Follow a file to its new name; what was displayed in it counts as hidden."""
        self._display.hide_all(event.uri, "doc_closed", now_ms)
        if event.uri in self._documents:
            self._documents[event.new_uri] = self._documents.pop(event.uri)
        self._accepts.renamed(event.uri, event.new_uri)

    def deleted(self, now_ms: int, event: events.DocumentDeleted) -> None:
        """Forget a file that was deleted; what was displayed in it counts as hidden."""
        self._display.hide_all(event.uri, "doc_closed", now_ms)
        self._watches.delete(event.uri)

    def branch_changed(self, now_ms: int, event: events.BranchChanged) -> None:
        """Another branch was checked out."""
        self._watches.change_branch(event.workspace)

    def lose_track(self) -> None:
        """Events were dropped on the way here: no document's text is known for sure."""
        self._watches.lose()

    def _taken_by(self, uri: str, edits: Sequence[TextEdit], now_ms: int) -> _Taken | None:
        """The first suggestion that one of these edits puts into the document."""
        candidates = [*self._accepts.awaiting(uri, now_ms), *self._display.suggestions.visible(uri)]
        for edit in edits:
            for pending in candidates:
                found = placement(pending, edit)
                if found is not None:
                    return _Taken(pending, found, edit)
        return None

    def _take(self, taken: _Taken, spans: list[RetainedSpan], now_ms: int) -> None:
        pending = taken.pending
        if taken.placement.kind is not None:
            self._accepts.seen(pending, taken.placement, spans, now_ms)
        else:  # typed by hand: what is offered is the rest
            pending.type_to(len(taken.placement.text))
        if pending.accepted >= pending.length:
            self._display.hide(pending, "typed_through", now_ms)
