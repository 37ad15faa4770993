"""What all dialects share: read a body, tell its origin, ask the service, reply or stream.

A dialect is a kind of body: what it asks for, its reply, and the chunks of its streams.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Awaitable, Callable, Sequence
from typing import Any, ClassVar

from starlette.requests import Request
from starlette.responses import Response

from completer.http.body import Body, read_json
from completer.http.handler import CompletionHandler
from completer.http.origin import Origin, origin_of
from completer.http.streaming import CompletionResult, Stream, event_stream
from completer.place import Place
from completer.request import CompletionRequest, TextDelta


class Dialect(Body, ABC):
    """The body of a request for completions."""

    def origin(self, http: Request, workspaces: Sequence[Place]) -> Origin:
        """Where it comes from; for dialects whose body says nothing of that."""
        return origin_of(http, workspaces)

    @property
    def fills_caches_only(self) -> bool:
        """Whether no text is wanted yet: the reply is that to no results."""
        return False

    @abstractmethod
    def requests(self) -> list[CompletionRequest]:
        """What the body asks for, all at once; `CompletionHandler` adds where it comes from."""

    @abstractmethod
    def reply(self, results: Sequence[CompletionResult]) -> Response:
        """The HTTP response with the results of all requests."""


class StreamingDialect(Dialect):
    """One in which a reply may be streamed: that to the first request."""

    end_of_stream: ClassVar[str] = ""
    stream: bool = False

    @abstractmethod
    def chunks(self, stream: Stream, item: TextDelta | CompletionResult) -> list[dict[str, Any]]:
        """What is sent for an item of a stream, the last of which is the whole result."""


async def respond(http: Request, body: Dialect) -> Response:
    """Answer a request for completions."""
    handler: CompletionHandler = http.app.state.handler
    origin = body.origin(http, handler.service.workspaces)
    requests = body.requests()
    if body.fills_caches_only:
        handler.warm_up(origin, requests[0])
        return body.reply([])
    if isinstance(body, StreamingDialect) and body.stream:
        stream = await handler.stream(http, origin, requests[0])
        return event_stream(stream, lambda item: body.chunks(stream, item), body.end_of_stream)
    return body.reply(await handler.complete(http, origin, requests))


def endpoint(kind: type[Dialect]) -> Callable[[Request], Awaitable[Response]]:
    """A handler of requests in one dialect."""

    async def handle(http: Request) -> Response:
        return await respond(http, kind.model_validate(await read_json(http)))

    return handle
