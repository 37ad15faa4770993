"""The files of a workspace as they were before an edit, and where their places are now."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Protocol

from completer.next_edit.edits import Hunk, Why
from completer.next_edit.python_module import PythonModule
from completer.place import Place

MOST_FILES = 50
"""That are read because they import a name."""
_REMEMBERED = 16


class Files(Protocol):
    """What can be read of a workspace."""

    def text(self, path: Place) -> str | None:
        """Return a file's text as its editor has it, or else as it lies on disk."""
        ...

    def name(self, path: Place) -> str:
        """Return a file's path relative to the workspace, with slashes."""
        ...

    def importing(self, name: str) -> Sequence[Place]:
        """Return the files that import a name, or a module of this name."""
        ...

    def defining(self, name: str) -> Sequence[str]:
        """Return the paths, relative to the workspace, of files that define a name."""
        ...


@dataclass(frozen=True, slots=True)
class Candidate:
    """An edit that would go on with another; characters of the file as it was before that."""

    path: Place
    start: int
    end: int
    new: str
    why: Why


class Modules:
    """Parses texts, once each, and remembers the last of them. For one thread at a time."""

    def __init__(self) -> None:
        self._known: dict[str, PythonModule | None] = {}

    def of(self, text: str) -> PythonModule | None:
        """Return a text parsed; `None` if that takes too long."""
        if text not in self._known:
            try:
                self._known[text] = PythonModule(text)
            except ValueError:
                self._known[text] = None
        return self._known[text]

    def forget(self) -> None:
        """Keep only so many of them."""
        while len(self._known) > _REMEMBERED:
            del self._known[next(iter(self._known))]


class Snapshot:
    """`files` before the edit `hunks[index]`."""

    def __init__(self, files: Files, hunks: Sequence[Hunk], index: int, modules: Modules) -> None:
        self.files = files
        self.hunk = hunks[index]
        self.later = hunks[index:]
        self.parsed = modules.of

    def text(self, path: Place) -> str | None:
        """Return a file as it was; `None` if that is not known."""
        text = self.files.text(path)
        for hunk in reversed(self.later):
            if hunk.path == path and text is not None:
                text = hunk.undone(text)
        return text

    def module(self, path: Place) -> PythonModule | None:
        """Return a file as it was, parsed; `None` if it is not known, or takes too long."""
        text = self.text(path)
        return None if text is None else self.parsed(text)

    def importers(self, name: str) -> Iterator[tuple[Place, PythonModule]]:
        """Yield the other files that import `name`."""
        for path in self.files.importing(name)[:MOST_FILES]:
            if path != self.hunk.path and (module := self.module(path)) is not None:
                yield path, module

    def now(self, candidate: Candidate) -> tuple[int, int] | None:
        """Return where a candidate's characters are now; `None` if they were edited since."""
        start, end = candidate.start, candidate.end
        for hunk in self.later:
            if hunk.path != candidate.path:
                continue
            if start == end and hunk.start <= start <= hunk.end:
                return None
            if hunk.end <= start:
                by = len(hunk.new) - len(hunk.old)
                start, end = start + by, end + by
            elif hunk.start < end:
                return None
        return start, end
