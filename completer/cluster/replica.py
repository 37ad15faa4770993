"""A replica: an engine in this process, which the front door asks by calling methods.

Ray calls nothing here but these methods; errors that were made on purpose come back as answers.
"""

from __future__ import annotations

import asyncio
import logging
import os
from collections.abc import AsyncGenerator, Callable
from contextlib import aclosing
from importlib.metadata import version
from typing import Protocol

from completer.cluster.status import ReplicaStatus
from completer.engine_process.failures import failure
from completer.engine_process.messages import Failed
from completer.interface import CompletionService
from completer.next_edit.edits import NextEdit, NextEditRequest
from completer.place import Place
from completer.request import Completion, CompletionRequest, TextDelta
from completer.setting_kinds import APP
from completer.settings import Settings

log = logging.getLogger(__name__)
READS_WITHIN_S = 60.0  # a workspace; requests are answered without its code after that


class OwnService(CompletionService, Protocol):
    """A service in this process."""

    def wait_until_loaded(self) -> None:
        """Wait until the model is there; raises why it cannot be loaded."""
        ...

    def wait_until_indexed(self, root: Place, timeout_s: float) -> bool:
        """Wait until the code of an open workspace can be used; say whether it can."""
        ...

    def close(self) -> None:
        """Stop the model and everything that watches files."""
        ...


Start = Callable[[Settings], OwnService]


def start_engine(settings: Settings) -> OwnService:
    """Start the engine of `completer serve` in this process, before torch is imported.

    Ray has set the number of threads to the processors that a replica claims, next to none; the
    engine measures how many are fastest, and keeps that for `completer serve`, too.
    """
    from completer.cli.libraries import prepare_libraries

    os.environ.pop("OMP_NUM_THREADS", None)
    prepare_libraries()
    from completer.cli.wiring import start_service

    return start_service(settings)


class Replica:
    """Answers with the service that `start` makes: once its model is there, and code was read."""

    def __init__(self, settings: Settings, start: Start) -> None:
        self._running = 0
        self._service = start(settings)
        self._service.wait_until_loaded()
        for root in self._service.workspaces:
            self._service.wait_until_indexed(root, READS_WITHIN_S)

    async def complete(self, request: CompletionRequest) -> Completion | Failed:
        """See `CompletionService`."""
        self._running += 1
        try:
            return await self._service.complete(request)
        except Exception as error:  # noqa: BLE001  the front door raises it
            return _told(error)
        finally:
            self._running -= 1

    async def stream(
        self, request: CompletionRequest
    ) -> AsyncGenerator[TextDelta | Completion | Failed]:
        """See `CompletionService`."""
        self._running += 1
        try:
            async with aclosing(self._service.stream(request)) as parts:
                async for part in parts:
                    yield part
        except Exception as error:  # noqa: BLE001  the front door raises it
            yield _told(error)
        finally:
            self._running -= 1

    async def next_edits(self, request: NextEditRequest) -> tuple[NextEdit, ...] | Failed:
        """See `CompletionService`."""
        try:
            return await self._service.next_edits(request)
        except Exception as error:  # noqa: BLE001  the front door raises it
            return _told(error)

    async def accepted(self, completion_id: str, text: str) -> None:
        """See `CompletionService`."""
        self._service.accepted(completion_id, text)

    async def status(self) -> ReplicaStatus:
        """Tell how this replica does."""
        info = await asyncio.to_thread(self._service.info)
        return ReplicaStatus(
            pid=os.getpid(), version=version(APP), running=self._running, info=info
        )

    def __del__(self) -> None:
        """End; Serve calls this once what runs has been answered."""
        if (service := getattr(self, "_service", None)) is not None:
            service.close()


def _told(error: Exception) -> Failed:
    if not hasattr(error, "hint"):  # what was not made on purpose
        log.error("a request failed", exc_info=error)
    return failure(0, error)
