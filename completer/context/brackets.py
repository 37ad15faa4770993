"""Which brackets are open at a caret, and which of them a completion may close."""

import re
from collections.abc import Iterable, Sequence
from typing import NamedTuple

from completer.context.lexical import without_text

_CLOSERS_TRIED = 16
BRACKET = re.compile(r"[()\[\]{}]")
_INDENTED = re.compile(r"([ \t]*)\s*")
OPENED_BY = {")": "(", "]": "[", "}": "{"}
CLOSED_BY = {opener: closer for closer, opener in OPENED_BY.items()}


class Bracket(NamedTuple):
    """A bracket without a partner: what it is, and where it stands."""

    character: str
    position: int


_Placed = Sequence[tuple[Bracket, tuple[int, bool]]]
"""Brackets, each with the indentation of its line and whether it leads it; the innermost first."""


def unmatched(code: str, before: Iterable[Bracket] = ()) -> tuple[list[Bracket], list[Bracket]]:
    """Return the brackets that `code` opens and does not close, and closes and did not open.

    `code` has no comments or strings left in it: see `without_text`. Those in `before` are open
    where it begins.
    """
    opened = list(before)
    unopened: list[Bracket] = []
    for match in BRACKET.finditer(code):
        bracket = Bracket(match[0], match.start())
        if bracket.character not in OPENED_BY:
            opened.append(bracket)
        elif opened and opened[-1].character == OPENED_BY[bracket.character]:
            opened.pop()
        elif not opened:
            unopened.append(bracket)
    return opened, unopened


def closers_of(opened: Sequence[Bracket]) -> str:
    """Return what closes open brackets, the innermost first."""
    return "".join(CLOSED_BY[each.character] for each in reversed(opened))


def open_brackets(text: str, language: str | None = None) -> str:
    """Return the brackets that `text` opens and does not close, the outermost first."""
    return "".join(bracket.character for bracket in unmatched(without_text(text, language))[0])


def closable(before: str, after: str, language: str | None, *, from_start: bool) -> int:
    """Return how many of the brackets open at the caret the suffix does not close.

    `before` and `after` are the text around it; `from_start`: nothing else stands before it.

    Below zero: so many closes the caret's line that are not open yet. Further down, a bracket at
    the start of its line closes one from a line with the same indentation, any other one from a
    line with less; all brackets inside that one are free.
    """
    code = without_text(before + after, language)
    opened, _ = unmatched(code[: len(before)])
    _, closers = unmatched(code[len(before) :])
    line_end = after.find("\n") % (len(after) + 1)
    in_line = sum(bracket.position < line_end for bracket in closers)
    places = list(zip(opened, _places(before, opened), strict=True))[::-1]
    below = closers[in_line : in_line + _CLOSERS_TRIED]
    ends = list(zip(below, _places(after, below), strict=True))
    # what the line closes was open, or is not open yet: as more of what is closed below fits
    taken = partners(opened, closers[:in_line])
    options = [(_free(places[taken:], ends), taken - in_line), (_free(places, ends), -in_line)]
    (free, fitting), more = max(options, key=lambda option: option[0][1])
    if fitting:
        return free + more
    if in_line:  # nothing below closes what this line leaves open
        line_start = before.rfind("\n") + 1
        in_this_line = sum(bracket.position >= line_start for bracket in opened)
        return max(in_this_line, taken) - in_line
    if not from_start:  # what is closed down there was opened further up
        return len(opened)
    return max(0, len(opened) - len(closers))


def partners(opened: Sequence[Bracket], closers: Sequence[Bracket]) -> int:
    """Return how many of the innermost open brackets the first closers fit."""
    pairs = zip(reversed(opened), closers, strict=False)
    wrong = (i for i, (one, two) in enumerate(pairs) if one.character != OPENED_BY[two.character])
    return next(wrong, min(len(opened), len(closers)))


def _free(opened: _Placed, closers: _Placed) -> tuple[int, int]:
    """Return how many open brackets are inside the one that is closed first, and how many fit."""
    at, free, fitting = 0, 0, 0
    for closer, (indent, leads) in closers:
        for number, (bracket, (opened_at, _)) in enumerate(opened[at:], at):
            fits = opened_at == indent if leads else opened_at < indent
            if fits and bracket.character == OPENED_BY[closer.character]:
                free, at, fitting = free if fitting else number, number + 1, fitting + 1
                break
    return free, fitting


def excess(code: str, allowed: int) -> int:
    """Return where `code` closes more than `allowed` brackets from before it, or its length."""
    for match in BRACKET.finditer(code):
        allowed += -1 if match[0] in OPENED_BY else 1
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
