"""Stand-ins for what front doors depend on: a scripted service, a recorder that remembers."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from completer.interface import ServiceInfo, State, WorkspaceHealth
from completer.place import Place
from completer.request import (
    Choice,
    Completion,
    CompletionRequest,
    DecodeStats,
    FinishReason,
    TextDelta,
)
from telemetry.events import Opportunity, Suggestion
from telemetry.recorder import NullRecorder, Receipt

MODEL = "fake-fim-1b"


@dataclass
class FakeService:
    """Answers with `reply(request)` after `delay_s`, in pieces of four characters when streaming.

    `running` counts requests that are being decoded, `cancelled` those that were given up.
    """

    reply: Callable[[CompletionRequest], str] = lambda request: "fake completion"
    delay_s: float = 0.0
    finish_reason: FinishReason = "stop"
    error: Exception | None = None
    workspaces: tuple[Place, ...] = ()
    memory_bytes: dict[str, int] = field(default_factory=dict)
    state: State = "ready"
    cached: bool = False
    health: dict[Place, WorkspaceHealth] = field(default_factory=dict)
    graphs_given_up: str = ""
    requests: list[CompletionRequest] = field(default_factory=list)
    opened: list[Path] = field(default_factory=list)
    closed_workspaces: list[Path] = field(default_factory=list)
    documents: dict[Path, str | None] = field(default_factory=dict)
    accepts: list[tuple[str, str]] = field(default_factory=list)
    running: int = 0
    cancelled: int = 0

    async def complete(self, request: CompletionRequest) -> Completion:
        """See `CompletionService`."""
        text = self._start(request)
        try:
            await asyncio.sleep(self.delay_s)
        except asyncio.CancelledError:
            self.cancelled += 1
            raise
        finally:
            self.running -= 1
        return self._completion(request, text)

    async def stream(self, request: CompletionRequest) -> AsyncGenerator[TextDelta | Completion]:
        """See `CompletionService`."""
        text = self._start(request)
        pieces = [text[start : start + 4] for start in range(0, len(text), 4)]
        finished = False
        try:
            for piece in pieces:
                await asyncio.sleep(self.delay_s / len(pieces))
                for index in range(request.n):
                    yield TextDelta(index, piece)
            finished = True
        finally:
            self.running -= 1
            self.cancelled += not finished
        yield self._completion(request, text)

    def open_workspace(self, root: Path) -> None:
        """See `CompletionService`."""
        self.opened.append(root)

    def close_workspace(self, root: Path) -> None:
        """See `CompletionService`."""
        self.closed_workspaces.append(root)

    def document_changed(self, path: Path, text: str | None) -> None:
        """See `CompletionService`."""
        self.documents[path] = text

    def accepted(self, completion_id: str, text: str) -> None:
        """See `CompletionService`."""
        self.accepts.append((completion_id, text))

    def info(self) -> ServiceInfo:
        """See `CompletionService`."""
        return ServiceInfo(
            model=MODEL,
            device="cpu",
            dtype="float32",
            context_tokens=2048,
            workspaces=self.workspaces,
            memory_bytes=self.memory_bytes,
            state=self.state,
            health=self.health,
            graphs_given_up=self.graphs_given_up,
        )

    def _start(self, request: CompletionRequest) -> str:
        self.requests.append(request)
        if self.error is not None:
            raise self.error
        self.running += 1
        return self.reply(request)

    def _completion(self, request: CompletionRequest, text: str) -> Completion:
        tokens = text.split()
        stats = DecodeStats(
            prompt_tokens=len(request.prefix.split()) + len(request.suffix.split()),
            generated_tokens=len(tokens) * request.n,
            steps=len(tokens),
            prefill_ms=2.0,
            decode_ms=8.0,
            total_ms=10.0,
            cached=self.cached,
        )
        choice = Choice(text=text, finish_reason=self.finish_reason)
        return Completion(
            id=f"cmpl-{len(self.requests)}",
            model=MODEL,
            choices=(choice,) * request.n,
            stats=stats,
        )


class FakeRecorder(NullRecorder):
    """Remembers every call as (method, arguments); `receipt` is what events are answered with."""

    def __init__(self, receipt: Receipt | None = None) -> None:
        self.calls: list[tuple[Any, ...]] = []
        self.receipt = receipt or super().shown("")

    @property
    def records(self) -> bool:
        """See `Recorder`."""
        return True

    def session_started(self, info: Any) -> str:
        """See `Recorder`."""
        self.calls.append(("session_started", info))
        return f"session-{len(self.of('session_started'))}"

    def session_ended(self, session: str) -> None:
        """See `Recorder`."""
        self.calls.append(("session_ended", session))

    def opportunity(self, opportunity: Opportunity) -> None:
        """See `Recorder`."""
        self.calls.append(("opportunity", opportunity))

    def returned(self, opportunity_id: str, suggestions: Sequence[Suggestion]) -> None:
        """See `Recorder`."""
        self.calls.append(("returned", opportunity_id, list(suggestions)))

    def shown(self, suggestion_id: str, **details: Any) -> Receipt:
        """See `Recorder`."""
        self.calls.append(("shown", suggestion_id))
        return self.receipt

    def hidden(self, suggestion_id: str, reason: str, **details: Any) -> None:
        """See `Recorder`."""
        self.calls.append(("hidden", suggestion_id, reason, details))

    def cursor_moved(self, uri: str) -> None:
        """See `Recorder`."""
        self.calls.append(("cursor_moved", uri))

    def accepted(
        self, suggestion_id: str, kind: str = "full", *, length: int | None = None, **details: Any
    ) -> Receipt:
        """See `Recorder`."""
        self.calls.append(("accepted", suggestion_id, kind, length))
        return self.receipt

    def document_opened(self, session: str, uri: str, version: int, **details: Any) -> None:
        """See `Recorder`."""
        self.calls.append(("document_opened", session, uri, version, details))

    def document_changed(self, uri: str, version: int, edits: Any, **details: Any) -> None:
        """See `Recorder`."""
        self.calls.append(("document_changed", uri, version, list(edits)))

    def document_reset(self, uri: str, version: int, text: str) -> None:
        """See `Recorder`."""
        self.calls.append(("document_reset", uri, version, text))

    def document_closed(self, uri: str) -> None:
        """See `Recorder`."""
        self.calls.append(("document_closed", uri))

    def document_renamed(self, uri: str, new_uri: str) -> None:
        """See `Recorder`."""
        self.calls.append(("document_renamed", uri, new_uri))

    def document_deleted(self, uri: str) -> None:
        """See `Recorder`."""
        self.calls.append(("document_deleted", uri))

    def branch_changed(self, workspace: str) -> None:
        """See `Recorder`."""
        self.calls.append(("branch_changed", workspace))

    def committed(self, session: str, workspace: str, commit: Any) -> None:
        """See `Recorder`."""
        self.calls.append(("committed", session, workspace, commit))

    def of(self, method: str) -> list[tuple[Any, ...]]:
        """The arguments of every call of one method."""
        return [call[1:] for call in self.calls if call[0] == method]
