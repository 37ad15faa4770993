"""A message as what it has new since the last one of its kind: a key changes a few of its bytes.

The head, up to the first comma, numbers a request, and is always sent. Without this, each key would
bring a whole document over a network, and the time to compress it.
"""

from struct import Struct, error

from completer.errors import BadRequestError

KINDS = 8  # whose last messages are remembered
LARGEST = 4 << 20  # bytes of one that is
_LONGEST_HEAD = 255
_HEADER = Struct(">BBII")
"""The kind, bytes of the head, bytes kept behind that, bytes kept at the end."""


class Shortening:
    """The sender's side."""

    def __init__(self) -> None:
        self._last: dict[int, bytes] = {}

    def short(self, kind: int, data: bytes) -> bytes:
        """What to send for a message; `kind` is one of `KINDS`, and JSON begins with none of them.

        One that is too large to be remembered is sent as it is.
        """
        if len(data) > LARGEST:
            return data
        head = data.find(b",", 0, _LONGEST_HEAD) + 1
        last, body = self._last.get(kind, b""), data[head:]
        self._last[kind] = body
        start = _common(last, body)
        end = _common_end(last, body, min(len(last), len(body)) - start)
        header = _HEADER.pack(kind, head, start, end)
        return header + data[:head] + body[start : len(body) - end]


class Lengthening:
    """The receiver's side, of the same messages in the same order."""

    def __init__(self) -> None:
        self._last: dict[int, bytes] = {}

    def whole(self, data: bytes) -> bytes:
        """The message. Raises `BadRequestError` for what does not go with those before."""
        if not data or data[0] >= KINDS:
            return data
        try:
            kind, head, start, end = _HEADER.unpack_from(data)
        except error:
            raise BadRequestError("A message is cut off.") from None
        last = self._last.get(kind, b"")
        new = _HEADER.size + head
        if start + end > len(last) or start + end + len(data) - _HEADER.size > LARGEST:
            raise BadRequestError("A message does not go with those before.")
        body = b"".join((last[:start], data[new:], last[len(last) - end :]))
        self._last[kind] = body
        return data[_HEADER.size : new] + body


def _common(one: bytes, other: bytes) -> int:
    """How many bytes both begin with; compares halves, which is as fast as memory."""
    low, high = 0, min(len(one), len(other))
    while low < high:
        middle = (low + high + 1) // 2
        if one[low:middle] == other[low:middle]:
            low = middle
        else:
            high = middle - 1
    return low


def _common_end(one: bytes, other: bytes, most: int) -> int:
    """How many bytes both end with, at most `most`."""
    low, high = 0, most
    while low < high:
        middle = (low + high + 1) // 2
        if one[len(one) - middle : len(one) - low] == other[len(other) - middle : len(other) - low]:
            low = middle
        else:
            high = middle - 1
    return low
