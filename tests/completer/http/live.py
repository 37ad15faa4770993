"""A real server on a socket, and raw connections to it."""

from __future__ import annotations

import asyncio
import contextlib
import json
import socket
from collections.abc import AsyncIterator

from starlette.applications import Starlette

from completer.http.options import HttpOptions
from completer.http.serving import Server, server_config

OPTIONS = HttpOptions()


@contextlib.asynccontextmanager
async def serving(app: Starlette, options: HttpOptions = OPTIONS) -> AsyncIterator[int]:
    """Serve on a free port of this machine; yields the port."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
        config = server_config(app, host="127.0.0.1", port=port, options=options)
        server = Server(config, options)
        task = asyncio.create_task(server.serve(sockets=[listener]))
        while not server.started:
            await asyncio.sleep(0.01)
        yield port
        server.should_exit = True
        await task


async def connect(port: int) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    """A raw connection."""
    return await asyncio.open_connection("127.0.0.1", port)


def request(path: str, body: object) -> bytes:
    """The bytes of a POST."""
    data = json.dumps(body).encode()
    head = f"POST {path} HTTP/1.1\r\nHost: localhost\r\nContent-Length: {len(data)}\r\n\r\n"
    return head.encode() + data


async def eventually(condition, within_s: float) -> float:
    """Seconds until `condition()` held; fails if it takes longer than `within_s`."""
    loop = asyncio.get_running_loop()
    start = loop.time()
    while not condition():
        assert loop.time() - start < within_s, "it did not come to that in time"
        await asyncio.sleep(0.005)
    return loop.time() - start
