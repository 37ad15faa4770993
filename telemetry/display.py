"""Suggestions on their way: returned, shown, hidden, accepted.

Where a client does not say what happened, the rules of inference are:

- shown: the reply was delivered, and the client has never reported a `shown` of its own;
- hidden: the document's next change, answered request, close or caret move;
- still shown: the change types the beginning of it, and the answer is what is left of it. However
  often that goes on, it is one suggestion, and the requests are `continued`;
- accepted: an edit that inserts the suggestion, or its beginning up to the end of a word or line.
"""

from __future__ import annotations

from dataclasses import replace
from sys import intern
from typing import NamedTuple

from telemetry import events
from telemetry.accepts import Accepts
from telemetry.events import EventSource, HiddenReason, Kind, Suggestion
from telemetry.privacy import Pseudonyms
from telemetry.recorder import Receipt, settle
from telemetry.sessions import Sessions
from telemetry.store import Store
from telemetry.suggestions import MAX_IDS, Pending, RetainedSuggestions, pending_of


class _OpenOpportunity(NamedTuple):
    """What of an opportunity is kept until its reply: its row, and whose, where and when it was."""

    row: int
    started_ms: int
    session: str
    uri: str
    workspace: str
    kind: Kind


class Display:
    """What clients have on their screens."""

    def __init__(
        self, store: Store, pseudonyms: Pseudonyms, sessions: Sessions, accepts: Accepts
    ) -> None:
        self._store = store
        self._pseudonyms = pseudonyms
        self._sessions = sessions
        self._accepts = accepts
        self._opportunities: dict[str, _OpenOpportunity | None] = {}
        self.suggestions = RetainedSuggestions()
        self._rows = {"opportunity": 0, "suggestion": 0}

    def session_ended(self, now_ms: int, session: str) -> None:
        """A client has gone, and with it what it showed."""
        for pending in self.suggestions.visible_in_session(session):
            self.hide(pending, "doc_closed", now_ms)

    def opportunity(self, now_ms: int, event: events.Opportunity) -> None:
        """A trigger point with its outcome: an answer without a text clears the screen.

        Of one with a text it is known in `returned` whether it changes anything; a cancelled
        request changes nothing.
        """
        if len(self._opportunities) >= MAX_IDS:
            self._opportunities.pop(next(iter(self._opportunities)))
        started_ms = now_ms if event.started_ms is None else event.started_ms
        if event.outcome not in ("returned", "cancelled"):
            self._supersede(event.session, event.uri, event.kind, started_ms)
        session = self._sessions.recorded_row(event.session, event.workspace, event.places)
        if session is None:
            self._supersede(event.session, event.uri, event.kind, started_ms)
            self._opportunities[event.id] = None
            return
        row = self._next_row("opportunity")
        place = intern(event.session), intern(event.uri), intern(event.workspace)
        self._opportunities[event.id] = _OpenOpportunity(row, started_ms, *place, event.kind)
        doc_h = self._pseudonyms.document(event.uri)
        self._store.insert(
            "opportunity", event, id=row, session=session, doc_h=doc_h, ts_ms=started_ms
        )

    def returned(self, now_ms: int, event: events.Returned) -> None:
        """The reply was delivered: its texts are kept for a while, the best is taken as shown."""
        if event.opportunity not in self._opportunities:
            self._store.count_lost("unknown_opportunity")
            return
        self.suggestions.forget_old(now_ms)
        known = self._opportunities[event.opportunity]
        if known is None:
            for suggestion in event.suggestions:
                self.suggestions.ignore(suggestion.id)
            return
        best = min(event.suggestions, key=lambda s: s.rank, default=None)
        continued = best is not None and self._continues(best, known)
        for suggestion in event.suggestions:
            if not (continued and suggestion is best):
                self._add(suggestion, known, now_ms)
        if best is not None and not continued and not self._sessions.reports_shown(known.session):
            self.shown(now_ms, events.Shown(best.id, "inferred"))

    def _continues(self, best: Suggestion, opportunity: _OpenOpportunity) -> bool:
        """Whether an answer is what is left of a text on the screen; all others go."""
        session, uri = opportunity.session, opportunity.uri
        shown = [p for p in self.suggestions.visible(uri) if p.session == session]
        shown = [p for p in shown if p.kind == opportunity.kind == "ghost text"]
        continued = next((pending for pending in shown if pending.take_up(best)), None)
        self._supersede(session, uri, opportunity.kind, opportunity.started_ms, but=continued)
        if continued is None:
            return False
        self.suggestions.also_known_as(best.id, continued)
        self._store.update("opportunity", opportunity.row, outcome="continued")
        return True

    def _supersede(
        self, session: str, uri: str, kind: Kind, now_ms: int, *, but: Pending | None = None
    ) -> None:
        """What is of the same kind goes: a next edit stays beside ghost text."""
        for pending in self.suggestions.visible(uri):
            if (pending.session, pending.kind) == (session, kind) and pending is not but:
                self.hide(pending, "superseded", now_ms)

    def _add(self, suggestion: Suggestion, opportunity: _OpenOpportunity, now_ms: int) -> None:
        suggestion_id = self._next_row("suggestion")
        pending = pending_of(
            suggestion_id,
            opportunity.session,
            opportunity.uri,
            opportunity.workspace,
            suggestion,
            now_ms,
            opportunity.kind,
        )
        new_text = pending.change.inserted if pending.change else ""
        self._store.insert(
            "suggestion",
            replace(suggestion, text=new_text),
            id=suggestion_id,
            opportunity=opportunity.row,
            text_hmac=self._pseudonyms.text(new_text),
            dedupe_hmac=self._pseudonyms.ending(opportunity.uri, new_text),
            ev_src="none",
            typed_len=0,
        )
        self.suggestions.add(suggestion.id, pending)

    def shown(self, now_ms: int, event: events.Shown, receipt: Receipt | None = None) -> None:
        """Store that a suggestion is displayed; a client's report replaces what was inferred."""
        pending, source = self._known(event.suggestion, receipt), event.source
        if pending is None:
            return
        if source == "client" and pending.kind == "ghost text":
            self._sessions.said_shown(pending.session)
        if pending.shown_ms is None or (source == "client" and pending.source == "inferred"):
            self._show(pending, now_ms, source, receipt)
        else:
            self._store.put(receipt=receipt)

    def _show(
        self, pending: Pending, now_ms: int, source: EventSource, receipt: Receipt | None = None
    ) -> None:
        pending.shown_ms, pending.source = now_ms, source
        self._store.update(
            "suggestion", pending.row, receipt=receipt, shown_ms=now_ms, ev_src=source
        )
        self.suggestions.show(pending)

    def hidden(self, now_ms: int, event: events.Hidden) -> None:
        """The client says that it is off the screen, and so that it was on it."""
        pending = self._known(event.suggestion)
        if pending is not None:
            if pending.source != "client":
                self._show(pending, pending.shown_ms or pending.returned_ms, "client")
            self.hide(pending, event.reason, now_ms, event.shown_for_ms)

    def hide(
        self, pending: Pending, reason: HiddenReason, now_ms: int, shown_for_ms: int | None = None
    ) -> None:
        """Store that a suggestion is hidden, after `shown_for_ms` if the client measured that."""
        self.suggestions.hide(pending)
        if pending.shown_ms is None:
            return
        if pending.accept_row is not None:
            reason = "accepted" if pending.accepted >= pending.length else "partial"
        for_ms = max(now_ms - pending.shown_ms, 0) if shown_for_ms is None else shown_for_ms
        self._store.update(
            "suggestion",
            pending.row,
            shown_dur_ms=for_ms,
            hidden_reason=reason,
            typed_len=pending.typed,
        )

    def cursor_moved(self, now_ms: int, event: events.CursorMoved) -> None:
        """The caret left the place of what was shown."""
        self.hide_all(event.uri, "cursor_moved", now_ms)

    def accepted(self, now_ms: int, event: events.Accepted, receipt: Receipt | None = None) -> None:
        """The client says that it was taken, up to `length` UTF-16 units of its text."""
        pending = self._known(event.suggestion, receipt)
        if pending is None:
            return
        taken = pending.length
        if event.length is not None:
            taken = min(event.length - pending.repeats[event.suggestion], taken)
        if pending.shown_ms is None:
            self._show(pending, pending.returned_ms, "inferred")
        self._accepts.reported(now_ms, event, pending, taken, receipt)
        if pending.accepted >= pending.length:
            self.hide(pending, "accepted", now_ms)

    def hide_all(self, uri: str, reason: HiddenReason, now_ms: int) -> None:
        """Nothing is on this document's screen any more."""
        for pending in self.suggestions.visible(uri):
            self.hide(pending, reason, now_ms)

    def _known(self, suggestion: str, receipt: Receipt | None = None) -> Pending | None:
        """The suggestion, if it is recorded; otherwise nothing is left to wait for."""
        pending = self.suggestions.get(suggestion)
        if pending is None:
            is_ignored = suggestion in self.suggestions
            if not is_ignored:
                self._store.count_lost("unknown_suggestion")
            settle(receipt, is_ignored)
        return pending

    def _next_row(self, table: str) -> int:
        self._rows[table] += 1
        return self._rows[table]
