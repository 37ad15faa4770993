"""For experiments on models: an arm with another model is answered by an engine of its own.

One process holds one model, so that engine is another process on this machine, which is found or
started when the first person of the arm asks. It is told what is open here.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import aclosing, suppress
from functools import partial
from typing import TYPE_CHECKING

from completer.engine_process.client import RemoteService
from completer.engine_process.connection import Connection
from completer.errors import WorkspaceError
from completer.interface import CompletionService, ServiceInfo
from completer.next_edit.edits import NextEdit, NextEditRequest
from completer.place import Place
from completer.request import Completion, CompletionRequest, TextDelta

if TYPE_CHECKING:
    from completer.settings import Settings


class ByModel:
    """Implements `CompletionService` by `own`, and by engines that `connect(model)` leads to."""

    def __init__(
        self, own: CompletionService, connect: Callable[[str], Awaitable[Connection]]
    ) -> None:
        self._own = own
        self._connect = connect
        self._others: dict[str, RemoteService] = {}
        self._documents: dict[Place, str] = {}

    @property
    def model(self) -> str:
        """See `CompletionService`."""
        return self._own.model

    @property
    def workspaces(self) -> tuple[Place, ...]:
        """See `CompletionService`."""
        return self._own.workspaces

    def info(self) -> ServiceInfo:
        """See `CompletionService`."""
        return self._own.info()

    async def complete(self, request: CompletionRequest) -> Completion:
        """See `CompletionService`."""
        return await self._for(request).complete(request)

    async def stream(self, request: CompletionRequest) -> AsyncGenerator[TextDelta | Completion]:
        """See `CompletionService`."""
        async with aclosing(self._for(request).stream(request)) as parts:
            async for part in parts:
                yield part

    async def next_edits(self, request: NextEditRequest) -> tuple[NextEdit, ...]:
        """See `CompletionService`."""
        return await self._own.next_edits(request)

    def open_workspace(self, root: Place) -> None:
        """See `CompletionService`."""
        for service in (self._own, *self._others.values()):
            service.open_workspace(root)

    def close_workspace(self, root: Place) -> None:
        """See `CompletionService`."""
        for service in (self._own, *self._others.values()):
            service.close_workspace(root)

    def document_changed(
        self, path: Place, text: str | None, workspace: Place | None = None
    ) -> None:
        """See `CompletionService`."""
        self._documents.pop(path, None)
        if text is not None:
            self._documents[path] = text
        for service in (self._own, *self._others.values()):
            service.document_changed(path, text, workspace)

    def accepted(self, completion_id: str, text: str) -> None:
        """See `CompletionService`: who did not make the completion does not know it."""
        for service in (self._own, *self._others.values()):
            service.accepted(completion_id, text)

    async def close(self) -> None:
        """End the connections to other engines."""
        for service in self._others.values():
            await service.close()

    def _for(self, request: CompletionRequest) -> CompletionService:
        model = request.arm.model if request.arm else ""
        if not model:
            return self._own
        if model not in self._others:
            self._others[model] = other = RemoteService(partial(self._connect, model))
            for root in self._own.workspaces:
                with suppress(WorkspaceError):  # the folder is gone
                    other.open_workspace(root)
            for path, text in self._documents.items():
                other.document_changed(path, text)
        return self._others[model]


def with_model(settings: Settings, source: str) -> Settings:
    """The settings of the engine for another model, whose layout is its own."""
    model = settings.model.model_copy(update={"source": source, "layout": None})
    return settings.model_copy(update={"model": model})


async def connect_to(settings: Settings, model: str) -> Connection:
    """Connect to the engine for another model, which is started if there is none."""
    from completer.engine_process.starting import EngineStarter

    return await EngineStarter(with_model(settings, model))()
