"""What becomes of requests that are running when the server ends."""

from __future__ import annotations

import asyncio

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from completer.http.errors import error_response


class RefusingAtTheEnd:
    """Answers 503 to a request that the server's end has cut off before its answer began."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Run the application."""
        started = False

        async def note(message: Message) -> None:
            nonlocal started
            started = True
            await send(message)

        try:
            await self._app(scope, receive, note)
        except asyncio.CancelledError:
            if started or scope["type"] != "http":
                raise
            headers = {"Retry-After": "5", "Connection": "close"}
            refused = error_response(503, "The server is shutting down.", headers=headers)
            await refused(scope, receive, send)
