"""The service for the front door, answered by replicas of the engine: one request, one call.

All requests of a person go to one replica, which has the keys and values of their prompts, for as
long as it has room; which one that is, and which is the next best, `application.py` lets Serve say.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from dataclasses import replace
from typing import Any

from completer.engine_process.failures import error_of
from completer.engine_process.messages import Failed
from completer.errors import CompleterError, OverloadedError, WorkspaceError
from completer.interface import ServiceInfo
from completer.next_edit.edits import NextEdit, NextEditRequest
from completer.place import Place
from completer.request import Completion, CompletionRequest, TextDelta

MOST_TRIES = 3
"""A request that ended so many replicas is not asked again."""
RETRY_AFTER_S = 2.0
ENDED = "The replica ended while it answered."


class ClusterService:
    """Implements `CompletionService` by calls of a deployment's `handle`.

    `info` is what can be told without asking a replica. A call raises `lost` when its replica
    ended, and `full` when too many wait for one.
    """

    def __init__(
        self,
        handle: Any,  # noqa: ANN401  Serve's, or a stand-in
        info: ServiceInfo,
        *,
        lost: type[Exception],
        full: type[Exception],
    ) -> None:
        self._handle = handle
        self._info = info
        self._lost, self._full = lost, full
        self._telling: set[asyncio.Task[None]] = set()

    @property
    def model(self) -> str:
        """See `CompletionService`."""
        return self._info.model

    @property
    def workspaces(self) -> tuple[Place, ...]:
        """See `CompletionService`: those of the settings."""
        return self._info.workspaces

    def info(self) -> ServiceInfo:
        """See `CompletionService`; `completer cluster status` tells of each replica."""
        return self._info

    async def complete(self, request: CompletionRequest) -> Completion:
        """See `CompletionService`. Asks another replica where one ended."""
        completion: Completion = await self._ask("complete", request)
        return _named(completion, request)

    async def next_edits(self, request: NextEditRequest) -> tuple[NextEdit, ...]:
        """See `CompletionService`. Asks another replica where one ended."""
        edits: tuple[NextEdit, ...] = await self._ask("next_edits", request)
        return edits

    async def stream(self, request: CompletionRequest) -> AsyncGenerator[TextDelta | Completion]:
        """See `CompletionService`. Asks another replica where one ended before there was text."""
        for last in _tries():
            begun = False
            parts = self._calling("stream", request, stream=True)
            try:
                async for part in parts:
                    part, begun = _checked(part), True
                    yield _named(part, request) if isinstance(part, Completion) else part
            except self._full as error:
                raise _overloaded() from error
            except self._lost as error:
                if begun or last:
                    raise CompleterError(ENDED) from error
            else:
                return
            finally:
                parts.cancel()

    def open_workspace(self, root: Place) -> None:
        """Raise `WorkspaceError`: what a cluster has open is in its settings."""
        raise WorkspaceError(
            "A cluster serves the workspaces of its settings.",
            hint=f"Add {root} to `workspaces`, on all machines, and run `completer cluster up`.",
        )

    def close_workspace(self, root: Place) -> None:
        """Do nothing: workspaces stay open."""

    def document_changed(
        self, path: Place, text: str | None, workspace: Place | None = None
    ) -> None:
        """Do nothing: over HTTP, each request brings its text."""

    def accepted(self, completion_id: str, text: str) -> None:
        """See `CompletionService`: tells the person's replica, which has made the completion."""
        own_id, _, session = completion_id.partition("@")
        task = asyncio.create_task(self._tell(session, own_id, text))
        self._telling.add(task)
        task.add_done_callback(self._telling.discard)

    async def _tell(self, session: str, completion_id: str, text: str) -> None:
        handle = self._handle.options(method_name="accepted", session_id=session)
        try:
            await handle.remote(completion_id, text)
        except (self._lost, self._full):  # it is learned from no more
            return

    async def _ask(self, method: str, request: CompletionRequest | NextEditRequest) -> Any:  # noqa: ANN401  what the method returns
        for last in _tries():
            response = self._calling(method, request)
            try:
                return _checked(await response)
            except asyncio.CancelledError:
                response.cancel()
                raise
            except self._full as error:
                raise _overloaded() from error
            except self._lost as error:
                if last:
                    raise CompleterError(ENDED) from error
        raise AssertionError("the last try returns or raises")

    def _calling(
        self, method: str, request: CompletionRequest | NextEditRequest, *, stream: bool = False
    ) -> Any:  # noqa: ANN401  Serve's response
        handle = self._handle.options(
            method_name=method, session_id=session_of(request), stream=stream
        )
        return handle.remote(request)


def session_of(request: CompletionRequest | NextEditRequest) -> str:
    """What has a request go where those before it went: the person, else the workspace or file."""
    return getattr(request, "user", "") or str(request.workspace or request.path or "")


def _tries() -> list[bool]:
    """Whether it is the last, for each try."""
    return [False] * (MOST_TRIES - 1) + [True]


def _checked(answer: Any) -> Any:  # noqa: ANN401  whatever a replica answers
    if isinstance(answer, Failed):
        raise error_of(answer)
    return answer


def _named(completion: Completion, request: CompletionRequest) -> Completion:
    """Have a completion's id say where it was made, in case it is accepted."""
    return replace(completion, id=f"{completion.id}@{session_of(request)}")


def _overloaded() -> OverloadedError:
    return OverloadedError("All replicas are busy.", retry_after_s=RETRY_AFTER_S)
