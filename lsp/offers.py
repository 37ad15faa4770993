"""The suggestions that a client has been sent, and what it tells of them afterwards.

Clients name a suggestion by the argument of its command, count what was accepted in UTF-16 units
from the start of what they were sent (which repeats what was typed), and may say nothing at all.
"""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass

from completer.interface import CompletionService
from lsp.convert import utf16_prefix
from telemetry.events import Accepted, AcceptKind, Shown, Suggestion
from telemetry.recorder import Recorder

ACCEPT_COMMAND = "completer.accept"
MAX_OFFERS = 2000
MAX_WAIT_S = 5.0


@dataclass(frozen=True, slots=True)
class Offer:
    """One suggestion, whose text begins with `typed` characters that the model did not write."""

    completion_id: str
    suggestion: Suggestion
    typed: int = 0

    def taken(self, length: int) -> str:
        """What the model wrote of the suggestion's first `length` UTF-16 units."""
        return utf16_prefix(self.suggestion.text, length)[self.typed :]


class Offers:
    """The last offers, by the suggestion's id."""

    def __init__(self, service: CompletionService, recorder: Recorder) -> None:
        self._service = service
        self._recorder = recorder
        self._offers: OrderedDict[str, Offer] = OrderedDict()

    def add(self, offer: Offer) -> None:
        """Remember what was sent; the oldest offers go."""
        self._offers[offer.suggestion.id] = offer
        while len(self._offers) > MAX_OFFERS:
            self._offers.popitem(last=False)

    async def accepted(self, suggestion_id: str) -> bool:
        """The client ran the command of an item: it was inserted whole. True once that is stored.

        False says that the suggestion is not known (any more) or that the event was lost.
        """
        offer = self._offers.get(suggestion_id)
        if offer is None:
            return False
        self._service.accepted(offer.completion_id, offer.suggestion.text[offer.typed :])
        receipt = asyncio.wrap_future(self._recorder.record(Accepted(suggestion_id)))
        await asyncio.wait({receipt}, timeout=MAX_WAIT_S)
        return receipt.done() and receipt.result()

    def shown(self, params: object) -> None:
        """`textDocument/didShowCompletion {item}`."""
        if (offer := self._offer_of(params)) is not None:
            self._recorder.record(Shown(offer.suggestion.id))

    def partially_accepted(self, params: object) -> None:
        """`textDocument/didPartiallyAcceptCompletion {item, acceptedLength}`."""
        offer = self._offer_of(params)
        length = params.get("acceptedLength") if isinstance(params, Mapping) else None
        if offer is None or not isinstance(length, int):
            return
        if taken := offer.taken(max(0, length)):
            self._service.accepted(offer.completion_id, taken)
            whole = len(taken) == len(offer.suggestion.text) - offer.typed
            kind: AcceptKind = "full" if whole else "partial"
            self._recorder.record(Accepted(offer.suggestion.id, kind, length))

    def _offer_of(self, params: object) -> Offer | None:
        """The offer that a notification's item came from, however little of it is there."""
        match params:
            case {"item": {"command": {"arguments": [str(suggestion_id), *_]}}}:
                return self._offers.get(suggestion_id)
            case _:
                return None
