"""A reply as it comes: text in groups, then the whole result, as server-sent events."""

from __future__ import annotations

import json
import logging
import time
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Iterable
from contextlib import aclosing
from dataclasses import dataclass
from typing import Any

from sse_starlette import EventSourceResponse

from completer.http.errors import describe
from completer.request import Completion, TextDelta

logger = logging.getLogger(__name__)

DONE = "[DONE]"


@dataclass(frozen=True, slots=True)
class CompletionResult:
    """A finished completion, with its reply's id and time of request (seconds since the epoch).

    `arm` is the experiment's that it was made in, if any.
    """

    id: str
    created: int
    completion: Completion
    arm: str = ""


class Stream:
    """A reply as it comes: text deltas, then the result. Its id is known from the start."""

    def __init__(
        self,
        reply_id: str,
        created: int,
        model: str,
        items: AsyncGenerator[TextDelta | CompletionResult],
    ) -> None:
        self.id = reply_id
        self.created = created
        self.model = model
        self._items = items
        self._first: TextDelta | CompletionResult | None = None

    async def begin(self) -> None:
        """Wait for the first item, so that what fails before it can still get a status."""
        self._first = await anext(self._items)

    def __aiter__(self) -> Stream:
        return self

    async def __anext__(self) -> TextDelta | CompletionResult:
        if self._first is not None:
            first, self._first = self._first, None
            return first
        return await anext(self._items)

    async def aclose(self) -> None:
        """Stop the decoding, if it has not ended."""
        await self._items.aclose()


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


def event_stream(
    stream: Stream,
    chunks: Callable[[TextDelta | CompletionResult], Iterable[dict[str, Any]]],
    end: str = "",
) -> EventSourceResponse:
    """Server-sent events: the `chunks` of every item, and `end` as the last; so is an error."""

    async def lines() -> AsyncGenerator[dict[str, str]]:
        async with aclosing(stream):
            try:
                async for item in stream:
                    for chunk in chunks(item):
                        yield {"data": json.dumps(chunk, separators=(",", ":"))}
            except Exception as error:  # the status has been sent already
                logger.warning("a stream failed", exc_info=True)
                yield {"data": bytes(describe(error).body).decode()}
            if end:
                yield {"data": end}

    return EventSourceResponse(lines(), sep="\n")
