"""Serving on standard input and output: bytes in, messages to the protocol, until one end stops."""

from __future__ import annotations

import asyncio
import threading
from io import RawIOBase

from lsp.framing import FrameDecoder
from lsp.protocol import Protocol

CHUNK_BYTES = 65_536


async def serve(protocol: Protocol, stdin: RawIOBase) -> None:
    """Hand messages to `protocol` until the input ends."""
    decoder = FrameDecoder()
    chunks: asyncio.Queue[bytes] = asyncio.Queue(maxsize=16)
    loop = asyncio.get_running_loop()
    # A daemon, and reading without a buffer's lock: a read that waits must not keep a process
    # alive that was told to end.
    threading.Thread(target=_pump, args=(stdin, chunks, loop), daemon=True).start()
    while data := await chunks.get():
        for message in decoder.feed(data):
            protocol.receive(message)


def _pump(stdin: RawIOBase, chunks: asyncio.Queue[bytes], loop: asyncio.AbstractEventLoop) -> None:
    """Read until the end, which the queue is told by an empty chunk."""
    data = b"."
    while data:
        data = stdin.read(CHUNK_BYTES) or b""
        asyncio.run_coroutine_threadsafe(chunks.put(data), loop).result()
