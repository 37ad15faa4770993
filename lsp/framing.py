"""From a byte stream to JSON messages: the base protocol's frames, and the way back from bad ones.

A frame that is wrong costs itself, never the connection: the decoder reports it and goes on at the
next thing that looks like a frame. It keeps at most one frame and one header in memory.
"""

from __future__ import annotations

import asyncio
import json
import re
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from io import RawIOBase

from lsprotocol.types import ErrorCodes

MAX_BODY_BYTES = 256 * 1024 * 1024
MAX_HEADER_BYTES = 8 * 1024
CHUNK_BYTES = 65_536

_HEADER_END = re.compile(rb"\r?\n\r?\n")
_CONTENT_LENGTH = re.compile(rb"^content-length[ \t]*:[ \t]*(\S*)[ \t]*\r?$", re.I | re.M)
_FRAME_START = re.compile(rb"content-length[ \t]*:[ \t]*\d+[ \t]*\r?\n", re.I)
_FRAME_START_BYTES = 128
"""Longer than the start of any sensible frame: how much is kept while looking for one."""


@dataclass(frozen=True, slots=True)
class FrameError:
    """A frame that holds no message: the JSON-RPC error to answer with."""

    code: int
    message: str


class FrameDecoder:
    """Feed it bytes as they come; it yields what each frame holds, or a `FrameError` for it.

    A header may be in any case and end its lines with `\\n` alone. After a bad header or body the
    decoder skips to the next `Content-Length` line, also inside what a wrong length made it take
    for a body.
    """

    def __init__(self, max_body_bytes: int = MAX_BODY_BYTES) -> None:
        self._max_body_bytes = max_body_bytes
        self._buffer = bytearray()
        self._body_bytes: int | None = None
        self._searched = 0
        self._lost = False

    def feed(self, data: bytes) -> Iterator[object]:
        """Yield the messages that `data` completes, in order."""
        self._buffer += data
        while (found := self._next()) is not None:
            yield from found

    def _next(self) -> list[object] | None:
        """One step: what it found, perhaps nothing; `None` when more bytes are needed."""
        if self._lost:
            return self._skip_to_frame()
        if self._body_bytes is None:
            return self._read_header()
        return self._read_body(self._body_bytes)

    def _read_header(self) -> list[object] | None:
        while self._buffer.startswith((b"\r", b"\n")):
            del self._buffer[:1]
        end = _HEADER_END.search(self._buffer, 0, MAX_HEADER_BYTES)
        if end is None:
            too_long = len(self._buffer) >= MAX_HEADER_BYTES
            return self._lose("the header is too long") if too_long else None
        length = _CONTENT_LENGTH.search(self._buffer, 0, end.start() + 1)
        if length is None:
            return self._lose("the header has no Content-Length")
        if not length[1].isdigit():
            return self._lose("Content-Length is not a number of bytes", skip=end.end())
        if len(length[1]) > 18 or int(length[1]) > self._max_body_bytes:
            limit = f"the limit is {self._max_body_bytes} bytes"
            return self._lose(f"the message is too long, {limit}", skip=end.end())
        self._body_bytes, self._searched = int(length[1]), 0
        del self._buffer[: end.end()]
        return []

    def _read_body(self, size: int) -> list[object] | None:
        if len(self._buffer) < size:
            return self._look_for_frame()
        self._body_bytes = None
        message = _parse(bytes(self._buffer[:size]))
        if isinstance(message, FrameError):  # the length may be what is wrong: skip nothing by it
            self._lost = True
        else:
            del self._buffer[:size]
        return [message]

    def _look_for_frame(self) -> list[object] | None:
        """Notice a length that is too long: the start of a frame never occurs within JSON."""
        start = _FRAME_START.search(self._buffer, self._searched)
        self._searched = max(0, len(self._buffer) - _FRAME_START_BYTES)
        if start is None:
            return None
        self._body_bytes = None
        return self._lose("the message is shorter than its Content-Length", skip=start.start())

    def _lose(self, why: str, *, skip: int = 1) -> list[object]:
        """Drop a header that cannot be used, and report why."""
        del self._buffer[:skip]
        self._lost = True
        return [FrameError(ErrorCodes.InvalidRequest, f"Not a frame: {why}.")]

    def _skip_to_frame(self) -> list[object] | None:
        start = _FRAME_START.search(self._buffer)
        if start is None:
            del self._buffer[:-_FRAME_START_BYTES]
            return None
        del self._buffer[: start.start()]
        self._lost = False
        return []


async def read(stdin: RawIOBase, receive: Callable[[object], None]) -> None:
    """Hand over what each frame holds, or a `FrameError` for it, until the input ends."""
    decoder = FrameDecoder()
    chunks: asyncio.Queue[bytes] = asyncio.Queue(maxsize=16)
    loop = asyncio.get_running_loop()
    # A daemon, and reading without a buffer's lock: a read that waits must not keep a process
    # alive that was told to end.
    threading.Thread(target=_pump, args=(stdin, chunks, loop), daemon=True).start()
    while data := await chunks.get():
        for message in decoder.feed(data):
            receive(message)


def _pump(stdin: RawIOBase, chunks: asyncio.Queue[bytes], loop: asyncio.AbstractEventLoop) -> None:
    """Read until the end, which the queue is told by an empty chunk."""
    data = b"."
    while data:
        data = stdin.read(CHUNK_BYTES) or b""
        asyncio.run_coroutine_threadsafe(chunks.put(data), loop).result()


def _parse(body: bytes) -> object:
    try:
        return json.loads(body.decode())
    except UnicodeDecodeError:
        return FrameError(ErrorCodes.ParseError, "The message is not UTF-8.")
    except RecursionError:
        return FrameError(ErrorCodes.ParseError, "The message is nested too deeply.")
    except ValueError as error:
        return FrameError(ErrorCodes.ParseError, f"The message is not JSON: {error}")
