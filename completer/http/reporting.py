"""What the recorder and the metrics are told of each request for a completion."""

from __future__ import annotations

import asyncio
import time
from collections import OrderedDict
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace

from completer.http.metrics import Metrics
from completer.http.offers import Offer, Offers
from completer.http.origin import Origin
from completer.measures import measures, outcome
from completer.request import Completion, CompletionRequest
from telemetry.events import (
    Opportunity,
    Outcome,
    Returned,
    SessionEnded,
    SessionStarted,
    Suggestion,
    new_id,
)
from telemetry.recorder import Recorder

MAX_SESSIONS = 1000


@dataclass(frozen=True, slots=True)
class Answer:
    """A whole reply: its id, when it was asked for (seconds since the epoch), and what it says."""

    id: str
    created: int
    completion: Completion


@dataclass(slots=True)
class Attempt:
    """One request on its way: what to report about it when it ends."""

    opportunity: Opportunity
    owner: str = ""
    id: str = field(default_factory=lambda: f"cmpl-{new_id()}")
    created: int = field(default_factory=lambda: int(time.time()))
    started: float = field(default_factory=time.perf_counter)
    finished: bool = False

    @property
    def elapsed_ms(self) -> float:
        """Time since the request came."""
        return 1000 * (time.perf_counter() - self.started)


class Reports:
    """Follows every attempt from its begin to its one end."""

    def __init__(self, recorder: Recorder, offers: Offers, metrics: Metrics) -> None:
        self._recorder = recorder
        self._offers = offers
        self._metrics = metrics
        self._sessions: OrderedDict[tuple[str, str], str] = OrderedDict()

    def begin(self, origin: Origin, request: CompletionRequest) -> Attempt:
        """A request has come."""
        path = origin.path
        return Attempt(
            Opportunity(
                session=self._session(origin),
                uri=path.as_uri() if path is not None and path.is_absolute() else "",
                outcome="error",
                workspace=str(origin.workspace or ""),
                places=origin.places,
                language=request.language or "",
                trigger="manual" if request.trigger == "manual" else "auto",
                started_ms=time.time_ns() // 1_000_000,
            ),
            owner=origin.access.user,
        )

    @contextmanager
    def following(self, attempt: Attempt) -> Iterator[None]:
        """Report an attempt that ends in here without a completion."""
        try:
            yield
        except (asyncio.CancelledError, GeneratorExit):
            self._end(attempt, "cancelled")
            raise
        except Exception:
            self._end(attempt, "error")
            raise

    def finish(self, attempt: Attempt, completion: Completion) -> Answer:
        """Report a completion, and remember what it offers."""
        attempt.finished = True
        result = outcome(completion)
        spent = measures(completion, attempt.elapsed_ms)
        self._recorder.record(replace(attempt.opportunity, outcome=result, **spent))
        self._metrics.completed(result, completion.stats)
        suggestions = [
            Suggestion(text=choice.text, id=f"{attempt.id}-{rank}", rank=rank)
            for rank, choice in enumerate(completion.choices)
            if choice.text
        ]
        for suggestion in suggestions:
            offer = Offer(completion.id, suggestion, attempt.owner)
            self._offers.add(attempt.id, suggestion.rank, offer)
        if suggestions:
            self._recorder.record(Returned(attempt.opportunity.id, suggestions))
        return Answer(attempt.id, attempt.created, completion)

    def close(self) -> None:
        """End all sessions."""
        for session in self._sessions.values():
            self._recorder.record(SessionEnded(session))
        self._sessions.clear()

    def _end(self, attempt: Attempt, outcome: Outcome) -> None:
        if not attempt.finished:
            spent = replace(attempt.opportunity, outcome=outcome, total_ms=attempt.elapsed_ms)
            self._recorder.record(spent)
            self._metrics.completed(outcome)

    def _session(self, origin: Origin) -> str:
        """One session per user and client program."""
        key = (origin.user, origin.client)
        if key not in self._sessions:
            started = SessionStarted(client=origin.client or "http", user=origin.user)
            self._sessions[key] = started.id
            self._recorder.record(started)
        self._sessions.move_to_end(key)
        if len(self._sessions) > MAX_SESSIONS:
            self._recorder.record(SessionEnded(self._sessions.popitem(last=False)[1]))
        return self._sessions[key]
