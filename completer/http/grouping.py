"""Gathering streamed text, so that its timing says nothing about how it was made."""

from __future__ import annotations

import time
from collections.abc import AsyncGenerator, AsyncIterator

from completer.request import Completion, TextDelta


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
