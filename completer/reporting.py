"""How each request ended, what it offered, and what became of that: for the recorder.

A front door begins a `TrackedRequest` for each request and ends it once. What its client says
afterwards names a suggestion by its id, for which the `Offer` is remembered.
"""

from __future__ import annotations

import asyncio
import time
from collections import OrderedDict
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace

from completer.interface import CompletionService
from completer.place import Place
from completer.request import Arm, Completion, DecodeStats, Trigger
from completer.serving.measures import measures, outcome
from telemetry.alignment import utf16_prefix
from telemetry.events import (
    Accepted,
    AcceptKind,
    Hidden,
    HiddenReason,
    Opportunity,
    Outcome,
    Returned,
    Shown,
    Suggestion,
)
from telemetry.recorder import Receipt, Recorder

MAX_OFFERS = 2_000
MAX_CHARACTERS = 2 << 20  # of all offers
MAX_WAIT_S = 5.0

OnEnd = Callable[[Outcome, DecodeStats | None], None]
"""Is called with how a request ended, and what it cost if it was completed."""


@dataclass(slots=True)
class TrackedRequest:
    """A request that is being answered: what to report when it ends.

    `came_ms` is when it came, in ms since the epoch; `finished` that a completion was reported.
    """

    opportunity: Opportunity
    came_ms: int
    started: float = field(default_factory=time.perf_counter)
    finished: bool = False

    @property
    def elapsed_ms(self) -> float:
        """Milliseconds since the request came."""
        return 1000 * (time.perf_counter() - self.started)


@dataclass(frozen=True, slots=True)
class Offer:
    """A suggestion that was sent, from the service's completion of this id.

    Its text begins with `typed` characters that the model did not write. `owner` is whose token it
    was given for; empty without one.
    """

    completion_id: str
    suggestion: Suggestion
    typed: int = 0
    owner: str = ""

    def taken(self, length: int | None) -> str:
        """What the model wrote of the first `length` UTF-16 units, or of all."""
        text = self.suggestion.text
        return (text if length is None else utf16_prefix(text, length))[self.typed :]


class Reports:
    """Records how each request ends, once, and what becomes of the last `MAX_OFFERS` offers."""

    def __init__(
        self, service: CompletionService, recorder: Recorder, on_end: OnEnd | None = None
    ) -> None:
        self._service = service
        self._recorder = recorder
        self._on_end = on_end
        self._offers: OrderedDict[str, Offer] = OrderedDict()
        self._characters = 0

    def begin(
        self,
        *,
        session: str,
        uri: str,
        workspace: Place | None,
        places: tuple[str, ...],
        language: str,
        trigger: Trigger,
        arm: Arm | None = None,
    ) -> TrackedRequest:
        """A request has come; for the arguments see `Opportunity`."""
        came_ms = time.time_ns() // 1_000_000
        opportunity = Opportunity(
            session=session,
            uri=uri,
            outcome="not_requested",
            workspace=str(workspace or ""),
            places=places,
            language=language,
            trigger="manual" if trigger == "manual" else "auto",
            started_ms=came_ms,
            arm=arm.name if arm else "",
        )
        return TrackedRequest(opportunity, came_ms)

    @contextmanager
    def following(self, tracked: TrackedRequest) -> Iterator[None]:
        """Report a request that is cancelled or fails inside of the `with`; the error goes on."""
        try:
            yield
        except (asyncio.CancelledError, GeneratorExit):
            self.end(tracked, "cancelled")
            raise
        except Exception:
            self.end(tracked, "error")
            raise

    def end(self, tracked: TrackedRequest, outcome: Outcome) -> None:
        """Report that there is no completion, unless there was one."""
        if not tracked.finished:
            took_ms = None if outcome == "not_requested" else tracked.elapsed_ms
            self._end(replace(tracked.opportunity, outcome=outcome, total_ms=took_ms))

    def finish(
        self,
        tracked: TrackedRequest,
        completion: Completion,
        suggestions: Sequence[Suggestion],
        *,
        typed: int = 0,
        owner: str = "",
    ) -> None:
        """Report a completion and what is sent of it; for `typed` and `owner` see `Offer`."""
        tracked.finished = True
        spent = measures(completion, tracked.elapsed_ms)
        ended = replace(tracked.opportunity, outcome=outcome(completion), **spent)
        self._end(ended, completion.stats)
        for suggestion in suggestions:
            self._remember(Offer(completion.id, suggestion, typed, owner))
        if suggestions:
            self._recorder.record(Returned(ended.id, suggestions))

    def find(self, suggestion_id: str, owner: str = "") -> Offer | None:
        """The offer, if it is still known and was given to this owner."""
        offer = self._offers.get(suggestion_id)
        return offer if offer is not None and offer.owner == owner else None

    def shown(self, offer: Offer) -> Receipt:
        """Record that the client displays the suggestion; the receipt says when that is stored."""
        return self._recorder.record(Shown(offer.suggestion.id))

    def hidden(self, offer: Offer, reason: HiddenReason, shown_for_ms: int | None) -> None:
        """Record that the client displays it no longer, and that it was not accepted."""
        self._recorder.record(Hidden(offer.suggestion.id, reason, shown_for_ms))

    def accepted(
        self, offer: Offer, kind: AcceptKind = "full", length: int | None = None
    ) -> Receipt:
        """Record that it was accepted, or only its first `length` UTF-16 units."""
        self._service.accepted(offer.completion_id, offer.taken(length))
        return self._recorder.record(Accepted(offer.suggestion.id, kind, length))

    def _end(self, opportunity: Opportunity, stats: DecodeStats | None = None) -> None:
        self._recorder.record(opportunity)
        if self._on_end is not None:
            self._on_end(opportunity.outcome, stats)

    def _remember(self, offer: Offer) -> None:
        """Keep an offer for `find`, and drop the oldest ones over the limits."""
        self._offers[offer.suggestion.id] = offer
        self._characters += len(offer.suggestion.text)
        while len(self._offers) > MAX_OFFERS or self._characters > MAX_CHARACTERS:
            _, oldest = self._offers.popitem(last=False)
            self._characters -= len(oldest.suggestion.text)


async def stored(receipt: Receipt) -> bool:
    """Whether an event is durable, if that is known in good time."""
    answer = asyncio.wrap_future(receipt)
    await asyncio.wait({answer}, timeout=MAX_WAIT_S)
    return answer.done() and answer.result()
