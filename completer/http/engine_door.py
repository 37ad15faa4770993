"""`/v1/engine`: the WebSocket by which editors share this engine, and what tells of it.

Who connects here may have any folder opened, so it takes the token of the engine's registration,
which only the user can read; tokens of other people do not count.
"""

from __future__ import annotations

import asyncio
import hmac
import logging
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import asdict

from starlette.requests import HTTPConnection, Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute, Route, WebSocketRoute
from starlette.websockets import WebSocket

from completer.engine_process.connection import PATH
from completer.engine_process.editors import Editors
from completer.engine_process.messages import Welcome
from completer.engine_process.registration import (
    Registration,
    register,
    registered,
    unregister,
)
from completer.http.conversation import converse
from completer.http.errors import error_response
from completer.interface import CompletionService
from completer.place import Place

logger = logging.getLogger(__name__)
LOOKS_EVERY_S = 0.5
MOVES_WITHIN_S = 120.0
"""So long an engine whose place was taken waits for its editors to have gone over."""


class EngineDoor:
    """Lets editors share a service under a registration; `end` ends the process.

    An engine that lingers does so for `linger_s` without an editor.
    """

    def __init__(
        self,
        service: CompletionService,
        registration: Registration,
        end: Callable[[], None],
        *,
        own: tuple[Place, ...] = (),
        linger_s: float = 600.0,
    ) -> None:
        self._service = service
        self._registration = registration
        self._end = end
        self._own = own
        self._linger_s = linger_s
        self._since = time.time()
        self._moved = False

    @property
    def routes(self) -> list[BaseRoute]:
        """The routes of the application that this adds."""
        return [WebSocketRoute(PATH, self._connect), Route(PATH, self._describe)]

    @asynccontextmanager
    async def open(self) -> AsyncIterator[None]:
        """Serve editors for as long as this lasts."""
        self._editors = Editors(self._service, self._own, stays_s=self._linger_s)
        register(self._registration)
        watching = asyncio.create_task(self._watch())
        try:
            yield
        finally:
            watching.cancel()
            unregister(self._registration)

    async def _watch(self) -> None:
        """Notice that another engine has taken over, and that no editor is left."""
        while True:
            await asyncio.sleep(LOOKS_EVERY_S)
            self._look_for_successor()
            patience_s = 0.0 if self._moved else self._linger_s
            if self._registration.lingers and self._editors.alone_s > patience_s:
                unregister(self._registration)
                self._end()
                return

    def _look_for_successor(self) -> None:
        """Send the editors to whoever has taken over; take over from one that has ended."""
        found = registered(self._registration.digest)
        if found is None:
            register(self._registration)
        elif not self._moved and found != self._registration:
            self._editors.move()
            logger.info("engine %d has taken over", found.pid)
            if self._registration.lingers:
                asyncio.get_running_loop().call_later(MOVES_WITHIN_S, self._end)
        self._moved = found is not None and found != self._registration

    def _may(self, connection: HTTPConnection) -> bool:
        given = connection.headers.get("authorization", "").removeprefix("Bearer ")
        return hmac.compare_digest(given.encode(), self._registration.token.encode())

    async def _describe(self, request: Request) -> Response:
        """`GET /v1/engine`: what runs, and for whom."""
        if not self._may(request):
            return _refusal()
        info = await asyncio.to_thread(self._service.info)
        described = {
            "pid": self._registration.pid,
            "version": self._registration.version,
            "address": self._registration.address,
            "since": self._since,
            "editors": len(self._editors),
            "running": self._editors.running,
            "lingers": self._registration.lingers,
            "model": info.model,
            "device": info.device,
            "dtype": info.dtype,
            "state": info.state,
            "failure": info.failure,
            "workspaces": [str(root) for root in info.workspaces],
            "faults": {str(root): asdict(health) for root, health in info.health.items()},
            "memory_bytes": dict(info.memory_bytes),
        }
        return JSONResponse(described)

    async def _connect(self, socket: WebSocket) -> None:
        """Serve one editor until it goes."""
        if not self._may(socket):
            await _refusal()(socket.scope, socket.receive, socket.send)
            return
        info = await asyncio.to_thread(self._service.info)
        welcome = Welcome(self._registration.version, info)
        await converse(socket, welcome, self._editors.connected)


def _refusal() -> Response:
    message = "This takes the engine's own token, from its registration."
    return error_response(401, message, headers={"WWW-Authenticate": "Bearer"})
