"""A WebSocket on which an editor is served: its messages in, what is said to it out, in order."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from contextlib import suppress
from typing import Protocol

from starlette.websockets import WebSocket, WebSocketDisconnect

from completer.engine_process.failures import failure
from completer.engine_process.messages import Asked, Said, Welcome
from completer.engine_process.wire import pack_said, read_asked
from completer.errors import BadRequestError
from completer.http.json_reader import parse

logger = logging.getLogger(__name__)


class Converses(Protocol):
    """An editor at the other end."""

    def take(self, message: Asked) -> None:
        """Act on what it sends."""
        ...

    def send(self, message: Said) -> None:
        """Say something to it."""
        ...

    def gone(self) -> None:
        """The connection has ended."""
        ...


async def converse(
    socket: WebSocket,
    welcome: Welcome,
    connected: Callable[[Callable[[Said], None]], Converses],
    unpack: Callable[[bytes], bytes] = bytes,
) -> None:
    """Serve one editor until it goes; `unpack` makes JSON of what comes."""
    await socket.accept()
    outgoing: asyncio.Queue[Said] = asyncio.Queue()
    outgoing.put_nowait(welcome)
    editor = connected(outgoing.put_nowait)
    sending = asyncio.create_task(_send(socket, outgoing))
    try:
        while (message := await socket.receive())["type"] == "websocket.receive":
            _take(editor, message.get("bytes") or (message.get("text") or "").encode(), unpack)
    finally:
        sending.cancel()
        editor.gone()


async def _send(socket: WebSocket, outgoing: asyncio.Queue[Said]) -> None:
    with suppress(WebSocketDisconnect, RuntimeError):  # it went meanwhile
        while True:
            await socket.send_bytes(pack_said(await outgoing.get()))


def _take(editor: Converses, data: bytes, unpack: Callable[[bytes], bytes]) -> None:
    """Hand a message over; one that is none is answered, if it says what it is an answer to."""
    try:
        data = unpack(data)
        message = read_asked(data)
    except BadRequestError as error:
        logger.warning("a bad message: %s", error)
        with suppress(ValueError, BadRequestError):
            sent = parse(data)
            if isinstance(sent, dict) and isinstance(number := sent.get("id"), int):
                editor.send(failure(number, error))
    else:
        editor.take(message)
