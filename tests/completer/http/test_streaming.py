"""Grouped streams."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator

from completer.http.streaming import grouped
from completer.request import Completion, CompletionRequest, TextDelta
from tests.fakes import FakeService

REQUEST = CompletionRequest(prefix="a")


async def deltas(count: int, delay_s: float) -> AsyncIterator[TextDelta | Completion]:
    for number in range(count):
        await asyncio.sleep(delay_s)
        yield TextDelta(0, str(number))
    async for item in FakeService(reply=lambda request: "").stream(REQUEST):
        yield item


async def test_grouped_text_comes_in_fewer_pieces_and_is_the_same():
    started = time.monotonic()
    items = [item async for item in grouped(deltas(10, 0.01), 0.05)]
    *pieces, last = items
    assert isinstance(last, Completion)
    assert "".join(piece.text for piece in pieces if isinstance(piece, TextDelta)) == "0123456789"
    assert 2 <= len(pieces) <= 1 + (time.monotonic() - started) / 0.05 + 1


async def test_ungrouped_text_comes_as_it_is():
    items = [item async for item in grouped(deltas(3, 0), 0)]
    assert len(items) == 4
