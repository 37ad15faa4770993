"""Formats of models that were trained to write the next edit: what they are asked, and answer.

A model's config may say its format (`"edit_format": "sweep"` in config.json); otherwise its name
does. Formats that could not be read as a whole are left out: Continue's Instinct.
"""

from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import ClassVar

from models.errors import ModelError

File = tuple[str, str]
Span = tuple[int, int]
"""Characters [begin, end) of a text; of a region, whole lines."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """An edit that was made, in whole lines: from `line` (from 0) on, `old` became `new`.

    `above` and `below` are up to three lines around it.
    """

    path: str
    line: int
    above: tuple[str, ...] = ()
    old: tuple[str, ...] = ()
    new: tuple[str, ...] = ()
    below: tuple[str, ...] = ()

    @property
    def diff(self) -> str:
        """A hunk of a unified diff."""
        first, around = self.line - len(self.above) + 1, len(self.above) + len(self.below)
        before, after = len(self.old) + around, len(self.new) + around
        marked = ((" ", self.above), ("-", self.old), ("+", self.new), (" ", self.below))
        lines = [f"{mark}{line}\n" for mark, each in marked for line in each]
        return f"@@ -{first},{before} +{first},{after} @@\n{''.join(lines)}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Situation:
    """A file with the caret at `caret` (characters), the last edits, the oldest first, other files.

    `former` is the file before the latest edit of it.
    """

    path: str
    text: str
    caret: int
    former: str = ""
    changes: tuple[Change, ...] = ()
    files: tuple[File, ...] = ()

    @property
    def texts(self) -> Iterator[str]:
        """Everything that comes from files: no mark may stand in it."""
        yield from (self.path, self.text, self.former)
        for change in self.changes:
            for lines in (change.above, change.old, change.new, change.below):
                yield from (change.path, *lines)
        for path, text in self.files:
            yield from (path, text)


class EditFormat(ABC):
    """One family's format.

    `source` says where it is written down. `named`: models are called so. `marks` may stand in no
    text that is asked about. An answer ends at one of `ends`, or at a special token.
    """

    name: ClassVar[str]
    source: ClassVar[str]
    named: ClassVar[tuple[str, ...]]
    marks: ClassVar[tuple[str, ...]]
    ends: ClassVar[tuple[str, ...]]

    @abstractmethod
    def region(self, text: str, caret: int) -> Span:
        """Return the lines that are rewritten."""

    @abstractmethod
    def prompt(self, asked: Situation) -> str:
        """Lay out what the model is asked, marks included."""

    @abstractmethod
    def answer(self, asked: Situation, region: str) -> str:
        """Return what the model would write for the region to become this text: to draft from."""

    @abstractmethod
    def read(self, asked: Situation, answer: str) -> str | None:
        """Return what the region becomes; `None` for an answer that is no edit."""


def find_edit_format(config: Mapping[str, object]) -> EditFormat | None:
    """Return the format that a model speaks, by its config or by its name; `None`: none.

    `_name_or_path` and `source` hold the name, where it was loaded from. Raises `ModelError` for
    a format that there is not.
    """
    from models.edit_sweep import Sweep
    from models.edit_zeta import Zeta1, Zeta2, Zeta21

    formats: tuple[EditFormat, ...] = (Sweep(), Zeta21(), Zeta2(), Zeta1())
    wanted = config.get("edit_format")
    for each in formats:
        if wanted == each.name:
            return each
    if wanted is not None:
        known = ", ".join(each.name for each in formats)
        raise ModelError(f"There is no edit format named {wanted!r}.", hint=f"Known: {known}.")
    paths = [str(config.get(key, "")).lower() for key in ("_name_or_path", "source")]
    parts = [part for path in paths for part in path.replace("--", "/").split("/")[-3:]]
    return next((e for e in formats for part in parts if part.startswith(e.named)), None)


def lines_at(text: str, begin: int, end: int) -> Span:
    """Widen a span to whole lines, with their ends."""
    behind = text.find("\n", end)
    return text.rfind("\n", 0, begin) + 1, len(text) if behind < 0 else behind + 1


def lines_around(text: str, caret: int, characters: int) -> Span:
    """Return the line of the caret, and lines above and below it of about so many characters."""
    begin, end = lines_at(text, caret, caret)
    first = begins_within(text, begin, characters // 2)
    last = ends_within(text, end, characters - (begin - first))
    return begins_within(text, begin, characters - (last - end)), last


def begins_within(text: str, at: int, characters: int) -> int:
    """Return where the first line begins that is not further above the line start `at`."""
    return 0 if at <= characters else text.find("\n", at - characters - 1, at) + 1 or at


def ends_within(text: str, at: int, characters: int) -> int:
    """Return where the last line ends that is not further below the line start `at`."""
    end = at + characters
    return len(text) if end >= len(text) else text.rfind("\n", at, end) + 1 or at
