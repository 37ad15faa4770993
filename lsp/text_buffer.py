"""The text of one open document, edited by position in the client's own units.

Lines are kept as the protocol counts them: a form feed or U+2028 breaks none, and a pair of
surrogates that an edit cuts apart or joins is the same two UTF-16 units here as in the editor.
"""

from __future__ import annotations

import io
import re
from array import array
from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum

from lsprotocol.types import Position, PositionEncodingKind

from telemetry.events import TextEdit

BLOCK_LINES = 256
"""The window before a caret begins at a multiple of this: typing does not move its start."""

_SURROGATE = re.compile("[\ud800-\udfff]")


class LineBreak(Enum):
    """What ends a line; the value is what `io.StringIO` calls it."""

    PROTOCOL = ""
    r"""`\n`, `\r\n` or `\r`, as the protocol has it."""
    LF = "\n"
    r"""`\n` alone, as Neovim counts: a `\r` is a character of its line."""


@dataclass(frozen=True, slots=True)
class Caret:
    """A place between two characters: a line, and how many code points of it stand before."""

    line: int
    column: int


class TextBuffer:
    """A text that costs an edit only the lines it touches, whatever the size of the rest.

    `encoding` says what a position's `character` counts. Positions are taken as the protocol's
    reference implementation takes them: past a line's end means its end, past the last line the
    end of the text, and a range whose ends are swapped is put right.
    """

    def __init__(
        self,
        text: str,
        encoding: PositionEncodingKind = PositionEncodingKind.Utf16,
        line_break: LineBreak = LineBreak.PROTOCOL,
    ) -> None:
        self._encoding = encoding
        self._line_break = line_break
        self._breaks = ("\n",) if line_break is LineBreak.LF else ("\n", "\r")
        self._lines: list[str] = []
        self._lengths: array[int] = array("q")
        self.set_text(text)

    @property
    def text(self) -> str:
        """The whole text; the only thing here that takes time with its size, besides `set_text`."""
        return "".join(self._lines)

    @property
    def line_count(self) -> int:
        """Number of lines; an empty text has one."""
        return len(self._lines)

    @property
    def length(self) -> int:
        """Number of code points."""
        return self._length

    def set_text(self, text: str) -> None:
        """Replace everything."""
        self._lines = self._split(self._representable(text), closed=False)
        self._lengths = _lengths(self._lines)
        self._length = sum(self._lengths)
        self._known = (0, 0)

    def line(self, number: int) -> str:
        """A line without what ends it."""
        line = self._lines[number]
        if line.endswith("\n"):
            line = line[:-1]
            return line if self._line_break is LineBreak.LF else line.removesuffix("\r")
        return line.removesuffix("\r") if number < self.line_count - 1 else line

    def caret(self, position: Position) -> Caret:
        """Where a position is. One inside a character means the place before that character."""
        number, head, tail = self._cut(position)
        inside = len(head) + len(tail) > len(self.line(number))
        return Caret(number, len(head) - 1 if inside else len(head))

    def position(self, caret: Caret) -> Position:
        """The position of a caret, in the client's units."""
        head = self.line(caret.line)[: caret.column]
        return Position(line=caret.line, character=units(head, self._encoding))

    def offset(self, caret: Caret) -> int:
        """How many code points of the text stand before a caret."""
        return self._length_of(caret.line) + caret.column

    def replace(self, start: Position, end: Position, text: str) -> TextEdit:
        """Put `text` between two positions and say, in code points, what that changed."""
        if (end.line, end.character) < (start.line, start.character):
            start, end = end, start
        first, head, _ = self._cut(start)
        last, _, tail = self._cut(end)
        old = self._lines[first : last + 1]
        tail += old[-1][len(self.line(last)) :]
        if self._joins_line_before(first, head + text + tail):
            first, old = first - 1, [self._lines[first - 1], *old]
            head = old[0]
        return self._put(first, old, head, self._representable(text), tail)

    def before(self, caret: Caret, limit: int) -> str:
        """Text before a caret: about `limit` code points, twice that at most, or all of it."""
        first = caret.line
        size = caret.column
        while first > 0 and size < limit:
            block = (first - 1) // BLOCK_LINES * BLOCK_LINES
            size += sum(self._lengths[block:first])
            first = block
        head = "".join(self._lines[first : caret.line])
        return (head + self._lines[caret.line][: caret.column])[-2 * limit :]

    def after(self, caret: Caret, limit: int) -> str:
        """Text after a caret, `limit` code points at most."""
        pieces = [self._lines[caret.line][caret.column : caret.column + limit]]
        size = len(pieces[0])
        number = caret.line + 1
        while size < limit and number < self.line_count:
            pieces += self._lines[number : number + BLOCK_LINES]
            size += sum(self._lengths[number : number + BLOCK_LINES])
            number += BLOCK_LINES
        return "".join(pieces)[:limit]

    def _length_of(self, lines: int) -> int:
        """How many code points the first lines have: counted from where this was asked last."""
        known, length = self._known
        if lines < known:
            length -= sum(self._lengths[lines:known])
        else:
            length += sum(self._lengths[known:lines])
        self._known = (lines, length)
        return length

    def _cut(self, position: Position) -> tuple[int, str, str]:
        """The line that a position is on, and its text before and after it."""
        if position.line >= self.line_count:
            return self.line_count - 1, self._lines[-1], ""
        return position.line, *cut(self.line(position.line), position.character, self._encoding)

    def _put(self, first: int, old: list[str], head: str, text: str, tail: str) -> TextEdit:
        """Give the lines `old`, the first of which is number `first`, a new content."""
        removed = "".join(old)
        content = self._representable(head + text + tail)
        new = self._split(content, closed=first + len(old) < self.line_count)
        offset = self.offset(Caret(first, 0))
        self._lines[first : first + len(old)] = new
        self._lengths[first : first + len(old)] = _lengths(new)
        self._length += len(content) - len(removed)
        if _cuts_no_character(removed, content, head, text, tail):
            end = len(removed) - len(tail)
            return TextEdit(offset + len(head), removed[len(head) : end], text)
        return TextEdit(offset, removed, content).trimmed()

    def _joins_line_before(self, first: int, content: str) -> bool:
        r"""Whether the `\r` that ended the line before has become a `\r\n`."""
        return first > 0 and content.startswith("\n") and self._lines[first - 1].endswith("\r")

    def _split(self, text: str, *, closed: bool) -> list[str]:
        """Lines with their ends; unless `closed`, a last line that has none is among them."""
        lines = list(io.StringIO(text, newline=self._line_break.value))
        if not closed and (not lines or lines[-1].endswith(self._breaks)):
            lines.append("")
        return lines

    def _representable(self, text: str) -> str:
        """A text without halves of characters that the client's encoding cannot have."""
        if text.isascii() or not _has_halves(text):
            return text
        paired = text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "surrogatepass")
        if self._encoding is PositionEncodingKind.Utf16:
            return paired
        return _SURROGATE.sub("\N{REPLACEMENT CHARACTER}", paired)


