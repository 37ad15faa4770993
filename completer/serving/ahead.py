"""Decodes ahead: answers the request that would follow if what is shown is accepted.

Its answer goes into the result cache, where the real request finds it. One is on its way at a time;
it gives way to every request that needs the model, and what it has computed by then is still of use
to the next one, as keys and values.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from dataclasses import replace

from completer.request import Completion, CompletionRequest

log = logging.getLogger(__name__)
Answer = Callable[[CompletionRequest], Awaitable[object]]


class Ahead:
    """Has requests answered before they come. For one event loop."""

    def __init__(self) -> None:
        self._task: asyncio.Task[None] | None = None
        self._request: CompletionRequest | None = None

    def start(self, request: CompletionRequest, answer: Answer) -> None:
        """Have this answered now, instead of what is on its way; nothing if that is the same."""
        if request != self._request:
            self.give_way()
            self._request = request
            self._task = asyncio.create_task(_quietly(request, answer))

    def give_way(self) -> None:
        """Cancel the request that is being answered ahead."""
        if self._task is not None:
            self._task.cancel()
        self._task = self._request = None


async def _quietly(request: CompletionRequest, answer: Answer) -> None:
    try:
        await answer(request)
    except Exception as error:  # noqa: BLE001 (nobody asked: there is nobody to tell)
        log.info("nothing was decoded ahead: %s", error)


def once_accepted(request: CompletionRequest, completion: Completion) -> CompletionRequest | None:
    """What an editor asks when a completion was taken whole; `None` where that is not known.

    It is known only of ghost text that is the same each time: one choice, greedy.
    """
    repeatable = request.polish and request.n == 1 and request.sampling.greedy
    ended = completion.finish_reason in ("stop", "length")
    if not (repeatable and ended and completion.text):
        return None
    return replace(request, prefix=request.prefix + completion.text)
