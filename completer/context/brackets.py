"""Which brackets are open at a caret, and which of them a completion may close."""

import re
from collections.abc import Iterable, Sequence
from typing import NamedTuple

from completer.context.lexical import window_after, window_before, without_text

_WINDOW = 8_192
_CLOSERS_TRIED = 16
_BRACKET = re.compile(r"[()\[\]{}]")
_INDENTED = re.compile(r"([ \t]*)\s*")
_OPENED_BY = {")": "(", "]": "[", "}": "{"}


class Bracket(NamedTuple):
    """A bracket without a partner: what it is, and where it stands."""

    character: str
    position: int


def unmatched(code: str, before: Iterable[Bracket] = ()) -> tuple[list[Bracket], list[Bracket]]:
    """Return the brackets that `code` opens and does not close, and closes and did not open.

    `code` has no comments or strings left in it: see `without_text`. Those in `before` are open
    where it begins.
    """
    opened = list(before)
    unopened: list[Bracket] = []
    for match in _BRACKET.finditer(code):
        bracket = Bracket(match[0], match.start())
        if bracket.character not in _OPENED_BY:
            opened.append(bracket)
        elif opened and opened[-1].character == _OPENED_BY[bracket.character]:
            opened.pop()
        elif not opened:
            unopened.append(bracket)
    return opened, unopened


def open_brackets(text: str, language: str | None = None) -> str:
    """Return the brackets that `text` opens and does not close, the outermost first."""
    return "".join(bracket.character for bracket in unmatched(without_text(text, language))[0])


def closable(prefix: str, suffix: str, language: str | None = None) -> int:
    """Return how many of the brackets open at the caret the suffix does not close.

    What the caret's line goes on with closes the brackets of that line. Further down, a bracket at
    the start of its line closes one from a line with the same indentation, any other one from a
    line with less; all brackets inside that one are free.
    """
    before = window_before(prefix, _WINDOW)
    after = window_after(suffix, _WINDOW)
    code = without_text(before + after, language)
    opened, _ = unmatched(code[: len(before)])
    _, closers = unmatched(code[len(before) :])
    line_end = after.find("\n") % (len(after) + 1)
    in_line = sum(bracket.position < line_end for bracket in closers)
    if in_line:
        line_start = before.rfind("\n") + 1
        return max(0, sum(bracket.position >= line_start for bracket in opened) - in_line)
    places = _places(before, opened)[::-1]
    tried = closers[:_CLOSERS_TRIED]
    for closer, (indent, leads) in zip(tried, _places(after, tried), strict=True):
        for free, (bracket, (opened_at, _)) in enumerate(zip(opened[::-1], places, strict=True)):
            fits = opened_at == indent if leads else opened_at < indent
            if fits and bracket.character == _OPENED_BY[closer.character]:
                return free
    if len(before) < len(prefix):  # what is closed down there was opened further up
        return len(opened)
    return max(0, len(opened) - len(closers))


def excess(code: str, allowed: int) -> int:
    """Return where `code` closes more than `allowed` brackets from before it, or its length."""
    for match in _BRACKET.finditer(code):
        allowed += -1 if match[0] in _OPENED_BY else 1
        if allowed < 0:
            return match.start()
    return len(code)


def _places(text: str, brackets: Sequence[Bracket]) -> list[tuple[int, bool]]:
    """Return the indentation of each bracket's line, and whether the bracket is the first in it.

    The brackets come in their order in the text, so that every line is looked at once.
    """
    places: list[tuple[int, bool]] = []
    start, end, indent, first = 0, -1, 0, 0
    for bracket in brackets:
        if bracket.position > end:
            start = text.rfind("\n", 0, bracket.position) + 1
            end = text.find("\n", bracket.position) % (len(text) + 1)
            if indented := _INDENTED.match(text, start, end):  # it matches any line
                indent, first = len(indented[1]), indented.end()
        places.append((indent, bracket.position == first))
    return places
