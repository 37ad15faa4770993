"""A service that is there at once, while its model still loads; and one that rests when unused."""

import asyncio
import logging
import threading
import time
from collections.abc import AsyncGenerator, AsyncIterator, Callable
from concurrent.futures import Future
from contextlib import aclosing, asynccontextmanager
from dataclasses import replace
from typing import Protocol

from completer.drafting.memory import release_memory
from completer.errors import CompleterError, OverloadedError
from completer.interface import CompletionService, ServiceInfo, Workspaces
from completer.place import Place
from completer.request import Completion, CompletionRequest, TextDelta

log = logging.getLogger(__name__)
LOADING_S = 60.0  # a request without a deadline of its own waits so long for the model
RETRY_AFTER_S = 5.0


class LoadedService(CompletionService, Protocol):
    """What a `DeferredService` makes: it holds threads and memory until it is closed."""

    def release(self) -> Workspaces:
        """Let go of the model; the workspaces stay open, for the service that comes next."""
        ...

    def close(self) -> None:
        """Stop everything."""
        ...


class Told(Protocol):
    """What hears of folders and documents: a service, or what is left of one."""

    def open_workspace(self, root: Place) -> None:
        """See `CompletionService`."""
        ...

    def close_workspace(self, root: Place) -> None:
        """See `CompletionService`."""
        ...

    def document_changed(self, path: Place, text: str | None) -> None:
        """See `CompletionService`."""
        ...


Make = Callable[[Workspaces | None], LoadedService]
"""Makes the service, over the workspaces that an earlier one has left open if there are any."""


