"""Asks the service on behalf of a client that may go away, and reports what came of it."""

from __future__ import annotations

import asyncio
import time
from collections import OrderedDict
from collections.abc import AsyncGenerator, AsyncIterator, Iterator, Sequence
from contextlib import aclosing, contextmanager
from dataclasses import dataclass, field, replace
from typing import cast

from starlette.requests import Request

from completer.errors import BadRequestError
from completer.http.admission import Admission
from completer.http.disconnect import until_gone
from completer.http.metrics import Metrics
from completer.http.offers import Offer, Offers
from completer.http.options import HttpOptions
from completer.http.origin import Origin
from completer.http.warm_up import WarmUps
from completer.interface import CompletionService
from completer.measures import measures, outcome
from completer.request import Completion, CompletionRequest, TextDelta
from telemetry.events import Opportunity, Outcome, SessionInfo, Suggestion, new_id
from telemetry.recorder import Recorder

MAX_SESSIONS = 1000


@dataclass(frozen=True, slots=True)
class Answer:
    """A whole reply: its id, when it was asked for (seconds since the epoch), and what it says."""

    id: str
    created: int
    completion: Completion


class Stream:
    """A reply as it comes: text, then the whole `Answer`. Its id is known from the start."""

    def __init__(self, attempt: _Attempt, items: AsyncGenerator[TextDelta | Answer]) -> None:
        self.id = attempt.id
        self.created = attempt.created
        self._items = items
        self._first: TextDelta | Answer | None = None

    async def begin(self) -> None:
        """Wait for the first item, so that what fails before it can still get a status."""
        self._first = await anext(self._items)

    def __aiter__(self) -> Stream:
        return self

    async def __anext__(self) -> TextDelta | Answer:
        if self._first is not None:
            first, self._first = self._first, None
            return first
        return await anext(self._items)

    async def aclose(self) -> None:
        """Stop the decoding, if it has not ended."""
        await self._items.aclose()


