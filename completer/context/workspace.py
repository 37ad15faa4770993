"""The one place that says which files of a folder may be read, and that reads them.

Left out are what git ignores, hidden, vendored, built, generated, binary and huge files, everything
whose name or head says that it holds a secret, and whatever is not a regular file of this very
folder: links that leave it, FIFOs, devices, foreign URIs. What looks like a secret in a file that
is read is cut out of its text.
"""

import os
import re
from collections import Counter
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from completer.context.content import (
    HEAD_BYTES,
    NotRegularFileError,
    content_reason,
    decode,
    opened_beneath,
    read_up_to,
)
from completer.context.filenames import file_reason, folder_reason, is_build_folder_name
from completer.context.gitignore import IgnoreFile, IgnoreRules, rules_above
from completer.context.languages import language_of_name, language_of_shebang
from completer.context.verdict import Reason, Verdict
from completer.errors import WorkspaceError
from completer.place import local_place, name_in
from completer.secrets.finding import rules_digest, without_secrets

_URI = re.compile(r"[A-Za-z][A-Za-z0-9+.-]+:/")


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


@dataclass(frozen=True, slots=True)
class _Folder:
    """A folder below the root: its path (empty or ending with a slash), rules, or why it is out.

    What lies in a folder that is out may still be admitted by an `include` pattern of its own.
    """

    path: str
    rules: IgnoreRules
    reason: Reason | None = None


