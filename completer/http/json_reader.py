"""JSON that is read as it arrives: no step takes longer than a small part of it does.

A parser that is given megabytes of escaped text runs for tens of milliseconds, on an event loop or
with the interpreter's lock on a thread: nobody else is served meanwhile. Here long strings are
decoded part by part; what is left of the JSON without them is small, and parsed at the end.
"""

from __future__ import annotations

import re
import secrets
from collections.abc import Callable
from typing import Any

from pydantic_core import from_json

from completer.errors import BadRequestError

LONG = 1024
"""Bytes of a string that is decoded by itself."""
MOST_STRUCTURE = 1 << 20
"""Bytes of everything but long strings: to parse as much takes about 20 ms."""

_UNFINISHED = re.compile(
    # An escape, or the first half of a pair of surrogates, that may go on behind the end.
    rb"(?:\\u[dD][89abAB][0-9a-fA-F]{2})?(?:\\(?:u[0-9a-fA-F]{0,3})?)?\Z"
)
_LONGEST = 12  # bytes of what may be unfinished


def parse(data: bytes) -> Any:  # noqa: ANN401
    """Read a JSON value at once. Raises `ValueError` for anything else."""
    return from_json(data, allow_inf_nan=False)


class JsonReader:
    """Takes JSON in parts, each of which costs what its size costs; `finish` returns the value."""

    def __init__(self, parse: Callable[[bytes], Any] = parse) -> None:
        self._parse = parse
        self._structure = bytearray()
        self._long: list[str] = []
        self._mark = secrets.token_hex(16)  # what stands for a long string; no text can know it
        self._inside = False
        self._parts: list[str] = []  # of the string that is being read
        self._undecided = b""

    def feed(self, data: bytes) -> None:
        """Read on. Raises `ValueError` for what cannot be JSON, `BadRequestError` for too much."""
        data, at = self._undecided + data, 0
        self._undecided = b""
        # With escaped backslashes out of the way, and then quotes, each quote left ends a string.
        plain = data.replace(rb"\\", b"__").replace(rb"\"", b"__")
        while at < len(data):
            quote = plain.find(b'"', at)
            end = quote if quote >= 0 else len(data)
            if not self._inside:
                self._structure += data[at:end]
                self._inside = quote >= 0
            elif quote >= 0:
                self._close(data[at:end])
            else:
                end = _last_decided(plain, at)
                self._parts.append(self._decoded(data[at:end]))
                self._undecided = data[end:]
                return
            at = end + 1
        if len(self._structure) > MOST_STRUCTURE:
            raise BadRequestError(
                f"The body has more than {MOST_STRUCTURE} bytes besides its long texts.",
                hint="Leave out what is not needed, or send it in several requests.",
            )

    def finish(self) -> Any:  # noqa: ANN401
        """Return what was read. Raises `ValueError` for anything but JSON."""
        if self._inside:
            raise ValueError("EOF while parsing a string")
        value = self._parse(bytes(self._structure))
        return self._filled(value) if self._long else value

    def _close(self, content: bytes) -> None:
        self._inside = False
        if not self._parts and len(content) < LONG:
            self._structure += b'"%b"' % content
            return
        self._structure += b'"%b%d"' % (self._mark.encode(), len(self._long))
        self._long.append("".join([*self._parts, self._decoded(content)]))
        self._parts = []

    def _decoded(self, content: bytes) -> str:
        text: str = self._parse(b'"%b"' % content)
        return text

    def _filled(self, value: Any) -> Any:  # noqa: ANN401
        """Put the long strings in their places."""
        match value:
            case dict():
                return {self._filled(name): self._filled(each) for name, each in value.items()}
            case list():
                return [self._filled(each) for each in value]
            case str() if value.startswith(self._mark):
                return self._long[int(value.removeprefix(self._mark))]
            case _:
                return value


def _last_decided(plain: bytes, start: int) -> int:
    """Up to where the content of a string can be decoded, whatever comes next."""
    found = _UNFINISHED.search(plain, max(start, len(plain) - _LONGEST))
    end = found.start() if found else len(plain)
    if end > start and plain[end - 1] >= 0x80:  # perhaps not all bytes of the character are there
        for at in range(end - 1, max(start, end - 4) - 1, -1):
            if plain[at] >= 0xC0:
                return at
    return end