class Answering:
    """What every dialect calls: it checks, counts, asks the service, and reports."""

    def __init__(
        self, service: CompletionService, recorder: Recorder, options: HttpOptions
    ) -> None:
        self.service = service
        self.offers = Offers(service, recorder)
        self.admission = Admission(options)
        self.warm_ups = WarmUps(service)
        self.metrics = Metrics(lambda: self.admission.running)
        self._recorder = recorder
        self._group_s = options.group_stream_s
        self._sessions: OrderedDict[tuple[str, str], str] = OrderedDict()

    async def complete(
        self, http: Request, origin: Origin, requests: Sequence[CompletionRequest]
    ) -> list[Answer]:
        """Answer several requests at once; if one fails, or the client goes, all are given up."""
        tasks = [asyncio.ensure_future(self._complete(origin, request)) for request in requests]
        try:
            return await until_gone(http, asyncio.gather(*tasks))
        finally:
            for task in tasks:
                task.cancel()

    async def stream(self, http: Request, origin: Origin, request: CompletionRequest) -> Stream:
        """Start answering a request; raises what goes wrong before there is any text."""
        attempt = self._attempt(origin, request)
        stream = Stream(attempt, self._stream(origin, request, attempt))
        await until_gone(http, stream.begin())
        return stream

    async def _complete(self, origin: Origin, request: CompletionRequest) -> Answer:
        attempt = self._attempt(origin, request)
        with self.admission.admit(origin.user, request.n), self._reporting(attempt):
            return self._finish(attempt, await self.service.complete(request))

    async def _stream(
        self, origin: Origin, request: CompletionRequest, attempt: _Attempt
    ) -> AsyncGenerator[TextDelta | Answer]:
        with self.admission.admit(origin.user, request.n), self._reporting(attempt):
            items = cast("AsyncGenerator[TextDelta | Completion]", self.service.stream(request))
            async with aclosing(items), aclosing(grouped(items, self._group_s)) as groups:
                async for item in groups:
                    if isinstance(item, Completion):
                        yield self._finish(attempt, item)
                    else:
                        yield item

    def _attempt(self, origin: Origin, request: CompletionRequest) -> _Attempt:
        limit = self.service.info().context_tokens  # 0 while the model is being loaded
        if 0 < limit < (request.max_tokens or 0):
            raise BadRequestError(f"max_tokens is more than the model's context of {limit} tokens.")
        path = origin.path
        return _Attempt(
            Opportunity(
                session=self._session(origin),
                uri=path.as_uri() if path is not None and path.is_absolute() else "",
                outcome="error",
                workspace=str(origin.workspace or ""),
                language=request.language or "",
                trigger="manual" if request.trigger == "manual" else "auto",
                started_ms=time.time_ns() // 1_000_000,
            )
        )

    @contextmanager
    def _reporting(self, attempt: _Attempt) -> Iterator[None]:
        """Report an attempt that ends without a completion."""
        try:
            yield
        except (asyncio.CancelledError, GeneratorExit):
            self._report(attempt, "cancelled")
            raise
        except Exception:
            self._report(attempt, "error")
            raise

    def _report(self, attempt: _Attempt, outcome: Outcome) -> None:
        if not attempt.finished:
            spent = replace(attempt.opportunity, outcome=outcome, total_ms=attempt.elapsed_ms)
            self._recorder.opportunity(spent)
            self.metrics.completed(outcome)

    def _finish(self, attempt: _Attempt, completion: Completion) -> Answer:
        """Report a completion and remember what it offers."""
        attempt.finished = True
        result = outcome(completion)
        spent = measures(completion, attempt.elapsed_ms)
        self._recorder.opportunity(replace(attempt.opportunity, outcome=result, **spent))
        self.metrics.completed(result, completion.stats)
        suggestions = [
            Suggestion(text=choice.text, id=f"{attempt.id}-{rank}", rank=rank)
            for rank, choice in enumerate(completion.choices)
            if choice.text
        ]
        for suggestion in suggestions:
            self.offers.add(attempt.id, suggestion.rank, Offer(completion.id, suggestion))
        if suggestions:
            self._recorder.returned(attempt.opportunity.id, suggestions)
        return Answer(attempt.id, attempt.created, completion)

    def _session(self, origin: Origin) -> str:
        """One session per user and client program."""
        key = (origin.user, origin.client)
        if key not in self._sessions:
            info = SessionInfo(client=origin.client or "http", user=origin.user)
            self._sessions[key] = self._recorder.session_started(info)
        self._sessions.move_to_end(key)
        if len(self._sessions) > MAX_SESSIONS:
            self._recorder.session_ended(self._sessions.popitem(last=False)[1])
        return self._sessions[key]

    def close(self) -> None:
        """End all sessions and what runs without a client."""
        self.warm_ups.close()
        for session in self._sessions.values():
            self._recorder.session_ended(session)
        self._sessions.clear()


@dataclass(slots=True)
class _Attempt:
    """One request on its way: what to report about it when it ends."""

    opportunity: Opportunity
    id: str = field(default_factory=lambda: f"cmpl-{new_id()}")
    created: int = field(default_factory=lambda: int(time.time()))
    started: float = field(default_factory=time.perf_counter)
    finished: bool = False

    @property
    def elapsed_ms(self) -> float:
        return 1000 * (time.perf_counter() - self.started)


async def grouped(
    items: AsyncIterator[TextDelta | Completion], interval_s: float
) -> AsyncGenerator[TextDelta | Completion]:
    """The same items, with the text of at least `interval_s` seconds in one delta per choice.

    How many tokens a step yields depends on how many drafted tokens were right; sent one step at a
    time, their timing would tell a listener about the text.
    """
    pending: dict[int, str] = {}
    due = 0.0
    async for item in items:
        if isinstance(item, TextDelta):
            pending[item.index] = pending.get(item.index, "") + item.text
            if time.monotonic() < due:
                continue
        for index, text in pending.items():
            yield TextDelta(index, text)
        pending.clear()
        due = time.monotonic() + interval_s
        if isinstance(item, Completion):
            yield item
