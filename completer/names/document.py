"""A document around a caret, with its unfinished line made harmless or finished."""

import re
from dataclasses import dataclass
from functools import cached_property

from completer.context.brackets import CLOSED_BY, Bracket, closable, unmatched
from completer.context.lexical import Lexeme, blank_out, indentation, tokens
from completer.names.place import with_import, without_last_word

Position = tuple[int, int]
"""A line from 1 and a column from 0."""

_NO_WORD = re.compile(r"\W")
_WORD_START = re.compile(r"\w*")
_IMPORT = re.compile(r"\s*(?:from|import)\b")
_HEADER = re.compile(
    r"\s*(?:async\s+)?(?:if|for|while|with|def|class|else|elif|try|except|finally|match|case)\b"
)
_CLAUSES = {
    "else": "else:",
    "elif": "elif 1:",
    "try": "try:",
    "except": "except:",
    "finally": "finally:",
    "case": "case _:",
}
"""What may stand in place of a line that begins so, lest those above and below it are broken."""


@dataclass(frozen=True)
class Document:
    r"""The Python text before and after a caret; lines end with `\n`."""

    before: str
    after: str

    @property
    def around(self) -> "Document":
        """The document with only that of the caret's line on which the names around it depend."""
        clause = f"{word} " if (word := _first_word(self.line + self._rest)) in _CLAUSES else ""
        return Document(self._above + indentation(self.line) + clause, self._below)

    @property
    def at_caret(self) -> "Document | None":
        """The document without the name behind which the caret is; `None` if it does not count.

        Where `import` comes next it is there already: what may be imported is then known in time.
        """
        whole = None if self._rest.strip() else with_import(self.line)
        before = self._above + whole if whole else without_last_word(self.before)
        behind_dot = before.rstrip(" \t").endswith(".")
        if self.in_text or not (behind_dot or self._opened or self.in_import):
            return None
        return Document(before, self.after)

    @cached_property
    def line(self) -> str:
        """The caret's line, left of the caret."""
        return self.before[self.before.rfind("\n") + 1 :]

    @cached_property
    def in_text(self) -> bool:
        """Whether the caret stands in a string or comment."""
        last = self._lexemes[-1] if self._lexemes else None
        return last is not None and last.covers(len(self.before))

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
        indent = indentation(self.line + self._rest.rstrip())
        filler = self._closing if self._opened else self._filler(indent)
        text = f"{self._above}{indent}{filler}{self._below}"
        return text, (self._above.count("\n") + 1, len(indent))

    def with_name(self) -> tuple[str, Position]:
        """Return the text with a name at the caret and its line finished, and the name's place."""
        before = without_last_word(self.before)
        rest = _WORD_START.sub("", self._rest, count=1)
        if not rest.strip() or rest.lstrip().startswith("#"):
            body = ":" if self._opens_block(self.line) else ": pass"
            rest = self._closing + (body if _HEADER.match(self.statement) else "")
        place = (before.count("\n") + 1, len(before) - before.rfind("\n") - 1)
        return f"{before}_{rest}{self._below}", place

    @property
    def _above(self) -> str:
        return self.before[: len(self.before) - len(self.line)]

    @property
    def _rest(self) -> str:
        return self.after.partition("\n")[0]

    @property
    def _below(self) -> str:
        return self.after[len(self._rest) :]

    @cached_property
    def _opened(self) -> list[Bracket]:
        return unmatched(blank_out(self.before, self._lexemes))[0]

    @cached_property
    def _lexemes(self) -> tuple[Lexeme, ...]:
        return tuple(tokens(self.before, "python"))

    @cached_property
    def _closing(self) -> str:
        """The closers of open brackets that the text behind the line leaves to it."""
        count = closable(self.before, self._below, "python", from_start=True)
        innermost = self._opened[::-1][: max(0, count)]
        return "".join(CLOSED_BY[bracket.character] for bracket in innermost)

    def _filler(self, indent: str) -> str:
        """Return a statement in place of the line: a header where a block follows."""
        clause = _CLAUSES.get(_first_word(self.line))
        if self._opens_block(indent):
            return clause or "if 1:"
        return f"{clause} pass" if clause else "pass"

    def _opens_block(self, line: str) -> bool:
        following = next((each for each in self._below.split("\n") if each.strip()), "")
        return len(indentation(following)) > len(indentation(line))


def _first_word(line: str) -> str:
    return _NO_WORD.split(line.lstrip(), maxsplit=1)[0]
