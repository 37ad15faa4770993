"""The one place that says which files of a folder may be read, and that reads them.

Left out are what git ignores, hidden, vendored, built, generated, binary and huge files, everything
whose name or head says that it holds a secret, and whatever is not a regular file of this very
folder: links that leave it, FIFOs, devices, foreign URIs. What looks like a secret in a file that
is read is cut out of its text.
"""

import os
from collections import Counter
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

from completer.context.content import (
    HEAD_BYTES,
    NotRegularFileError,
    content_reason,
    decode,
    opened_beneath,
    read_up_to,
)
from completer.context.languages import language_of_name, language_of_shebang
from completer.context.reading_rules import Folder, ReadingRules
from completer.context.verdict import Reason, Verdict
from completer.errors import WorkspaceError
from completer.place import Place, local_place, name_in
from completer.secrets.finding import rules_digest, without_secrets

_MOST_IN_FOLDER = 200_000
_MOST_ENTRIES = 2_000_000  # looked at in one pass, whatever becomes of them


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkspaceOptions:
    """What a person may change about the choice of files.

    `include` and `exclude` are patterns as in `.gitignore`, relative to the root. `include` admits
    files that their name would leave out (ignored, hidden, vendored, secret); a pattern with
    folders in it also opens these folders. `gitignore` says whether git's rules count.
    `keep_secrets` leaves in the text what looks like a secret, in admitted files too.
    """

    max_file_bytes: int = 1 << 20
    max_files: int = 200_000
    include: tuple[str, ...] = ()
    exclude: tuple[str, ...] = ()
    gitignore: bool = True
    keep_secrets: bool = False


@dataclass(frozen=True, slots=True)
class SourceFile:
    """A file that may be read. `size` is in bytes, `language` an id as in LSP."""

    path: Path
    size: int
    mtime_ns: int
    language: str


