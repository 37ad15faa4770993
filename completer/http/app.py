"""The HTTP application: which path goes to which dialect, behind which checks."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager
from typing import Protocol

from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.middleware.cors import CORSMiddleware
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute, Route

from completer.context.git_heads import GitHeads
from completer.http import errors, events, llamacpp, mistral, next_edits, openai, tabby, tgi
from completer.http.access import Accesses
from completer.http.body import read_json
from completer.http.dialect import endpoint, respond
from completer.http.handler import CompletionHandler
from completer.http.health import report
from completer.http.metrics import MetricsMiddleware
from completer.http.options import HttpOptions
from completer.http.paths import COMPLETIONS, OF_LLAMA, MeantPath, not_found
from completer.http.security import BearerAuth, BodyLimit, HeaderLimit, HostGuard
from completer.interface import CompletionService
from completer.place import Place
from telemetry.events import BranchChanged
from telemetry.recorder import Recorder


class Door(Protocol):
    """Lets editors in beside HTTP."""

    @property
    def routes(self) -> list[BaseRoute]:
        """The routes of the application that this adds."""
        ...

    def open(self) -> AbstractAsyncContextManager[None]:
        """Be entered for as long as the application runs."""
        ...


def create_app(
    service: CompletionService,
    recorder: Recorder,
    *,
    options: HttpOptions | None = None,
    engine: Door | None = None,
    remote: Door | None = None,
) -> Starlette:
    """An application that completes with `service` and reports to `recorder`.

    Editors share it through `engine`, those on other machines through `remote`, if these are given.

    Raises `SettingsError` if the file of tokens cannot be used.
    """
    options = options or HttpOptions()
    accesses = Accesses(options)
    handler = CompletionHandler(service, recorder, options)
    routes: list[BaseRoute] = [
        Route("/health", health),
        Route("/metrics", handler.metrics.endpoint),
        Route("/report", handler.report_page.endpoint),
        Route(COMPLETIONS, completions, methods=["POST"]),
        Route("/v1/models", openai.models),
        Route("/v1/models/{id:path}", openai.model),
        Route("/v1/events", events.post_event, methods=["POST"]),
        Route("/v1/edit/completions", next_edits.post_next_edits, methods=["POST"]),
        Route("/v1/health", tabby.health, methods=["GET", "POST"]),
        Route("/v1beta/server_setting", tabby.server_setting),
        Route("/v1/fim/completions", endpoint(mistral.FimBody), methods=["POST"]),
        # DeepSeek's is OpenAI's.
        Route("/beta/completions", endpoint(openai.CompletionBody), methods=["POST"]),
        Route("/infill", endpoint(llamacpp.InfillBody), methods=["POST"]),
        Route(OF_LLAMA, endpoint(llamacpp.CompletionBody), methods=["POST"]),
        Route("/generate", endpoint(tgi.GenerateBody), methods=["POST"]),
    ]
    paths = frozenset(route.path for route in routes if isinstance(route, Route))
    doors = [door for door in (engine, remote) if door is not None]
    for door in doors:
        routes += door.routes

    @asynccontextmanager
    async def lifespan(_app: Starlette) -> AsyncIterator[None]:
        def on_move(folder: Place) -> None:
            recorder.record(BranchChanged(str(folder)))

        heads = GitHeads(on_move=on_move)
        if recorder.records:
            heads.watch(service.workspaces)
        async with AsyncExitStack() as stack:
            for door in doors:
                await stack.enter_async_context(door.open())
            yield
        heads.stop()
        handler.close()

    app = Starlette(
        routes=routes,
        middleware=[
            Middleware(MeantPath, root_path=options.root_path),
            Middleware(MetricsMiddleware, metrics=handler.metrics, paths=paths),
            Middleware(HeaderLimit, options=options),
            Middleware(HostGuard, options=options),
            *_cors(options),
            Middleware(BearerAuth, accesses=accesses),
            Middleware(BodyLimit, options=options),
        ],
        exception_handlers={
            **dict.fromkeys(errors.HANDLED, errors.handle),
            404: not_found(path for path in paths if "{" not in path),
        },
        lifespan=lifespan,
    )
    app.state.handler = handler
    return app


def _cors(options: HttpOptions) -> list[Middleware]:
    """Let browsers hand replies to the pages that may ask, and ask before they send."""
    if not options.allowed_origins:
        return []
    return [
        Middleware(
            CORSMiddleware,
            allow_origins=options.allowed_origins,
            allow_methods=["GET", "POST"],
            allow_headers=["*"],
            expose_headers=["Retry-After"],
            allow_private_network=True,
        )
    ]


async def health(http: Request) -> Response:
    """`GET /health`: the process answers, whether its model is there, and what went wrong."""
    handler: CompletionHandler = http.app.state.handler
    status, found = report(handler.service.info())
    return JSONResponse(found, status)


async def completions(http: Request) -> Response:
    """`POST /v1/completions`: Tabby's and OpenAI's share the path, only Tabby's has `segments`."""
    data = await read_json(http)
    kind = tabby.TabbyBody if data.get("segments") is not None else openai.CompletionBody
    return await respond(http, kind.model_validate(data))
