"""`/v1/remote` in a cluster: editors on other machines are told why they are not let in."""

from __future__ import annotations

from contextlib import AbstractAsyncContextManager, nullcontext

from starlette.routing import BaseRoute, WebSocketRoute
from starlette.websockets import WebSocket

from completer.http.errors import error_response
from completer.remote.connecting import PATH

WHY = "A cluster keeps no mirror of an editor's files: `completer serve` does."


class NoEditors:
    """Takes the place of `RemoteDoor`."""

    @property
    def routes(self) -> list[BaseRoute]:
        """The routes of the application that this adds."""
        return [WebSocketRoute(f"{PATH}/{{protocol}}", _refuse)]

    def open(self) -> AbstractAsyncContextManager[None]:
        """Do nothing."""
        return nullcontext()


async def _refuse(socket: WebSocket) -> None:
    await error_response(501, WHY)(socket.scope, socket.receive, socket.send)
