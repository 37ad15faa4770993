"""A document around a caret, with its unfinished line made harmless or finished."""

import re
from dataclasses import dataclass
from functools import cached_property
from typing import ClassVar

from completer.context.brackets import OPENED_BY, Bracket, closable, unmatched
from completer.context.lexical import indentation, open_token, without_text

Position = tuple[int, int]
"""A line from 1 and a column from 0."""

_CLOSER = {opener: closer for closer, opener in OPENED_BY.items()}
_WORD_END = re.compile(r"\w*$")
_WORD_START = re.compile(r"\w*")
_IMPORT = re.compile(r"\s*(?:from|import)\b")
_HEADER = re.compile(
    r"\s*(?:(?:async\s+)?(?P<word>if|for|while|with|def|class|else|elif|try|except|finally|match"
    r"|case))\b"
)
_SAME_HEADER = {
    "else": "else:",
    "elif": "elif 1:",
    "try": "try:",
    "except": "except:",
    "finally": "finally:",
    "case": "case _:",
}


@dataclass(frozen=True)
class Document:
    r"""The Python text before and after a caret; lines end with `\n`."""

    before: str
    after: str

    HEADERS: ClassVar = frozenset(
        "if for while with def class else elif try except finally match case async".split()  # noqa: SIM905
    )

    @property
    def asks_caret(self) -> bool:
        """Whether more can be said of the caret itself than of its line."""
        if self.in_text:
            return False
        behind = _WORD_END.sub("", self.before).rstrip(" \t")
        return behind.endswith(".") or bool(self._opened) or self.in_import

    @cached_property
    def line(self) -> str:
        """The caret's line, left of the caret."""
        return self.before[self.before.rfind("\n") + 1 :]

    @cached_property
    def in_text(self) -> bool:
        """Whether the caret stands in a string or comment."""
        return open_token(self.before, "python") is not None

    @cached_property
    def statement(self) -> str:
        """What stands left of the caret since the line in which its outermost bracket opens."""
        start = self.before.rfind("\n") + 1
        if self._opened:
            start = self.before.rfind("\n", 0, self._opened[0].position) + 1
        return self.before[start:]

    @property
    def in_import(self) -> bool:
        """Whether the caret stands in an import statement."""
        return _IMPORT.match(self.statement) is not None

    def without_line(self) -> tuple[str, Position]:
        """Return the text without what the caret's line says, and a place in that line."""
        above = self.before[: len(self.before) - len(self.line)]
        below = self.after[len(self.after.partition("\n")[0]) :]
        indent = indentation(self.line + self.after.partition("\n")[0].rstrip())
        filler = self._closing if self._opened else self._filler(indent, below)
        return f"{above}{indent}{filler}{below}", (above.count("\n") + 1, len(indent))

    def with_name(self) -> tuple[str, Position]:
        """Return the text with a name at the caret and its line finished, and the name's place."""
        before = _WORD_END.sub("", self.before)
        rest, newline, below = _WORD_START.sub("", self.after, count=1).partition("\n")
        if not rest.strip() or rest.lstrip().startswith("#"):
            body = ":" if self._opens_block(self.line, below) else ": pass"
            rest = self._closing + (body if _HEADER.match(self.statement) else "")
        place = (before.count("\n") + 1, len(before) - before.rfind("\n") - 1)
        return f"{before}_{rest}{newline}{below}", place

    @cached_property
    def _opened(self) -> list[Bracket]:
        return unmatched(without_text(self.before, "python"))[0]

    @cached_property
    def _closing(self) -> str:
        """The closers of open brackets that the text behind the line leaves to it."""
        below = self.after[len(self.after.partition("\n")[0]) :]
        count = closable(self.before, below, "python", from_start=True)
        innermost = self._opened[::-1][: max(0, count)]
        return "".join(_CLOSER[bracket.character] for bracket in innermost)

    def _filler(self, indent: str, below: str) -> str:
        """Return a statement in place of the line: a header where a block follows."""
        header = _HEADER.match(self.line)
        opens = self._opens_block(indent, below)
        if header and (opens or header["word"] in _SAME_HEADER):
            body = "" if opens else " pass"
            return _SAME_HEADER.get(header["word"], "if 1:") + body
        return "if 1:" if opens else "pass"

    @staticmethod
    def _opens_block(line: str, below: str) -> bool:
        following = next((each for each in below.split("\n") if each.strip()), "")
        return len(indentation(following)) > len(indentation(line))
