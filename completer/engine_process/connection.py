"""A language server's connection to an engine: messages in order, both ways, over a WebSocket."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Mapping
from contextlib import suppress
from importlib import import_module
from typing import TYPE_CHECKING, Any, Self

from completer.engine_process.messages import Asked, Said, Welcome
from completer.engine_process.registration import Registration
from completer.engine_process.wire import MAX_BYTES, pack_asked, read_said

if TYPE_CHECKING:
    from websockets.asyncio.client import ClientConnection

log = logging.getLogger(__name__)
PATH = "/v1/engine"
ANSWERS_WITHIN_S = 20.0  # while it imports torch it may be slow to


class Connection:
    """Messages to and from one engine; `version` is the engine's."""

    def __init__(self, socket: ClientConnection, welcome: Welcome) -> None:
        self._socket = socket
        self.welcome = welcome
        self._outgoing: asyncio.Queue[bytes] = asyncio.Queue()
        self._writing = asyncio.create_task(self._write())

    @classmethod
    async def to(cls, engine: Registration) -> Connection:
        """Connect to an engine; raises `OSError` if that cannot be."""
        options: dict[str, Any] = {
            "additional_headers": {"Authorization": f"Bearer {engine.token}"},
            "compression": None,  # both ends are on this machine
            "ping_interval": None,  # a process that ends closes its sockets
            "proxy": None,
        }
        if engine.socket:
            return await cls.open(f"ws://localhost{PATH}", options, engine.socket)
        return await cls.open(f"ws://127.0.0.1:{engine.port}{PATH}", options)

    @classmethod
    async def open(cls, uri: str, options: Mapping[str, Any], path: str = "") -> Self:
        """Connect to whoever serves a URI, over the socket at `path` if one is named.

        Raises `OSError` if that cannot be.
        """
        client = await asyncio.to_thread(import_module, "websockets.asyncio.client")
        exceptions = await asyncio.to_thread(import_module, "websockets.exceptions")
        limits = {"max_size": MAX_BYTES, "open_timeout": ANSWERS_WITHIN_S, **options}
        where = path or uri
        try:
            if path:
                socket = await client.unix_connect(path, uri, **limits)
            else:
                socket = await client.connect(uri, **limits)
            welcome = read_said(await socket.recv(decode=False))
        except OSError:  # a certificate that is not believed is a `ValueError`, too
            raise
        except (exceptions.WebSocketException, ValueError) as error:
            raise ConnectionError(f"no engine answers at {where}: {error}") from error
        if not isinstance(welcome, Welcome):
            raise ConnectionError(f"what answers at {where} is no engine")
        return cls(socket, welcome)

    def send(self, message: Asked) -> None:
        """Send a message after those before it; nothing happens if the connection is lost.

        Raises `BadRequestError` for what cannot be told.
        """
        self._outgoing.put_nowait(self._packed(message))

    def _packed(self, message: Asked) -> bytes:
        return pack_asked(message)

    async def __aiter__(self) -> AsyncIterator[Said]:
        """Yield what the engine says, until the connection ends."""
        from websockets.exceptions import ConnectionClosed

        with suppress(ConnectionClosed):
            while True:
                data = await self._socket.recv(decode=False)
                try:
                    message = read_said(data)
                except ValueError:
                    log.exception("the engine says what this version does not know")
                    return
                yield message

    async def close(self) -> None:
        """End the connection, once what is to be sent has been."""
        with suppress(asyncio.CancelledError):
            self._writing.cancel()
            await self._writing
        await self._socket.close()

    async def _write(self) -> None:
        from websockets.exceptions import ConnectionClosed

        with suppress(ConnectionClosed):
            while True:
                await self._socket.send(await self._outgoing.get())