class Workspace:
    """The readable files of the folder `root`.

    `left_out` counts, after a pass over `iter_files`, what was left out and why; a folder counts
    once, whatever it holds. Rules are remembered until `reload` or the next pass. Methods may be
    called from several threads, only `left_out` belongs to the latest pass.

    Raises `WorkspaceError` when `root` is not a folder.
    """

    on_disk = True
    """Whether its files can be found by their paths; else only texts, and modules, are there."""

    def __init__(self, root: Path, *, options: WorkspaceOptions | None = None) -> None:
        self.root = local_place(root)
        if not self.root.is_dir():
            raise WorkspaceError(f"{root} is not a folder", hint="Name an existing folder.")
        self.options = options or WorkspaceOptions()
        self.left_out: Counter[Reason] = Counter()
        self._rules = ReadingRules(
            self.root,
            include=self.options.include,
            exclude=self.options.exclude,
            gitignore=self.options.gitignore,
        )

    @property
    def modules(self) -> Place:
        """The folder in which what is imported is found by its path."""
        return self.root

    @property
    def team_root(self) -> Place | None:
        """The folder of the team's repository that this is a clone of, elsewhere."""
        return None

    @property
    def rule_files(self) -> frozenset[Path]:
        """The files outside of the root, or of git's own, that say what git ignores."""
        return self._rules.rule_files

    def is_rule(self, path: Path) -> bool:
        """Whether a file says which others may be read."""
        return self._rules.is_rule(path)

    def reload(self) -> None:
        """Forget the ignore rules: they, or the folders that they are about, have changed."""
        self._rules.reload()

    def iter_files(self) -> Iterator[SourceFile]:
        """Yield the readable files in an order that depends on their names only."""
        self.reload()
        left_out: Counter[Reason] = Counter()
        self.left_out = left_out
        yielded = 0
        for folder, names in self._walk(self._rules.top, left_out):
            for name in names:
                found = self._inspect(folder, name)
                if isinstance(found, Reason):
                    left_out[found] += 1
                elif yielded == self.options.max_files:
                    left_out[Reason.TOO_MANY] += 1
                    return
                else:
                    yielded += 1
                    yield found

    def iter_folders(self, path: Path | None = None) -> Iterator[Path]:
        """Yield the folders that files are read from: all, or `path` and those beneath it."""
        folder = self._open_folder(path or self.root)
        if folder is not None:
            for inner, _ in self._walk(folder, Counter()):
                yield self.root / inner.path

    def iter_folder(self, path: Path) -> Iterator[SourceFile]:
        """Yield the readable files in and beneath one folder, by the rules as they are known."""
        folder = self._open_folder(path)
        if folder is None:
            return
        for inner, names in self._walk(folder, Counter()):
            found = (self._inspect(inner, name) for name in names)
            yield from (file for file in found if isinstance(file, SourceFile))

    def may_read(self, path: Path | str) -> Verdict:
        """Say whether the file at `path` (absolute, or relative to the root) may be read now."""
        found = self._find(path)
        return Verdict(found) if isinstance(found, Reason) else Verdict()

    def check_name(self, path: Path | str) -> Verdict:
        """Say whether a file of this path may be read as far as its name goes.

        For a document that an editor holds and that need not be on disk. Links are followed.
        """
        located = self._rules.locate(path)
        return Verdict(
            located if isinstance(located, Reason) else self._rules.name_reason(*located)
        )

    def source_file(self, path: Path | str) -> SourceFile | None:
        """Return the file at `path` as `iter_files` would yield it, `None` if it would not."""
        found = self._find(path)
        return None if isinstance(found, Reason) else found

    def read(self, path: Path | str, *, whole: bool = False) -> str | None:
        r"""Return the text of the file at `path` without secrets, `None` if it may not be read.

        Lines end with `\n`, whatever they end with on disk. The file is judged by the
        very bytes that are returned. `whole`: with what looks like a secret, so that places in it
        are those of the file; such a text is learned by nobody.
        """
        located = self._rules.locate(path)
        if isinstance(located, Reason) or self._rules.name_reason(*located):
            return None
        folder, name = located
        data = None
        with suppress(OSError), opened_beneath(self.root, _parts(folder, name)) as descriptor:
            data = read_up_to(descriptor, self.options.max_file_bytes)
        if data is None or self._head_reason(folder.path + name, data[:HEAD_BYTES]):
            return None
        return decode(data) if whole else self.cleaned(decode(data))

    def cleaned(self, text: str) -> str:
        """Return a text as it may be learned: without secrets, unless they are to be kept."""
        return text if self.options.keep_secrets else without_secrets(text)

    @property
    def cleaned_by(self) -> str:
        """Names the rules by which texts are cleaned: other rules make other texts."""
        return "" if self.options.keep_secrets else rules_digest()

    def relative(self, path: Path) -> str:
        """Return `path` relative to the root, with slashes; as it is when it lies elsewhere."""
        return name_in(path, self.root)

    def _walk(self, start: Folder, left_out: Counter[Reason]) -> Iterator[tuple[Folder, list[str]]]:
        """Yield the folders that are open, each with its regular files, depth first."""
        stack, entries_left = [start], _MOST_ENTRIES
        while stack:
            folder = stack.pop()
            entries = _sorted_entries(self.root / folder.path)
            entries_left -= len(entries)
            if entries_left < 0 or len(entries) == _MOST_IN_FOLDER:
                left_out[Reason.TOO_MANY] += 1
            if entries_left < 0:
                return
            yield folder, [entry.name for entry in entries if entry.is_file(follow_symlinks=False)]
            inner = [self._rules.enter(folder, name) for name in _folder_names(entries, left_out)]
            for below in reversed(inner):
                if self._rules.is_open(below):
                    stack.append(below)
                elif below.reason is not None:
                    left_out[below.reason] += 1

    def _open_folder(self, path: Path) -> Folder | None:
        """Find a folder that files are read from, the root included."""
        if path == self.root:
            return self._rules.top
        located = self._rules.locate(path)
        folder = None if isinstance(located, Reason) else self._rules.enter(*located)
        return folder if folder is not None and self._rules.is_open(folder) else None

    def _find(self, path: Path | str) -> SourceFile | Reason:
        located = self._rules.locate(path)
        return located if isinstance(located, Reason) else self._inspect(*located)

    def _head_reason(self, path: str, head: bytes) -> Reason | None:
        reason = content_reason(head)
        admitted = reason is not Reason.BINARY and self._rules.admits(path)
        return None if admitted else reason

    def _inspect(self, folder: Folder, name: str) -> SourceFile | Reason:
        """Judge one file by its name, its size and its head, in this order."""
        if reason := self._rules.name_reason(folder, name):
            return reason
        language = language_of_name(name)
        if language is None and "." in name:
            return Reason.UNKNOWN
        try:
            with opened_beneath(self.root, _parts(folder, name)) as descriptor:
                status = os.fstat(descriptor)
                if status.st_size > self.options.max_file_bytes:
                    return Reason.HUGE
                head = os.read(descriptor, HEAD_BYTES)
        except NotRegularFileError:
            return Reason.NOT_REGULAR
        except OSError:
            return Reason.MISSING
        if reason := self._head_reason(folder.path + name, head):
            return reason
        language = language or language_of_shebang(head)
        if language is None:
            return Reason.UNKNOWN
        return SourceFile(
            self.root / folder.path / name, status.st_size, status.st_mtime_ns, language
        )


def _parts(folder: Folder, name: str) -> list[str]:
    return (folder.path + name).split("/")


def _sorted_entries(folder: Path) -> list[os.DirEntry[str]]:
    try:
        with os.scandir(folder) as entries:
            return sorted(islice(entries, _MOST_IN_FOLDER), key=lambda entry: entry.name)
    except OSError:
        return []


def _folder_names(entries: list[os.DirEntry[str]], left_out: Counter[Reason]) -> list[str]:
    """Return the names of the folders among `entries`, and count what is no file either."""
    names: list[str] = []
    for entry in entries:
        if entry.is_symlink():
            left_out[Reason.SYMLINK] += 1
        elif entry.is_dir(follow_symlinks=False):
            names.append(entry.name)
        elif not entry.is_file(follow_symlinks=False):
            left_out[Reason.NOT_REGULAR] += 1
    return names
