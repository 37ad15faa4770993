"""Completes requests for HTTP clients, which may disconnect: admission, metrics, telemetry."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Sequence
from contextlib import aclosing
from dataclasses import replace
from typing import TypeVar

from starlette.requests import Request

from completer.http.admission import Admission
from completer.http.errors import ClientGoneError
from completer.http.metrics import Metrics
from completer.http.options import HttpOptions
from completer.http.origin import Origin, Sessions
from completer.http.report_page import ReportPage
from completer.http.streaming import CompletionResult, Stream, grouped
from completer.http.warm_up import WarmUps
from completer.interface import CompletionService
from completer.reporting import Reports, TrackedRequest
from completer.request import Completion, CompletionRequest, TextDelta
from telemetry.events import Suggestion
from telemetry.recorder import Recorder

T = TypeVar("T")


class CompletionHandler:
    """What every dialect calls to have its requests completed."""

    def __init__(
        self, service: CompletionService, recorder: Recorder, options: HttpOptions
    ) -> None:
        self.service = service
        self.admission = Admission(options)
        self.warm_ups = WarmUps(service)
        self.metrics = Metrics(lambda: self.admission.running, service.info)
        self.reports = Reports(service, recorder, on_end=self.metrics.completed)
        self._sessions = Sessions(recorder)
        self.report_page = ReportPage(options.reports)
        self._group_s = options.group_stream_s
        self._arm_of = options.arm_of

    def warm_up(self, origin: Origin, request: CompletionRequest) -> None:
        """Fill the caches for a request that will come."""
        self.warm_ups.start(self._placed(request, origin))

    async def complete(
        self, http: Request, origin: Origin, requests: Sequence[CompletionRequest]
    ) -> list[CompletionResult]:
        """Answer several requests at once; if one fails, or the client goes, all are given up."""
        placed = [self._placed(request, origin) for request in requests]
        tasks = [asyncio.ensure_future(self._complete(origin, request)) for request in placed]
        try:
            return await until_gone(http, asyncio.gather(*tasks))
        finally:
            for task in tasks:
                task.cancel()

    async def stream(self, http: Request, origin: Origin, request: CompletionRequest) -> Stream:
        """Start answering a request; raises what goes wrong before there is any text."""
        request = self._placed(request, origin)
        tracked = self._begin(origin, request)
        items = self._stream(origin, request, tracked)
        stream = Stream(*_head(tracked), self.service.model, items)
        await until_gone(http, stream.begin())
        return stream

    def close(self) -> None:
        """End what runs without a client."""
        self.warm_ups.close()
        self.report_page.close()
        self._sessions.close()

    async def _complete(self, origin: Origin, request: CompletionRequest) -> CompletionResult:
        tracked = self._begin(origin, request)
        with self.admission.admit(origin.user, request.n), self.reports.following(tracked):
            completion = await self.service.complete(request)
            return self._finish(origin, tracked, completion)

    async def _stream(
        self, origin: Origin, request: CompletionRequest, tracked: TrackedRequest
    ) -> AsyncGenerator[TextDelta | CompletionResult]:
        with self.admission.admit(origin.user, request.n), self.reports.following(tracked):
            items = self.service.stream(request)
            async with aclosing(items), aclosing(grouped(items, self._group_s)) as groups:
                async for item in groups:
                    if isinstance(item, Completion):
                        yield self._finish(origin, tracked, item)
                    else:
                        yield item

    def _placed(self, request: CompletionRequest, origin: Origin) -> CompletionRequest:
        """The request with where it comes from, and the only workspaces that its token may use."""
        return replace(
            request,
            path=origin.path,
            workspace=origin.workspace,
            user=origin.user,
            may_use=origin.may_use,
            trigger=origin.trigger,
            as_is=origin.as_is and request.raw,
            arm=self._arm_of(origin.user),
        )

    def _begin(self, origin: Origin, request: CompletionRequest) -> TrackedRequest:
        path = origin.path
        return self.reports.begin(
            session=self._sessions.of(origin),
            uri=path.as_uri() if path is not None and path.is_absolute() else "",
            workspace=origin.workspace,
            places=origin.places,
            language=request.language or "",
            trigger=origin.trigger,
            arm=request.arm,
        )

    def _finish(
        self, origin: Origin, tracked: TrackedRequest, completion: Completion
    ) -> CompletionResult:
        """Report a completion; its choices are named after the reply, by their index."""
        reply_id, created = _head(tracked)
        suggestions = [
            Suggestion(text=choice.text, id=suggestion_id(reply_id, rank), rank=rank)
            for rank, choice in enumerate(completion.choices)
            if choice.text
        ]
        self.reports.finish(tracked, completion, suggestions, owner=origin.access.user)
        return CompletionResult(reply_id, created, completion, tracked.opportunity.arm)


def _head(tracked: TrackedRequest) -> tuple[str, int]:
    """A reply's id, and when it was asked for, which are known from the start."""
    return f"cmpl-{tracked.opportunity.id}", tracked.came_ms // 1000


def suggestion_id(reply_id: str, index: int) -> str:
    """What a reply's choice is called in the telemetry."""
    return f"{reply_id}-{index}"


async def until_gone(request: Request, work: Awaitable[T]) -> T:
    """The result of `work`, which is cancelled if the client closes the connection first.

    A handler that does not listen runs to its end for nobody. Call it once the body has been read.

    Raises:
        ClientGoneError: the client went away.
    """
    task = asyncio.ensure_future(work)
    gone = asyncio.ensure_future(_gone(request))
    try:
        await asyncio.wait({task, gone}, return_when=asyncio.FIRST_COMPLETED)
        if task.done():
            return task.result()
        raise ClientGoneError
    finally:
        gone.cancel()
        task.cancel()
        await asyncio.gather(gone, task, return_exceptions=True)


async def _gone(request: Request) -> None:
    while (await request.receive())["type"] != "http.disconnect":
        pass