class Workspace:
    """The readable files of the folder `root`.

    `left_out` counts, after a pass over `iter_files`, what was left out and why; a folder counts
    once, whatever it holds. Rules are remembered until `reload` or the next pass. Methods may be
    called from several threads, only `left_out` belongs to the latest pass.

    Raises `WorkspaceError` when `root` is not a folder.
    """

    def __init__(self, root: Path, *, options: WorkspaceOptions | None = None) -> None:
        self.root = local_place(root)
        if not self.root.is_dir():
            raise WorkspaceError(f"{root} is not a folder", hint="Name an existing folder.")
        self.options = options or WorkspaceOptions()
        self.left_out: Counter[Reason] = Counter()
        self._include = IgnoreFile(self.options.include)
        self._exclude = IgnoreFile(self.options.exclude)
        self._opened_folders = _literal_folders(self.options.include)
        self._folders: dict[str, _Folder] = {}
        self.reload()

    def reload(self) -> None:
        """Forget the ignore rules: they, or the folders that they are about, have changed."""
        rules, top = (
            rules_above(self.root) if self.options.gitignore else (IgnoreRules(), self.root)
        )
        self._top = top
        self._from_top = "".join(part + "/" for part in self.root.relative_to(top).parts)
        self._folders = {"": self._with_own_rules(_Folder("", rules))}

    def iter_files(self) -> Iterator[SourceFile]:
        """Yield the readable files in an order that depends on their names only."""
        self.reload()
        left_out: Counter[Reason] = Counter()
        self.left_out = left_out
        yielded = 0
        for folder, name in self._walk(self._folders[""], left_out):
            found = self._inspect(folder, name)
            if isinstance(found, Reason):
                left_out[found] += 1
            elif yielded == self.options.max_files:
                left_out[Reason.TOO_MANY] += 1
                return
            else:
                yielded += 1
                yield found

    def iter_folder(self, path: Path) -> Iterator[SourceFile]:
        """Yield the readable files in and beneath one folder, by the rules as they are known."""
        located = self._locate(path)
        if isinstance(located, Reason):
            return
        folder = self._enter(*located)
        if folder.reason is None or folder.path in self._opened_folders:
            for inner, name in self._walk(folder, Counter()):
                found = self._inspect(inner, name)
                if isinstance(found, SourceFile):
                    yield found

    def may_read(self, path: Path | str) -> Verdict:
        """Say whether the file at `path` (absolute, or relative to the root) may be read now."""
        found = self._find(path)
        return Verdict(found) if isinstance(found, Reason) else Verdict()

    def check_name(self, path: Path | str) -> Verdict:
        """Say whether a file of this path may be read as far as its name goes.

        For a document that an editor holds and that need not be on disk. Links are followed.
        """
        located = self._locate(path)
        return Verdict(located if isinstance(located, Reason) else self._name_reason(*located))

    def source_file(self, path: Path | str) -> SourceFile | None:
        """Return the file at `path` as `iter_files` would yield it, `None` if it would not."""
        found = self._find(path)
        return None if isinstance(found, Reason) else found

    def read(self, path: Path | str) -> str | None:
        r"""Return the text of the file at `path` without secrets, `None` if it may not be read.

        Lines end with `\n`, whatever they end with on disk. The file is judged by the
        very bytes that are returned.
        """
        located = self._locate(path)
        if isinstance(located, Reason) or self._name_reason(*located):
            return None
        folder, name = located
        data = None
        with suppress(OSError), opened_beneath(self.root, _parts(folder, name)) as descriptor:
            data = read_up_to(descriptor, self.options.max_file_bytes)
        if data is None or self._head_reason(folder.path + name, data[:HEAD_BYTES]):
            return None
        return self.cleaned(decode(data))

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

    def _walk(self, start: _Folder, left_out: Counter[Reason]) -> Iterator[tuple[_Folder, str]]:
        """Yield the regular files of the folders that are open, depth first."""
        stack = [start]
        while stack:
            folder = stack.pop()
            inner: list[_Folder] = []
            for entry in _sorted_entries(self.root / folder.path):
                if entry.is_symlink():
                    left_out[Reason.SYMLINK] += 1
                elif entry.is_file(follow_symlinks=False):
                    yield folder, entry.name
                elif not entry.is_dir(follow_symlinks=False):
                    left_out[Reason.NOT_REGULAR] += 1
                else:
                    below = self._enter(folder, entry.name)
                    if below.reason is None or below.path in self._opened_folders:
                        inner.append(below)
                    else:
                        left_out[below.reason] += 1
            stack.extend(reversed(inner))

    def _locate(self, path: Path | str) -> tuple[_Folder, str] | Reason:
        """Return the folder and name of what `path` really is, links followed."""
        if isinstance(path, str) and _URI.match(path):
            return Reason.OUTSIDE
        try:
            real = Path(os.path.realpath(self.root / path))
        except (OSError, ValueError):
            return Reason.OUTSIDE
        if real == self.root or not real.is_relative_to(self.root):
            return Reason.OUTSIDE
        relative = real.relative_to(self.root)
        folder = self._folders[""]
        for name in relative.parts[:-1]:
            folder = self._enter(folder, name)
        return folder, relative.name

    def _find(self, path: Path | str) -> SourceFile | Reason:
        located = self._locate(path)
        return located if isinstance(located, Reason) else self._inspect(*located)

    def _enter(self, parent: _Folder, name: str) -> _Folder:
        path = f"{parent.path}{name}/"
        known = self._folders.get(path)
        if known is None:
            known = _Folder(path, parent.rules, self._folder_reason(parent, name))
            if known.reason is None:
                known = self._with_own_rules(known)
            self._folders[path] = known
        return known

    def _with_own_rules(self, folder: _Folder) -> _Folder:
        if not self.options.gitignore:
            return folder
        rules = folder.rules.with_file(self._top, self._from_top + folder.path)
        return _Folder(folder.path, rules)

    def _folder_reason(self, parent: _Folder, name: str) -> Reason | None:
        path = f"{parent.path}{name}/"
        if self._include.decides(path):
            return None
        if reason := parent.reason or folder_reason(name):
            return reason
        if parent.rules.ignores(self._from_top + path):
            return Reason.IGNORED
        if self._exclude.decides(path):
            return Reason.EXCLUDED
        return Reason.VENDOR if _is_build_folder(self.root / path) else None

    def _name_reason(self, folder: _Folder, name: str) -> Reason | None:
        path = folder.path + name
        if self._include.decides(path):
            return None
        if reason := folder.reason or file_reason(name):
            return reason
        if folder.rules.ignores(self._from_top + path):
            return Reason.IGNORED
        return Reason.EXCLUDED if self._exclude.decides(path) else None

    def _head_reason(self, path: str, head: bytes) -> Reason | None:
        reason = content_reason(head)
        admitted = reason is not Reason.BINARY and self._include.decides(path)
        return None if admitted else reason

    def _inspect(self, folder: _Folder, name: str) -> SourceFile | Reason:
        """Judge one file by its name, its size and its head, in this order."""
        if reason := self._name_reason(folder, name):
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


def _parts(folder: _Folder, name: str) -> list[str]:
    return (folder.path + name).split("/")


def _sorted_entries(folder: Path) -> list[os.DirEntry[str]]:
    try:
        with os.scandir(folder) as entries:
            return sorted(entries, key=lambda entry: entry.name)
    except OSError:
        return []


def _is_build_folder(folder: Path) -> bool:
    """Whether a folder holds built or installed files; a Python package is source by any name."""
    if (folder / "pyvenv.cfg").exists() or (folder / "CACHEDIR.TAG").exists():
        return True
    return is_build_folder_name(folder.name) and not (folder / "__init__.py").exists()


def _literal_folders(patterns: tuple[str, ...]) -> frozenset[str]:
    """Return the folders that must be walked for the files that `patterns` name to be found."""
    folders: set[str] = set()
    for pattern in patterns:
        path = ""
        for part in pattern.strip("/").split("/")[:-1]:
            if re.search(r"[*?\[\\!]", part):
                break
            path += part + "/"
            folders.add(path)
    return frozenset(folders)
