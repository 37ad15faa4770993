"""The completions that clients have been sent, for the events that they report about them."""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from dataclasses import dataclass

from completer.interface import CompletionService
from telemetry.events import Accepted, AcceptKind, Hidden, HiddenReason, Shown, Suggestion
from telemetry.recorder import Receipt, Recorder

MAX_OFFERS = 4_000
MAX_TEXT = 2 << 20  # characters of all of them
MAX_WAIT_S = 5.0


@dataclass(frozen=True, slots=True)
class Offer:
    """One choice of a reply: the service's name for the completion, and the suggestion.

    `owner` is whose token it was given for; empty without one.
    """

    completion_id: str
    suggestion: Suggestion
    owner: str = ""


class Offers:
    """The last offers, by the reply's id and the index of the choice."""

    def __init__(self, service: CompletionService, recorder: Recorder) -> None:
        self._service = service
        self._recorder = recorder
        self._offers: OrderedDict[tuple[str, int], Offer] = OrderedDict()
        self._text = 0

    def add(self, reply_id: str, index: int, offer: Offer) -> None:
        """Remember what was sent; the oldest offers go."""
        self._offers[reply_id, index] = offer
        self._text += len(offer.suggestion.text)
        while len(self._offers) > MAX_OFFERS or self._text > MAX_TEXT:
            _, oldest = self._offers.popitem(last=False)
            self._text -= len(oldest.suggestion.text)

    def find(self, reply_id: str, index: int, owner: str = "") -> Offer | None:
        """The offer, if it is still known and was given to this owner."""
        offer = self._offers.get((reply_id, index))
        return offer if offer is not None and offer.owner == owner else None

    async def shown(self, offer: Offer) -> bool:
        """It is on the screen; True once that is stored."""
        return await _stored(self._recorder.record(Shown(offer.suggestion.id)))

    def hidden(self, offer: Offer, reason: HiddenReason, shown_for_ms: int | None) -> None:
        """It is gone without having been taken."""
        self._recorder.record(Hidden(offer.suggestion.id, reason, shown_for_ms))

    async def accepted(self, offer: Offer, kind: AcceptKind, length: int | None) -> bool:
        """It was taken, or its first `length` UTF-16 units were; True once that is stored."""
        text = offer.suggestion.text
        if length is not None:
            units = text.encode("utf-16-le")[: 2 * length]
            text = units.decode("utf-16-le", "ignore")
        self._service.accepted(offer.completion_id, text)
        return await _stored(self._recorder.record(Accepted(offer.suggestion.id, kind, length)))


async def _stored(receipt: Receipt) -> bool:
    """Whether an event is durable, if that is known in good time."""
    answer = asyncio.wrap_future(receipt)
    await asyncio.wait({answer}, timeout=MAX_WAIT_S)
    return answer.done() and answer.result()
