"""A small workspace of texts, in which a person edits."""

from dataclasses import dataclass, field
from pathlib import Path

from completer.next_edit.edits import NextEdit, NextEditRequest
from completer.next_edit.history import EditHistory
from completer.next_edit.imports import ImportTable
from completer.next_edit.where import NextEdits
from completer.place import Place

ROOT = Path("/w")


@dataclass
class Folder:
    """Files by their names, and what was edited in them. Implements `Files`.

    `shown_from`: the probability from which on edits are made again; else only rules count.
    """

    files: dict[str, str]
    defined: dict[str, list[str]] = field(default_factory=dict)
    shown_from: float = 2.0

    def __post_init__(self) -> None:
        self.history = EditHistory()
        self.imports = ImportTable(ROOT)
        for name, text in self.files.items():
            self.imports.update(self.place(name), text)
            self.history.document_changed(self.place(name), text)
        self.finder = NextEdits(self)

    def place(self, name: str) -> Place:
        return Place(ROOT / name)

    def text(self, path: Place) -> str | None:
        return self.files.get(self.name(path))

    def name(self, path: Place) -> str:
        return path.relative_to(ROOT).as_posix()

    def importing(self, name: str) -> list[Place]:
        return [self.place(each) for each in self.imports.importing(name)]

    def defining(self, name: str) -> list[str]:
        return self.defined.get(name, [])

    def edit(self, old: str, new: str, name: str = "a.py", count: int = 0) -> None:
        """Replace the first `old` after `count` others."""
        text, at = self.files[name], -1
        for _ in range(count + 1):
            at = text.index(old, at + 1)
        self.files[name] = text[:at] + new + text[at + len(old) :]
        self.caret = at + len(new)
        self.history.document_changed(self.place(name), self.files[name])

    def next(self, name: str = "a.py", offset: int | None = None) -> tuple[NextEdit, ...]:
        caret = self.caret if offset is None else offset
        path, text = self.place(name), self.files[name]
        request = NextEditRequest(path=path, text=text, offset=caret, most=100)
        return self.finder.find(request, self.history.hunks, self.shown_from)

    def lines(self, name: str = "a.py", offset: int | None = None) -> list[str]:
        """What would be edited, as lines with the edit made."""
        return [self._line(each) for each in self.next(name, offset)]

    def follow(self, name: str = "a.py") -> int:
        """Accept next edits until there is none; how many that were."""
        for count in range(50):
            found = self.next(name)
            if not found:
                return count
            self.accept(found[0])
        raise AssertionError("it never ends")

    def accept(self, edit: NextEdit) -> None:
        name = self.name(edit.path)
        text = self.files[name]
        start = self._offset(text, edit.start.line) + len(edit.start.before)
        end = self._offset(text, edit.end.line) + len(edit.end.before)
        assert text[start:end] == edit.old
        self.files[name] = text[:start] + edit.new + text[end:]
        self.caret = start + len(edit.new)
        self.history.document_changed(edit.path, self.files[name])

    def _line(self, edit: NextEdit) -> str:
        text = self.files[self.name(edit.path)]
        end = self._offset(text, edit.end.line) + len(edit.end.before)
        rest = text[end:].partition("\n")[0]
        where = "" if edit.path == self.place("a.py") else f"{self.name(edit.path)}: "
        return where + (edit.start.before + edit.new + rest).strip()

    @staticmethod
    def _offset(text: str, line: int) -> int:
        return sum(len(each) for each in text.splitlines(keepends=True)[:line])
