"""What a client tells of the suggestions that it was sent.

Clients name a suggestion by the argument of its command, count what was accepted in UTF-16 units
from the start of what they were sent (which repeats what was typed), and may say nothing at all.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, get_args

from completer.reporting import Offer, Reports, stored
from telemetry.events import AcceptKind, HiddenReason

HIDDEN_REASONS = get_args(HiddenReason)
ACCEPT_COMMAND = "completer.accept"


class Feedback:
    """Hands on what a client tells, of suggestions that are still known."""

    def __init__(self, reports: Reports) -> None:
        self._reports = reports

    async def accepted(self, suggestion_id: str) -> bool:
        """The client ran the command of an item: it was inserted whole. True once that is stored.

        False says that the suggestion is not known (any more) or that the event was lost.
        """
        offer = self._reports.find(suggestion_id)
        return offer is not None and await stored(self._reports.accepted(offer))

    def shown(self, params: object) -> None:
        """`textDocument/didShowCompletion {item}`."""
        if (offer := self._offer_of(params)) is not None:
            self._reports.shown(offer)

    def partially_accepted(self, params: object) -> None:
        """`textDocument/didPartiallyAcceptCompletion {item, acceptedLength, kind}`.

        `kind`, `word` or `line`, may be left out.
        """
        offer = self._offer_of(params)
        length, kind = _given(params, "acceptedLength"), _given(params, "kind")
        if offer is None or not isinstance(length, int):
            return
        if taken := offer.taken(max(0, length)):
            part: AcceptKind = kind if kind in ("word", "line") else "partial"
            whole = taken == offer.taken(None)
            self._reports.accepted(offer, "full" if whole else part, length)

    def hidden(self, params: object) -> None:
        """`textDocument/didHideCompletion {item, reason, shownForMs}`; the item is enough."""
        offer, reason = self._offer_of(params), _given(params, "reason")
        shown_ms = _given(params, "shownForMs")
        if offer is not None:
            known: HiddenReason = reason if reason in HIDDEN_REASONS else "unknown"
            known_ms = max(0, shown_ms) if isinstance(shown_ms, int) else None
            self._reports.hidden(offer, known, known_ms)

    def _offer_of(self, params: object) -> Offer | None:
        """The offer that a notification's item came from, however little of it is there."""
        match params:
            case {"item": {"command": {"arguments": [str(suggestion_id), *_]}}}:
                return self._reports.find(suggestion_id)
            case _:
                return None


def _given(params: object, name: str) -> Any:  # noqa: ANN401
    return params.get(name) if isinstance(params, Mapping) else None
