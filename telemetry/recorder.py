"""The one object that front doors are handed, and the one that records nothing.

Every method returns at once: it puts the event on a bounded queue and never raises, whatever the
disk does. `shown` and `accepted` return a receipt, a future that becomes True when the event is
durable (safe from a crash of process or machine) and False when it was lost, which is then counted
in `ingest_gap`. A front door that acknowledges an event waits for the receipt first:

    if await asyncio.wrap_future(recorder.accepted(suggestion_id)): ...reply

Nothing else needs waiting for.
"""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import Future, InvalidStateError
from contextlib import suppress
from typing import Protocol

from telemetry.events import (
    AcceptKind,
    Commit,
    EditClass,
    EventSource,
    HiddenReason,
    Opportunity,
    SessionInfo,
    Suggestion,
    TextEdit,
)

Receipt = Future[bool]


class Recorder(Protocol):
    """A sink for what happens at a front door."""

    @property
    def records(self) -> bool:
        """Whether anything is kept of what is reported: if not, it need not be found out."""
        ...

    def session_started(self, info: SessionInfo) -> str:
        """A client connected (or an HTTP user was first seen); returns the session's id."""
        ...

    def session_ended(self, session: str) -> None:
        """The client has gone; what is still on its screen counts as closed."""
        ...

    def opportunity(self, opportunity: Opportunity) -> None:
        """A trigger point and its outcome; report it before `returned`."""
        ...

    def returned(self, opportunity_id: str, suggestions: Sequence[Suggestion]) -> None:
        """The reply with these suggestions was delivered and not cancelled.

        The best of them is taken as shown (marked inferred) until the client says so itself, or
        its session has shown that it reports such events. Their texts stay in memory for 17 minutes
        at most, so that acceptance and persistence can be seen in the document.
        """
        ...

    def shown(self, suggestion_id: str, *, source: EventSource = "client") -> Receipt:
        """The suggestion is on the screen."""
        ...

    def hidden(
        self,
        suggestion_id: str,
        reason: HiddenReason,
        *,
        shown_for_ms: int | None = None,
    ) -> None:
        """The suggestion left the screen; `shown_for_ms` where the client measured it."""
        ...

    def cursor_moved(self, uri: str) -> None:
        """The caret left the place of what was shown in this document."""
        ...

    def accepted(
        self,
        suggestion_id: str,
        kind: AcceptKind = "full",
        *,
        length: int | None = None,
        source: EventSource = "client",
    ) -> Receipt:
        """The person took the suggestion.

        `length` is how much of the suggestion's text has been taken so far, in UTF-16 units from
        its start (None: all). Reporting the same acceptance twice counts it once.
        """
        ...

    def document_opened(
        self,
        session: str,
        uri: str,
        version: int,
        *,
        language: str = "",
        workspace: str = "",
        places: Sequence[str] = (),
    ) -> None:
        """From now on the client's edits of this document arrive as `document_changed`.

        `places`, as in `Opportunity`, say whether they may be recorded.
        """
        ...

    def document_changed(
        self,
        uri: str,
        version: int,
        edits: Sequence[TextEdit],
        *,
        edit_class: EditClass | None = None,
    ) -> None:
        """One change notification: edits in order, each against the text left by the one before.

        `edit_class` is passed only where the client says what the change was; otherwise it is
        inferred. A client that sends whole documents is served by `events.minimal_edit`.
        """
        ...

    def document_reset(self, uri: str, version: int, text: str) -> None:
        """The document's text after edits were missed (a version gap, a failed edit)."""
        ...

    def document_closed(self, uri: str) -> None:
        """The editor gave the document up; its persistence is read from disk from now on."""
        ...

    def document_renamed(self, uri: str, new_uri: str) -> None:
        """The file moved; its retained texts follow."""
        ...

    def document_deleted(self, uri: str) -> None:
        """The file is gone; its retained texts are censored."""
        ...

    def branch_changed(self, workspace: str) -> None:
        """Another branch was checked out: what happens to the files there is nobody's editing."""
        ...

    def committed(self, session: str, workspace: str, commit: Commit) -> None:
        """A commit was made: which of the text that it adds came from accepted suggestions?"""
        ...

    def close(self, timeout_s: float = 5.0) -> None:
        """Store what is queued, censor what is still watched, and stop."""
        ...


class NullRecorder:
    """Records nothing: telemetry that is switched off."""

    @property
    def records(self) -> bool:
        """See `Recorder`."""
        return False

    def session_started(self, info: SessionInfo) -> str:
        """See `Recorder`."""
        return ""

    def session_ended(self, session: str) -> None:
        """See `Recorder`."""

    def opportunity(self, opportunity: Opportunity) -> None:
        """See `Recorder`."""

    def returned(self, opportunity_id: str, suggestions: Sequence[Suggestion]) -> None:
        """See `Recorder`."""

    def shown(self, suggestion_id: str, *, source: EventSource = "client") -> Receipt:
        """See `Recorder`."""
        return _settled()

    def hidden(
        self,
        suggestion_id: str,
        reason: HiddenReason,
        *,
        shown_for_ms: int | None = None,
    ) -> None:
        """See `Recorder`."""

    def cursor_moved(self, uri: str) -> None:
        """See `Recorder`."""

    def accepted(
        self,
        suggestion_id: str,
        kind: AcceptKind = "full",
        *,
        length: int | None = None,
        source: EventSource = "client",
    ) -> Receipt:
        """See `Recorder`."""
        return _settled()

    def document_opened(
        self,
        session: str,
        uri: str,
        version: int,
        *,
        language: str = "",
        workspace: str = "",
        places: Sequence[str] = (),
    ) -> None:
        """See `Recorder`."""

    def document_changed(
        self,
        uri: str,
        version: int,
        edits: Sequence[TextEdit],
        *,
        edit_class: EditClass | None = None,
    ) -> None:
        """See `Recorder`."""

    def document_reset(self, uri: str, version: int, text: str) -> None:
        """See `Recorder`."""

    def document_closed(self, uri: str) -> None:
        """See `Recorder`."""

    def document_renamed(self, uri: str, new_uri: str) -> None:
        """See `Recorder`."""

    def document_deleted(self, uri: str) -> None:
        """See `Recorder`."""

    def branch_changed(self, workspace: str) -> None:
        """See `Recorder`."""

    def committed(self, session: str, workspace: str, commit: Commit) -> None:
        """See `Recorder`."""

    def close(self, timeout_s: float = 5.0) -> None:
        """See `Recorder`."""


def settle(receipt: Receipt | None, durable: bool) -> None:
    """Answer a receipt, if someone has one and still waits for it."""
    if receipt is not None:
        with suppress(InvalidStateError):
            receipt.set_result(durable)


def _settled() -> Receipt:
    """Nothing was to be stored, and so nothing was lost."""
    receipt: Receipt = Future()
    receipt.set_result(True)
    return receipt
