"""Turns events into rows: each kind goes to the module that keeps account of it, and time passes.

One thread drives it, and time comes in with every event: the same events at the same times give the
same rows.
"""

from __future__ import annotations

from collections.abc import Callable

from telemetry import events
from telemetry.accepts import Accepts
from telemetry.commits import AcceptedRuns, Commits
from telemetry.display import Display
from telemetry.documents import Documents
from telemetry.edits import EditRollup
from telemetry.events import Event
from telemetry.privacy import OptOut, Pseudonyms
from telemetry.recorder import Receipt
from telemetry.sessions import Sessions
from telemetry.store import Store


class Ledger:
    """Turns events into rows of a store. Not thread-safe."""

    def __init__(self, store: Store, pseudonyms: Pseudonyms, opt_out: OptOut) -> None:
        runs = AcceptedRuns()
        self._accepts = Accepts(store, runs)
        self._rollup = EditRollup(store)
        self.sessions = Sessions(store, pseudonyms, opt_out)
        self.display = Display(store, pseudonyms, self.sessions, self._accepts)
        self.documents = Documents(
            pseudonyms, self.sessions, self.display, self._accepts, self._rollup
        )
        commits = Commits(store, pseudonyms, self.sessions, runs)
        self._handlers: dict[type[Event], Callable[..., None]] = {
            events.SessionStarted: self.sessions.start,
            events.SessionEnded: self._session_ended,
            events.Opportunity: self.display.opportunity,
            events.Returned: self.display.returned,
            events.Shown: self.display.shown,
            events.Hidden: self.display.hidden,
            events.CursorMoved: self.display.cursor_moved,
            events.Accepted: self.display.accepted,
            events.DocumentOpened: self.documents.opened,
            events.DocumentChanged: self.documents.changed,
            events.DocumentReset: self.documents.reset,
            events.DocumentClosed: self.documents.closed,
            events.DocumentRenamed: self.documents.renamed,
            events.DocumentDeleted: self.documents.deleted,
            events.BranchChanged: self.documents.branch_changed,
            events.Committed: commits.committed,
        }

    def take_in(self, now_ms: int, event: Event, receipt: Receipt) -> None:
        """Keep account of an event; the receipt of one that shows or accepts is answered later."""
        asked = (receipt,) if isinstance(event, (events.Shown, events.Accepted)) else ()
        self._handlers[type(event)](now_ms, event, *asked)

    def _session_ended(self, now_ms: int, event: events.SessionEnded) -> None:
        self.display.session_ended(now_ms, event.session)
        self.sessions.end(now_ms, event.session)

    @property
    def next_due_ms(self) -> int | None:
        """When `run_due` will have something to do."""
        due = (self._accepts.watches.next_due_ms, self._rollup.next_due_ms)
        return min((time_ms for time_ms in due if time_ms is not None), default=None)

    def run_due(self, now_ms: int) -> None:
        """Make the checks that are due, and forget the texts whose time is over."""
        self._accepts.store_checks(self._accepts.watches.run_due(now_ms))
        self._rollup.store_due(now_ms)
        self.display.suggestions.forget_old(now_ms)

    def close(self, now_ms: int) -> None:
        """The process ends: end the sessions, censor what is still watched."""
        self.run_due(now_ms)
        for session in self.sessions.open_ids():
            self._session_ended(now_ms, events.SessionEnded(session))
        self._accepts.store_checks(self._accepts.watches.censor_all(now_ms))
        self._rollup.store_all()
