"""`/v1/remote`: editors on other machines, each with its person's token; what is kept of them.

Nobody is let in without a token, wherever from: a mirror is one person's.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from importlib.metadata import version

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute, Route, WebSocketRoute
from starlette.websockets import WebSocket

from completer.engine_process.editors import Editors
from completer.engine_process.messages import PROTOCOL, Said, Welcome
from completer.http.access import Access
from completer.http.conversation import converse
from completer.http.errors import error_response
from completer.interface import CompletionService
from completer.place import Place
from completer.remote.connecting import MACHINE_HEADER, PATH
from completer.remote.deltas import Lengthening
from completer.remote.editor import Person, RemoteEditor
from completer.remote.mirrors import Mirrors
from completer.setting_kinds import APP

logger = logging.getLogger(__name__)
LOOKS_EVERY_S = 6 * 3600.0
LONGEST_MACHINE = 200
MOST_EDITORS = 100  # of one person at once
GOING_AWAY = 1001
NO_TOKEN = "Editors on other machines need a token: `completer token add NAME` on the server."  # noqa: S105


class RemoteDoor:
    """Serves people on other machines; each may have `most_running` requests answered at once."""

    def __init__(
        self, service: CompletionService, mirrors: Mirrors, *, most_running: int = 32
    ) -> None:
        self._service = service
        self._mirrors = mirrors
        self._most_running = most_running
        self._people: dict[str, Editors] = {}
        self._connected: dict[RemoteEditor, tuple[str, WebSocket]] = {}

    @property
    def routes(self) -> list[BaseRoute]:
        """The routes of the application that this adds."""
        return [
            WebSocketRoute(f"{PATH}/{PROTOCOL}", self._connect),
            WebSocketRoute(f"{PATH}/{{protocol}}", _refuse_version),
            Route(PATH, self._kept, methods=["GET", "DELETE"]),
        ]

    @asynccontextmanager
    async def open(self) -> AsyncIterator[None]:
        """For as long as this lasts, fetch what teams have and remove mirrors that nobody uses."""
        removing = asyncio.create_task(self._expire())
        self._mirrors.teams.start(self._service.open_workspace)
        try:
            yield
        finally:
            removing.cancel()
            await asyncio.to_thread(self._mirrors.teams.close)

    async def _expire(self) -> None:
        while True:
            try:
                await asyncio.to_thread(self._mirrors.expire, self._in_use())
            except OSError as error:
                logger.warning("old mirrors cannot be removed: %s", error)
            await asyncio.sleep(LOOKS_EVERY_S)

    def _in_use(self) -> set[Place]:
        """The mirrors that some editor has open."""
        return {root for editor in self._connected for root in editor.roots}

    async def _connect(self, socket: WebSocket) -> None:
        """Serve one editor until it goes."""
        access: Access = socket.scope["access"]
        if not access.user:
            await error_response(401, NO_TOKEN)(socket.scope, socket.receive, socket.send)
            return
        editors = self._people.setdefault(access.user, Editors(self._service))
        if len(editors) >= MOST_EDITORS:
            why = f"More than {MOST_EDITORS} editors of one person are connected."
            await error_response(429, why)(socket.scope, socket.receive, socket.send)
            return
        info = await asyncio.to_thread(self._service.info)
        public = replace(info, workspaces=(), health={}, memory_bytes={})
        machine = socket.headers.get(MACHINE_HEADER, "")[:LONGEST_MACHINE]
        mirrors = self._mirrors.of(access.user)
        editor: RemoteEditor | None = None

        def connected(send: Callable[[Said], None]) -> RemoteEditor:
            nonlocal editor
            who, most = Person(access.user, machine), self._most_running
            editor = RemoteEditor(editors, mirrors, send, who, most_running=most)
            self._connected[editor] = access.user, socket
            return editor

        try:
            await converse(socket, Welcome(version(APP), public), connected, Lengthening().whole)
        finally:
            if editor is not None:
                self._connected.pop(editor, None)

    async def _kept(self, request: Request) -> Response:
        """`GET`: what is kept of who asks; `DELETE`: forget it."""
        access: Access = request.scope["access"]
        if not access.user:
            return error_response(401, NO_TOKEN)
        if request.method == "DELETE":
            await self._forget(access.user)
        kept = await asyncio.to_thread(self._mirrors.of(access.user).kept)
        return JSONResponse(kept)

    async def _forget(self, person: str) -> None:
        """End a person's connections, and remove what is known of their files."""
        for user, socket in list(self._connected.values()):
            if user == person:
                await socket.close(code=GOING_AWAY)
        if (editors := self._people.pop(person, None)) is not None:
            editors.close_all()
        await asyncio.to_thread(self._mirrors.of(person).forget)


async def _refuse_version(socket: WebSocket) -> None:
    """Tell an editor of another version why it is not let in."""
    why = f"This server is completer {version(APP)}; install that version beside the editor, too."
    await error_response(409, why)(socket.scope, socket.receive, socket.send)
