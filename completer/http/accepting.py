"""Taking connections: no more at a time than there is room for; the others wait in the system.

asyncio's own server takes all that come. Without a descriptor left it tries, and logs, as often as
connections may wait, again and again; and what the process needs for its files is gone, too.
"""

from __future__ import annotations

import asyncio
import logging
import math
import socket
import ssl
from collections.abc import Callable
from typing import Any

logger = logging.getLogger(__name__)

RETRY_S = 1.0
SAID_EVERY_S = 60.0

MakeProtocol = Callable[[Callable[[], None]], asyncio.Protocol]
"""Makes what serves one connection; it calls what it is given when the connection has ended."""


class Accepting:
    """Takes the connections of a listening socket, `limit` at a time, until it is closed.

    It stands where uvicorn has an `asyncio.Server`. With `tls` they are encrypted, and whoever does
    not agree on that within `handshake_s` is left.
    """

    def __init__(
        self,
        listener: socket.socket,
        make: MakeProtocol,
        limit: int,
        tls: ssl.SSLContext | None = None,
        handshake_s: float = 10.0,
    ) -> None:
        listener.setblocking(False)
        self._listener = listener
        self._make = make
        self._limit = limit
        self._room = asyncio.Semaphore(limit)
        self._tls = None if tls is None else {"ssl": tls, "ssl_handshake_timeout": handshake_s}
        self._handshakes: set[asyncio.Task[None]] = set()
        self._said_at = -math.inf
        self._task = asyncio.create_task(self._run())

    def close(self) -> None:
        """Take no more connections; those that are there go on."""
        asyncio.get_running_loop().remove_reader(self._listener)
        self._task.cancel()

    async def wait_closed(self) -> None:
        """Wait until none is being taken."""
        await asyncio.wait({self._task})

    async def _run(self) -> None:
        while True:
            if self._room.locked():
                self._say(f"all {self._limit} connections are taken")
            await self._room.acquire()
            try:
                await self._take_one()
            except ConnectionAbortedError:  # it was given up while it waited
                self._room.release()
            except Exception as error:  # noqa: BLE001  whatever it is, the next one is another's
                self._room.release()
                self._say(str(error))
                await asyncio.sleep(RETRY_S)

    async def _take_one(self) -> None:
        loop = asyncio.get_running_loop()
        connection, _ = await loop.sock_accept(self._listener)
        if self._tls is not None:  # nobody waits while others agree on keys
            task = asyncio.create_task(self._encrypt(connection, self._tls))
            self._handshakes.add(task)
            task.add_done_callback(self._handshakes.discard)
            return
        try:
            await loop.connect_accepted_socket(lambda: self._make(self._room.release), connection)
        except Exception:
            connection.close()
            raise

    async def _encrypt(self, connection: socket.socket, tls: dict[str, Any]) -> None:
        """Agree on keys with whoever has connected."""
        loop = asyncio.get_running_loop()
        ended = False

        def release() -> None:
            nonlocal ended
            if not ended:
                ended = True
                self._room.release()

        try:
            await loop.connect_accepted_socket(lambda: self._make(release), connection, **tls)
        except OSError as error:  # no TLS, no common version, or it has gone
            logger.info("a connection was not encrypted: %s", error)
            release()
            connection.close()

    def _say(self, why: str) -> None:
        """Log why connections wait, but not again and again."""
        now = asyncio.get_running_loop().time()
        if now - self._said_at >= SAID_EVERY_S:
            self._said_at = now
            logger.warning(
                "more connections wait until others end: %s. If that is often so, raise"
                " server.max_connections and the limit on open files (ulimit -n).",
                why,
            )
