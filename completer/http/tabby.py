"""Tabby's API: completions by segments, events, health and settings, for its editor plugins."""

from __future__ import annotations

import os
import platform
from collections.abc import Sequence
from typing import Annotated

from pydantic import Field
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from completer.http.body import Body, Seed, Temperature, sampling
from completer.http.dialect import Dialect
from completer.http.health import status
from completer.http.origin import Origin, origin_of
from completer.http.replies import completer_field
from completer.http.streaming import CompletionResult
from completer.place import Place
from completer.request import CompletionRequest, Snippet


class Declaration(Body):
    """A piece of another file."""

    filepath: str
    body: str


Declarations = Annotated[list[Declaration], Field(max_length=256)]


class Segments(Body):
    """The text around the caret and what the client found elsewhere."""

    prefix: str
    suffix: str | None = None
    filepath: str | None = None
    declarations: Declarations | None = None
    relevant_snippets_from_changed_files: Declarations | None = None
    relevant_snippets_from_recently_opened_files: Declarations | None = None

    def snippets(self) -> tuple[Snippet, ...]:
        """All that the client found, the declarations first."""
        found = [
            *(self.declarations or []),
            *(self.relevant_snippets_from_changed_files or []),
            *(self.relevant_snippets_from_recently_opened_files or []),
        ]
        return tuple(Snippet(path=piece.filepath, text=piece.body) for piece in found)


class TabbyBody(Dialect):
    """The body of Tabby's completion request."""

    segments: Segments
    language: Annotated[str, Field(max_length=64)] | None = None
    user: Annotated[str, Field(max_length=256)] | None = None
    temperature: Temperature | None = None
    seed: Seed = None

    def origin(self, http: Request, workspaces: Sequence[Place]) -> Origin:
        """The body names the file and the user."""
        return origin_of(http, workspaces, path=self.segments.filepath, user=self.user or "")

    def requests(self) -> list[CompletionRequest]:
        """Return one request, for ghost text."""
        request = CompletionRequest(
            prefix=self.segments.prefix,
            suffix=self.segments.suffix or "",
            language=self.language,
            polish=True,
            snippets=self.segments.snippets(),
            sampling=sampling(self.temperature, None, self.seed),
        )
        return [request]

    def reply(self, results: Sequence[CompletionResult]) -> Response:
        """The id, by which events name the completion, and its texts."""
        (result,) = results
        choices = [
            {"index": index, "text": choice.text}
            for index, choice in enumerate(result.completion.choices)
        ]
        reply = {"id": result.id, "choices": choices, "completer": completer_field(result)}
        return JSONResponse(reply)


async def health(http: Request) -> Response:
    """`GET` or `POST /v1/health`."""
    info = http.app.state.handler.service.info()
    version = {"build_date": "", "build_timestamp": "", "git_sha": "", "git_describe": "completer"}
    return JSONResponse(
        {
            "model": info.model,
            "device": info.device,
            "arch": platform.machine(),
            "cpu_info": platform.processor(),
            "cpu_count": os.cpu_count(),
            "cuda_devices": [],
            "version": version,
        },
        status(info),
    )


async def server_setting(http: Request) -> Response:
    """`GET /v1beta/server_setting`: events are wanted."""
    return JSONResponse({"disable_client_side_telemetry": False})