def _lengths(lines: list[str]) -> array[int]:
    return array("q", list(map(len, lines)))  # a list, for an array would grow item by item


def cut(line: str, character: int, encoding: PositionEncodingKind) -> tuple[str, str]:
    """A line before and after a position in it, in units of `encoding`.

    Only UTF-16, where the editor's own text is made of halves, can cut a character in two.
    """
    if line.isascii() or encoding is PositionEncodingKind.Utf32:
        return line[:character], line[character:]
    return _CUTS[encoding](line, character)


def units(text: str, encoding: PositionEncodingKind) -> int:
    """The length of a text in units of `encoding`."""
    if text.isascii() or encoding is PositionEncodingKind.Utf32:
        return len(text)
    if encoding is PositionEncodingKind.Utf8:
        return len(text.encode("utf-8", "surrogatepass"))
    return len(text.encode("utf-16-le", "surrogatepass")) // 2


def _has_halves(text: str) -> bool:
    """Whether there are surrogates in a text: they are what cannot be encoded."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return True
    return False


def _cuts_no_character(removed: str, content: str, head: str, text: str, tail: str) -> bool:
    """Whether an edit left every character whole, so that code points tell it exactly."""
    whole = removed.startswith(head) and removed.endswith(tail)
    return whole and len(content) == len(head) + len(text) + len(tail)


def _cut_utf8(line: str, character: int) -> tuple[str, str]:
    head = line[:character].encode()[:character].decode(errors="ignore")
    return head, line[len(head) :]


def _cut_utf16(line: str, character: int) -> tuple[str, str]:
    data = line.encode("utf-16-le", "surrogatepass")
    if len(data) == 2 * len(line):  # every character is one unit
        return line[:character], line[character:]
    head, tail = data[: 2 * character], data[2 * character :]
    return head.decode("utf-16-le", "surrogatepass"), tail.decode("utf-16-le", "surrogatepass")


_CUTS: dict[PositionEncodingKind, Callable[[str, int], tuple[str, str]]] = {
    PositionEncodingKind.Utf8: _cut_utf8,
    PositionEncodingKind.Utf16: _cut_utf16,
}
