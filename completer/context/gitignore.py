"""Git's ignore rules for a tree: nested `.gitignore` files, negation, `.git/info/exclude`."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from pathspec.patterns.gitignore.spec import GitIgnoreSpecPattern

from completer.context.content import decode, opened_beneath, read_up_to

_MAX_BYTES = 1 << 20


class IgnoreFile:
    """The patterns of one ignore file; like git, it passes over a line that is no pattern.

    pathspec compiles the patterns. Its own rule for which of them wins also asks about a path's
    folders and departs from git's in corner cases; here the last pattern that matches the path
    itself wins, and folders are asked about when they are entered, as git does it.
    """

    def __init__(self, lines: Iterable[str]) -> None:
        compiled = [pattern for line in lines if (pattern := _compile(line)) is not None]
        self._last_first = compiled[::-1]

    def decides(self, path: str) -> bool | None:
        """Whether `path` is ignored, `None` if no pattern matches; a folder's ends with a slash."""
        for regex, ignored in self._last_first:
            if regex.search(path):
                return ignored
        return None


@dataclass(frozen=True, slots=True)
class IgnoreRules:
    """The ignore files that hold in one folder, the outermost and so the weakest first.

    Paths are written with `/`, relative to the top of the repository; each layer keeps how many
    characters of them are its own folder. What lies in an ignored folder is not asked about.
    """

    layers: tuple[tuple[int, IgnoreFile], ...] = ()

    def with_file(self, top: Path, folder: str, name: str = ".gitignore") -> IgnoreRules:
        """Return the rules with those of `top/folder/name` added, if there is such a file.

        `folder` is relative to `top`, empty or with a slash at its end. The patterns of
        `.git/info/exclude` are relative to the top: give `name` with its folders.
        """
        file = _read(top, (folder + name).split("/"))
        return self if file is None else IgnoreRules((*self.layers, (len(folder), file)))

    def ignores(self, path: str) -> bool:
        """Whether `path` is ignored; a folder's path ends with a slash."""
        for base, file in reversed(self.layers):
            ignored = file.decides(path[base:])
            if ignored is not None:
                return ignored
        return False


def rules_above(root: Path) -> tuple[IgnoreRules, Path]:
    """Return the rules that hold in `root` before its own, and the folder they are relative to.

    That is the top of the repository around `root`. Without one, or when it ignores `root` itself,
    which somebody asked for by name, there are no such rules and `root` is the top.
    """
    top = _repository_top(root)
    rules = IgnoreRules().with_file(top, "", ".git/info/exclude")
    folder = ""
    for part in root.relative_to(top).parts:
        rules = rules.with_file(top, folder)
        folder += f"{part}/"
        if rules.ignores(folder):
            return IgnoreRules(), root
    return rules, top


def _repository_top(root: Path) -> Path:
    """Return the nearest folder with a `.git`; a home folder is nobody's repository."""
    home = Path.home()
    for folder in (root, *root.parents):
        if folder == home:
            break
        if (folder / ".git").exists():
            return folder
    return root


def _read(top: Path, parts: list[str]) -> IgnoreFile | None:
    try:
        with opened_beneath(top, parts) as descriptor:
            data = read_up_to(descriptor, _MAX_BYTES)
    except OSError:
        return None
    return IgnoreFile(decode(data).split("\n")) if data else None


def _compile(line: str) -> tuple[re.Pattern[str], bool] | None:
    if not line.rstrip("\r").strip("!/ "):  # names nothing
        return None
    try:
        pattern = GitIgnoreSpecPattern(line)
    except ValueError:
        return None
    if pattern.regex is None or pattern.include is None:
        return None
    source = pattern.regex.pattern
    # `a/**` compiles to "^a/": everything below the folder, not the folder itself.
    exact = f"{source}." if source.endswith("/") else rf"(?:{source})\Z"
    return re.compile(exact), pattern.include
