"""Filling the caches for a request that will come: nobody waits for it, the newest one counts."""

from __future__ import annotations

import asyncio
import logging
from dataclasses import replace

from completer.errors import CompleterError
from completer.interface import CompletionService
from completer.request import CompletionRequest

logger = logging.getLogger(__name__)


class WarmUps:
    """At most one per user: a newer one cancels the older."""

    def __init__(self, service: CompletionService) -> None:
        self._service = service
        self._tasks: dict[str, asyncio.Task[None]] = {}

    def start(self, request: CompletionRequest) -> None:
        """Prefill a request's prompt in the background."""
        if (older := self._tasks.pop(request.user, None)) is not None:
            older.cancel()
        task = asyncio.create_task(self._prefill(replace(request, max_tokens=1, n=1)))
        self._tasks[request.user] = task
        task.add_done_callback(lambda done: self._forget(request.user, done))

    def close(self) -> None:
        """Cancel what is running."""
        for task in self._tasks.values():
            task.cancel()

    async def _prefill(self, request: CompletionRequest) -> None:
        try:
            await self._service.complete(request)
        except CompleterError as error:
            logger.info("nothing warmed up: %s", error)

    def _forget(self, user: str, task: asyncio.Task[None]) -> None:
        if self._tasks.get(user) is task:
            del self._tasks[user]
