"""Stand-ins for what front doors depend on: a scripted service, a recorder that remembers."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeVar

from completer.interface import ServiceInfo, State, WorkspaceHealth
from completer.next_edit.edits import NextEdit, NextEditRequest
from completer.place import Place
from completer.request import (
    Choice,
    Completion,
    CompletionRequest,
    DecodeStats,
    FinishReason,
    TextDelta,
)
from telemetry.events import Event, SessionStarted
from telemetry.recorder import NullRecorder, Receipt, settled

Kind = TypeVar("Kind")

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
    raw_prompt: str = ""
    disabled: str = ""
    health: dict[Place, WorkspaceHealth] = field(default_factory=dict)
    graphs_given_up: str = ""
    failure: str = ""
    requests: list[CompletionRequest] = field(default_factory=list)
    opened: list[Path] = field(default_factory=list)
    closed_workspaces: list[Path] = field(default_factory=list)
    documents: dict[Path, str | None] = field(default_factory=dict)
    accepts: list[tuple[str, str]] = field(default_factory=list)
    edits: tuple[NextEdit, ...] = ()
    asked_for_edits: list[NextEditRequest] = field(default_factory=list)
    running: int = 0
    cancelled: int = 0
    model: str = MODEL

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

    def document_changed(self, path: Path, text: str | None, workspace: Path | None = None) -> None:
        """See `CompletionService`."""
        self.documents[path] = text

    async def next_edits(self, request: NextEditRequest) -> tuple[NextEdit, ...]:
        """See `CompletionService`."""
        self.asked_for_edits.append(request)
        return self.edits

    def accepted(self, completion_id: str, text: str) -> None:
        """See `CompletionService`."""
        self.accepts.append((completion_id, text))

    def info(self) -> ServiceInfo:
        """See `CompletionService`."""
        return ServiceInfo(
            model=self.model,
            device="cpu",
            dtype="float32",
            context_tokens=2048,
            workspaces=self.workspaces,
            memory_bytes=self.memory_bytes,
            state=self.state,
            health=self.health,
            graphs_given_up=self.graphs_given_up,
            failure=self.failure,
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
            raw_prompt=self.raw_prompt,
            disabled=self.disabled,
        )


class FakeRecorder(NullRecorder):
    """Remembers every event; `receipt` is what they are answered with."""

    records = True

    def __init__(self, receipt: Receipt | None = None) -> None:
        self.events: list[Event] = []
        self.receipt = receipt or settled(True)

    def record(self, event: Event) -> Receipt:
        """See `Recorder`."""
        self.events.append(event)
        return self.receipt

    def of(self, kind: type[Kind]) -> list[Kind]:
        """The events of one kind."""
        return [event for event in self.events if isinstance(event, kind)]

    @property
    def sessions(self) -> list[str]:
        """The ids of the sessions that were started."""
        return [event.id for event in self.of(SessionStarted)]
