"""What a client tells of the suggestions that it was sent.

Clients name a suggestion by the argument of its command, count what was accepted in UTF-16 units
from the start of what they were sent (which repeats what was typed), and may say nothing at all.
"""

from __future__ import annotations

from collections.abc import Mapping

from completer.reporting import Offer, Reports, stored

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
        """`textDocument/didPartiallyAcceptCompletion {item, acceptedLength}`."""
        offer = self._offer_of(params)
        length = params.get("acceptedLength") if isinstance(params, Mapping) else None
        if offer is None or not isinstance(length, int):
            return
        if taken := offer.taken(max(0, length)):
            whole = taken == offer.taken(None)
            self._reports.accepted(offer, "full" if whole else "partial", length)

    def _offer_of(self, params: object) -> Offer | None:
        """The offer that a notification's item came from, however little of it is there."""
        match params:
            case {"item": {"command": {"arguments": [str(suggestion_id), *_]}}}:
                return self._reports.find(suggestion_id)
            case _:
                return None
