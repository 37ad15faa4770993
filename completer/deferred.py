"""A service that is there at once, while its model still loads in the background."""

import asyncio
import logging
import threading
from collections.abc import AsyncGenerator, Callable
from concurrent.futures import Future
from contextlib import aclosing
from pathlib import Path
from typing import Protocol

from completer.interface import CompletionService, ServiceInfo
from completer.request import Completion, CompletionRequest, TextDelta

log = logging.getLogger(__name__)


class ClosableService(CompletionService, Protocol):
    """What a `DeferredService` makes: it holds threads and memory until it is closed."""

    def close(self) -> None:
        """Stop everything."""
        ...


class DeferredService:
    """Implements `CompletionService`: requests wait until `make` has made the real one.

    What is told meanwhile (workspaces, documents) is passed on in order when it is ready. An error
    of `make` is raised by every request.
    """

    def __init__(self, make: Callable[[], ClosableService], loading: ServiceInfo) -> None:
        self._make = make
        self._loading = loading
        self._service: Future[ClosableService] = Future()
        self._told: list[Callable[[ClosableService], None]] = []
        self._lock = threading.Lock()
        self._thread = threading.Thread(target=self._load, name="load model", daemon=True)
        self._thread.start()

    @property
    def ready(self) -> bool:
        """Whether the model has been loaded."""
        return self._service.done() and self._service.exception() is None

    @property
    def error(self) -> BaseException | None:
        """Why the model could not be loaded, once that is known."""
        return self._service.exception() if self._service.done() else None

    async def complete(self, request: CompletionRequest) -> Completion:
        """See `CompletionService`."""
        return await (await self._loaded()).complete(request)

    async def stream(self, request: CompletionRequest) -> AsyncGenerator[TextDelta | Completion]:
        """See `CompletionService`."""
        service = await self._loaded()
        async with aclosing(service.stream(request)) as parts:
            async for part in parts:
                yield part

    def open_workspace(self, root: Path) -> None:
        """See `CompletionService`."""
        self._tell(lambda service: service.open_workspace(root))

    def document_changed(self, path: Path, text: str | None) -> None:
        """See `CompletionService`."""
        self._tell(lambda service: service.document_changed(path, text))

    def accepted(self, completion_id: str, text: str) -> None:
        """See `CompletionService`."""
        self._tell(lambda service: service.accepted(completion_id, text))

    def info(self) -> ServiceInfo:
        """See `CompletionService`; while loading, what is known before."""
        return self._service.result().info() if self.ready else self._loading

    def close(self) -> None:
        """Wait for the loading to end and close what it made."""
        self._thread.join()
        if self.ready:
            self._service.result().close()

    async def _loaded(self) -> ClosableService:
        return await asyncio.shield(asyncio.wrap_future(self._service))

    def _tell(self, message: Callable[[ClosableService], None]) -> None:
        with self._lock:
            if not self._service.done():
                self._told.append(message)
                return
        if self.ready:
            message(self._service.result())

    def _load(self) -> None:
        try:
            service = self._make()
        except Exception as error:
            log.exception("the model could not be loaded")
            self._service.set_exception(error)
            return
        with self._lock:
            for message in self._told:
                message(service)
            self._told.clear()
            self._service.set_result(service)
