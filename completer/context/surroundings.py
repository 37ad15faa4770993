"""The text around a caret, as the rules about text read it: a bounded part, and what it is."""

import re
from bisect import bisect_left
from dataclasses import dataclass
from functools import cached_property
from operator import attrgetter

from completer.context.brackets import closable
from completer.context.lexical import Lexeme, Where, blank_out, tokens, window_after

WINDOW = 8_192
"""So many characters are looked at on each side of a caret."""

HEAD = 8_192
"""So many characters at a file's start are read for its imports."""

_TOP_LEVEL = re.compile(r"^[A-Za-z_@#/]", re.MULTILINE)


@dataclass(frozen=True)
class Surroundings:
    r"""What stands around a caret. Lines end with `\n`, whatever the file's do.

    `before` begins in code: where a comment or string goes over its start, the mark that opens it
    stands there. `language` is `None` where it is not known.
    """

    before: str
    after: str = ""
    language: str | None = None
    head: str = ""
    """The start of the file, as far as it is before the caret."""
    lines: int = 0
    """How many lines there are above the caret's."""
    from_start: bool = True
    """Whether `before` is all that stands before the caret."""

    @property
    def from_top_level(self) -> bool:
        """Whether `before` begins at the top level of the file, as far as indentation tells."""
        return self.from_start or _TOP_LEVEL.match(self.before) is not None

    @classmethod
    def of(cls, prefix: str, suffix: str = "", language: str | None = None) -> "Surroundings":
        """Look around the caret between `prefix` and `suffix`."""
        prefix, suffix = prefix.replace("\r\n", "\n"), suffix.replace("\r\n", "\n")
        before = _window_before(prefix, language)
        return cls(
            before,
            window_after(suffix, WINDOW),
            language,
            head=prefix[:HEAD],
            lines=prefix.count("\n"),
            from_start=len(before) == len(prefix),
        )

    @cached_property
    def lexemes(self) -> tuple[Lexeme, ...]:
        """The comments and strings before the caret; it may stand in the last one."""
        return tuple(tokens(self.before, self.language))

    @cached_property
    def where(self) -> Where:
        """In what the caret stands."""
        last = self.lexemes[-1] if self.lexemes else None
        return last.kind if last is not None and last.covers(len(self.before)) else "code"

    @cached_property
    def code(self) -> str:
        """What stands before the caret, with comments and strings blanked out."""
        return blank_out(self.before, self.lexemes)

    @cached_property
    def closable(self) -> int:
        """How many open brackets the suffix does not close: see `brackets.closable`."""
        return closable(self.before, self.after, self.language, from_start=self.from_start)

    @cached_property
    def line(self) -> str:
        """The caret's line, left of the caret."""
        return self.before[self.before.rfind("\n") + 1 :]

    @cached_property
    def lead(self) -> str:
        """The same, from the start of the comment or string on that goes over the line's start."""
        start = len(self.before) - len(self.line)
        over = (each.start for each in self.lexemes if each.start < start and each.covers(start))
        return self.before[next(over, start) :]

    @cached_property
    def rest(self) -> str:
        """The caret's line, right of the caret."""
        return self.after.partition("\n")[0]

    @cached_property
    def lines_before(self) -> list[str]:
        """Whole lines above the caret's, the nearest last."""
        return self.before.split("\n")[:-1]

    @cached_property
    def lines_after(self) -> list[str]:
        """Whole lines below the caret's, the nearest first."""
        return self.after.split("\n")[1:]


def _window_before(prefix: str, language: str | None) -> str:
    """Return the end of `prefix`: whole lines, from an unindented line of code on, if there is one.

    While a person types, such a line seldom changes. Of a line that is longer than the window, its
    end is all that is returned.
    """
    if len(prefix) <= WINDOW:
        return prefix
    first = len(prefix) - WINDOW
    start = prefix.find("\n", first) + 1 or first
    found = list(tokens(prefix, language))
    for line in _TOP_LEVEL.finditer(prefix, start):
        if _token_over(found, line.start()) is None:
            return prefix[line.start() :]
    token = _token_over(found, start)
    if token is None:
        return prefix[start:]
    if start > token.end - len(token.closing):  # in the mark that closes it
        return prefix[token.end :]
    return token.opening + prefix[max(start, token.start + len(token.opening)) :]


def _token_over(found: list[Lexeme], position: int) -> Lexeme | None:
    """Return the one of the tokens `found` in which a position lies, not at its start."""
    last = bisect_left(found, position, key=attrgetter("start")) - 1
    return found[last] if last >= 0 and position < found[last].end else None
