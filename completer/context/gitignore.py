"""Git's ignore rules for a tree: nested `.gitignore` files, negation, and those of repositories."""

from __future__ import annotations

import logging
import os
from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from completer.context.content import opened_beneath, read_up_to
from completer.context.git_folders import GitFolders, git_folders
from completer.context.git_settings import excludes_files
from completer.context.wildmatch import Automaton, Pattern, parse

_log = logging.getLogger(__name__)

NAME = ".gitignore"
_MAX_BYTES = 1 << 18
_REMEMBERED_BYTES = 1 << 14
_BYTE_ORDER_MARK = b"\xef\xbb\xbf"


class IgnoreFile:
    """The patterns of one ignore file; like git, it passes over a line that is no pattern.

    A path is read bit by bit: what a state stands for is a path up to there, `start` the folder
    that the patterns are relative to. What lies in an ignored folder is not asked about.
    """

    def __init__(self, lines: Iterable[str | bytes]) -> None:
        read = [pair for line in lines if (pair := _read_line(os.fsencode(line))) is not None]
        self._ignored = [ignored for _, ignored in read]
        self._automaton = Automaton([pattern for pattern, _ in read])
        self.start = self._automaton.start

    def decides(self, path: str, state: int | None = None) -> bool | None:
        """Whether `path` is ignored, `None` if no pattern matches; a folder's ends with a slash."""
        if not self._ignored:
            return None
        end = self.after(path.rstrip("/"), self.start if state is None else state)
        last = self._automaton.last(end, is_folder=path.endswith("/"))
        return None if last is None else self._ignored[last]

    def after(self, path: str, state: int) -> int:
        """Return the state after more of a path."""
        return self._automaton.after(os.fsencode(path), state)


@dataclass(frozen=True, slots=True)
class IgnoreRules:
    """The ignore files that hold in one folder, the outermost and so the weakest first.

    Paths are relative to that folder. Each layer has read the way there: however deep the folder
    lies, a name costs its own length only.
    """

    layers: tuple[tuple[IgnoreFile, int], ...] = ()

    def with_file(self, root: Path, path: str) -> IgnoreRules:
        """Return the rules with those of the file `root/path` added, if there is such a file.

        Its patterns are relative to the folder of these rules. One too large to be read ignores
        everything: what it leaves out must not be read by mistake.
        """
        file = _read(root, path.split("/"))
        return self if file is None else IgnoreRules((*self.layers, (file, file.start)))

    def inside(self, name: str) -> IgnoreRules:
        """Return the rules as they hold in the folder `name`, before its own are added."""
        return IgnoreRules(
            tuple((file, file.after(f"{name}/", state)) for file, state in self.layers)
        )

    def ignores(self, path: str) -> bool:
        """Whether `path` is ignored; a folder's path ends with a slash."""
        for file, state in reversed(self.layers):
            ignored = file.decides(path, state)
            if ignored is not None:
                return ignored
        return False


def rules_in(root: Path) -> IgnoreRules:
    """Return the rules that hold in the folder `root` because of what is around it.

    Those are the user's, the repository's, and those of the folders between its top and `root`.
    A repository that ignores `root` itself, which somebody asked for by name, has no say.
    """
    repository = git_folders(root)
    rules = rules_of(repository)
    top = repository.top if repository is not None else root
    for number, name in enumerate(parts := root.relative_to(top).parts):
        rules = rules.with_file(top, "/".join([*parts[:number], NAME]))
        if rules.ignores(f"{name}/"):
            return rules_of(None)
        rules = rules.inside(name)
    return rules


def rule_files(root: Path) -> frozenset[Path]:
    """Return the files outside of the folder `root`, or of git's own, that `rules_in` looks at."""
    repository = git_folders(root)
    found = [folder / path for folder, path in excludes_files(repository)]
    if repository is not None:
        between = (folder for folder in root.parents if folder.is_relative_to(repository.top))
        found += [folder / NAME for folder in between]
    return frozenset(found)


def rules_of(repository: GitFolders | None) -> IgnoreRules:
    """Return the rules that hold at the top of a repository before its own `.gitignore`."""
    rules = IgnoreRules()
    for folder, path in excludes_files(repository):
        rules = rules.with_file(folder, path)
    return rules


def _read(root: Path, parts: list[str]) -> IgnoreFile | None:
    try:
        with opened_beneath(root, parts) as descriptor:
            data = read_up_to(descriptor, _MAX_BYTES)
    except (OSError, ValueError):
        return None
    if data is None:
        _log.warning("%s is too large to be read: nothing in its folder is", root.joinpath(*parts))
        return IgnoreFile(["*"])
    if not data:
        return None
    return _remembered(data) if len(data) <= _REMEMBERED_BYTES else _of(data)


def _of(data: bytes) -> IgnoreFile:
    return IgnoreFile(data.removeprefix(_BYTE_ORDER_MARK).split(b"\n"))


_remembered = lru_cache(maxsize=128)(_of)  # each pass over a workspace reads the same files


def _read_line(line: bytes) -> tuple[Pattern, bool] | None:
    """Read one line; whether what it matches is ignored, or with `!` not."""
    line = _without_trailing_spaces(line.removesuffix(b"\r").partition(b"\0")[0])
    ignored = not line.startswith(b"!")
    glob = line if ignored else line[1:]
    if not line or line.startswith(b"#"):
        return None
    folders = glob.endswith(b"/")
    glob = glob.removesuffix(b"/")
    anywhere = b"/" not in glob
    try:
        pieces = parse(glob.removeprefix(b"/"))
    except ValueError:
        return None
    return (Pattern(pieces, anywhere=anywhere, folders=folders), ignored) if pieces else None


def _without_trailing_spaces(line: bytes) -> bytes:
    """Cut off the spaces at a line's end that no backslash stands before."""
    stripped = line.rstrip(b" ")
    backslashes = len(stripped) - len(stripped.rstrip(b"\\"))
    escaped = backslashes % 2 and len(stripped) < len(line)
    return stripped + b" " if escaped else stripped
