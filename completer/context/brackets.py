"""Which brackets are open at a caret, and which of them a completion may close."""

import re
from dataclasses import dataclass

from completer.context.lexical import indentation, window_after, window_before, without_text

_WINDOW = 8_192
_CLOSERS_TRIED = 16
_BRACKET = re.compile(r"[()\[\]{}]")
_OPENED_BY = {")": "(", "]": "[", "}": "{"}


@dataclass(frozen=True, slots=True)
class Bracket:
    """A bracket without a partner: what it is, and where it stands."""

    character: str
    position: int


def unmatched(code: str) -> tuple[list[Bracket], list[Bracket]]:
    """Return the brackets that `code` opens and does not close, and closes and did not open.

    `code` has no comments or strings left in it: see `without_text`.
    """
    opened: list[Bracket] = []
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
    places = [(bracket.character, *_place(before, bracket)) for bracket in reversed(opened)]
    for closer in closers[:_CLOSERS_TRIED]:
        indent, leads = _place(after, closer)
        for free, (character, opened_at, _) in enumerate(places):
            fits = opened_at == indent if leads else opened_at < indent
            if fits and character == _OPENED_BY[closer.character]:
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


def _place(text: str, bracket: Bracket) -> tuple[int, bool]:
    """Return the indentation of a bracket's line, and whether the bracket is the first in it."""
    head = text[text.rfind("\n", 0, bracket.position) + 1 : bracket.position]
    return len(indentation(head)), not head.strip()
