"""The values that next edits are told in: what was edited, what is asked, what comes back."""

from dataclasses import dataclass
from typing import Literal

from completer.place import Place
from completer.request import Trigger

Why = Literal[
    "renamed",
    "parameter added",
    "parameter removed",
    "literal changed",
    "made again",
    "written by the model",
]
"""Which edit an offered one goes on with, or that a model wrote it."""


@dataclass(frozen=True, slots=True)
class Hunk:
    """One edit that was made: at `start` (characters), `old` became `new`.

    Positions are those of the file as it was then, after all hunks before. `time` is in seconds
    since 1970.
    """

    path: Place
    start: int
    old: str
    new: str
    time: float = 0.0

    @property
    def end(self) -> int:
        """Where `old` ended."""
        return self.start + len(self.old)

    def applied(self, text: str) -> str:
        """Return the text after the edit of one before it."""
        return text[: self.start] + self.new + text[self.end :]

    def undone(self, text: str) -> str | None:
        """Return the text before the edit; `None` where `text` is not one after it."""
        inside = 0 <= self.start <= len(text)
        if not inside or not text.startswith(self.new, self.start):
            return None
        return text[: self.start] + self.old + text[self.start + len(self.new) :]


@dataclass(frozen=True, slots=True)
class Point:
    """A place in a text: its line, from 0, and what of the line stands before it.

    So that whoever counts in UTF-16 can, without the text.
    """

    line: int
    before: str

    @property
    def utf16(self) -> int:
        """UTF-16 units before it in its line."""
        return len(self.before.encode("utf-16-le", "surrogatepass")) // 2


@dataclass(frozen=True, slots=True)
class NextEdit:
    """An edit that is offered: between `start` and `end`, `old` becomes `new`."""

    path: Place
    start: Point
    end: Point
    old: str
    new: str
    why: Why


@dataclass(frozen=True, slots=True, kw_only=True)
class NextEditRequest:
    """What is edited next, with the caret at `offset` (characters) of the `text` of `path`?

    `history` holds the edits so far, the oldest first. `None`: those that the service has seen;
    without any, what is different in the file on disk. `workspace`, `may_use`, `language` and
    `disabled_in` are as in `CompletionRequest`; at most `most` edits are wanted. With the `trigger`
    "manual" an edit by a model comes however sure that is.
    """

    path: Place
    text: str
    offset: int
    history: tuple[Hunk, ...] | None = None
    workspace: Place | None = None
    may_use: frozenset[Place] | None = None
    language: str | None = None
    disabled_in: tuple[str, ...] = ()
    most: int = 10
    trigger: Trigger = "automatic"

    @property
    def around_caret(self) -> tuple[str, str]:
        """What stands before and behind the caret."""
        return self.text[: self.offset], self.text[self.offset :]


def point_at(text: str, offset: int) -> Point:
    """Return the place of a character."""
    begin = text.rfind("\n", 0, offset) + 1
    return Point(text.count("\n", 0, begin), text[begin:offset])