class DeferredService:
    """Implements `CompletionService`: requests wait until `make` has made the real one.

    After `idle_s` seconds without a request (0: never) the model goes and comes back with the next
    one; workspaces and their indexes stay. What is told while there is no model is passed on in
    order. An error of the first `make` is raised by every request, a later one by those who wait.
    `free` gives the memory of what was dropped back to the system.
    """

    def __init__(
        self,
        make: Make,
        loading: ServiceInfo,
        *,
        idle_s: float = 0.0,
        free: Callable[[], None] = release_memory,
    ) -> None:
        self._make = make
        self._info = replace(loading, state="loading")
        self._wanted = True
        self._idle_s = idle_s
        self._free = free
        self._service: Future[LoadedService] = Future()
        self._workspaces: Workspaces | None = None
        self._told: list[Callable[[Told], None]] = []
        self._requests = 0
        self._last_request = time.monotonic()
        self._closed = False
        self._changed = threading.Condition()
        self._thread = threading.Thread(target=self._run, name="load model", daemon=True)
        self._thread.start()

    @property
    def ready(self) -> bool:
        """Whether the model is loaded."""
        return self._loaded_now() is not None

    @property
    def error(self) -> BaseException | None:
        """Why the model could not be loaded, once that is known."""
        return self._service.exception() if self._service.done() else None

    @property
    def model(self) -> str:
        """See `CompletionService`."""
        return (self._loaded_now() or self._info).model

    @property
    def workspaces(self) -> tuple[Place, ...]:
        """See `CompletionService`."""
        workspaces = self._workspaces
        if (service := self._loaded_now()) is not None:
            return service.workspaces
        return self._info.workspaces if workspaces is None else workspaces.roots

    async def complete(self, request: CompletionRequest) -> Completion:
        """See `CompletionService`. Raises `OverloadedError` if the model is not there in time."""
        async with self._loaded(request) as service:
            return await service.complete(request)

    async def stream(self, request: CompletionRequest) -> AsyncGenerator[TextDelta | Completion]:
        """See `CompletionService`. Raises `OverloadedError` if the model is not there in time."""
        async with self._loaded(request) as service, aclosing(service.stream(request)) as parts:
            async for part in parts:
                yield part

    def open_workspace(self, root: Place) -> None:
        """See `CompletionService`."""
        self._tell(lambda told: told.open_workspace(root))

    def close_workspace(self, root: Place) -> None:
        """See `CompletionService`."""
        self._tell(lambda told: told.close_workspace(root))

    def document_changed(self, path: Place, text: str | None) -> None:
        """See `CompletionService`."""
        self._tell(lambda told: told.document_changed(path, text))

    def accepted(self, completion_id: str, text: str) -> None:
        """See `CompletionService`; nothing is learned from it while there is no model."""
        if (service := self._loaded_now()) is not None:
            service.accepted(completion_id, text)

    def info(self) -> ServiceInfo:
        """See `CompletionService`; without a model, what is known."""
        workspaces = self._workspaces
        if (service := self._loaded_now()) is not None:
            return service.info()
        if workspaces is None:
            return self._info
        memory = {**self._info.memory_bytes, "draft_indexes": workspaces.index_bytes}
        return replace(
            self._info,
            workspaces=workspaces.roots,
            memory_bytes=memory,
            health=workspaces.health,
        )

    def close(self) -> None:
        """Wait for the loading to end and close what there is."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()
        self._thread.join()
        if self.ready:
            self._service.result().close()
        elif self._workspaces is not None:
            self._workspaces.close()

    def _loaded_now(self) -> LoadedService | None:
        """The service, unless it has still to be made."""
        service = self._service
        return service.result() if service.done() and service.exception() is None else None

    @asynccontextmanager
    async def _loaded(self, request: CompletionRequest) -> AsyncIterator[LoadedService]:
        """Have the model loaded and keep it while it is used."""
        with self._changed:
            self._requests += 1
            self._wanted = True
            self._changed.notify_all()
            service = self._service
        try:
            yield await _in_time(service, request.deadline_ms)
        finally:
            with self._changed:
                self._requests -= 1
                self._last_request = time.monotonic()

    def _tell(self, message: Callable[[Told], None]) -> None:
        with self._changed:
            told = self._service.result() if self.ready else self._workspaces
            if told is None:
                self._told.append(message)
                return
        message(told)

    def _run(self) -> None:
        """Load, rest, load again: the life of the thread that does all of it."""
        while self._wait_until_wanted():
            if self._load():
                idle = self._take_when_idle()
                if idle is None:
                    return
                self._release(idle)
                del idle
                self._free()
            elif self._workspaces is None:
                return

    def _wait_until_wanted(self) -> bool:
        """Wait for a request; false when there will be none."""
        with self._changed:
            self._changed.wait_for(lambda: self._wanted or self._closed)
            return not self._closed

    def _take_when_idle(self) -> LoadedService | None:
        """Wait until nobody has asked for long enough; from then on requests wait for the next."""
        with self._changed:
            while self._idle_s and not self._closed:
                due = self._last_request + self._idle_s - time.monotonic()
                if due <= 0 and not self._requests:
                    service, self._service = self._service.result(), Future()
                    self._wanted = False
                    return service
                self._changed.wait(max(due, self._idle_s / 10))
            return None

    def _load(self) -> bool:
        """Make the service; say whether that went well."""
        with self._changed:
            self._wanted = False
            self._info = replace(self._info, state="loading")
        try:
            service = self._make(self._workspaces)
        except Exception as error:
            log.exception("the model could not be loaded")
            self._fail(error)
            return False

        def take_over() -> None:
            self._last_request = time.monotonic()
            self._workspaces = None
            self._service.set_result(service)

        self._pass_on(service, take_over)
        return True

    def _fail(self, error: Exception) -> None:
        """Tell all who wait; where there was a model before, the next request tries again."""
        with self._changed:
            failed = self._service
            if self._workspaces is None:
                self._info = replace(self._info, state="failed")
            else:
                self._info = replace(self._info, state="unloaded")
                self._service = Future()
        failed.set_exception(error)

    def _release(self, service: LoadedService) -> None:
        """Let the model go, which nobody uses any more."""
        gone = dict.fromkeys(service.info().memory_bytes, 0)
        self._info = replace(service.info(), state="unloaded", memory_bytes=gone)
        workspaces = service.release()

        def take_over() -> None:
            self._workspaces = workspaces

        self._pass_on(workspaces, take_over)
        log.info("the model is unloaded after %.0f s without a request", self._idle_s)

    def _pass_on(self, told: Told, take_over: Callable[[], None]) -> None:
        """Pass on what has been said, and from then on have it said to `told` itself.

        No event loop waits meanwhile: to open a workspace takes time.
        """
        while True:
            with self._changed:
                messages, self._told = self._told, []
                if not messages:
                    take_over()
                    return
            for message in messages:
                try:
                    message(told)
                except CompleterError as error:  # who said it has gone on long ago
                    log.warning("%s", error)


async def _in_time(service: Future[LoadedService], deadline_ms: float | None) -> LoadedService:
    """Wait for the model for as long as a request can; raise `OverloadedError` after that."""
    if service.done():
        return service.result()
    patience_s = LOADING_S if deadline_ms is None else deadline_ms / 1000
    waiting = asyncio.shield(asyncio.wrap_future(service))
    try:
        return await asyncio.wait_for(waiting, patience_s)
    except TimeoutError:
        raise OverloadedError(
            "The model is still being loaded.",
            retry_after_s=RETRY_AFTER_S,
            hint="Ask again in a few seconds.",
        ) from None
