"""Which folders and files of a workspace may be read as far as names and rules say."""

import os
import re
from dataclasses import dataclass, field
from pathlib import Path

from completer.context.filenames import file_reason, folder_reason, is_build_folder_name
from completer.context.git_folders import repository_at
from completer.context.gitignore import (
    NAME,
    IgnoreFile,
    IgnoreRules,
    rule_files,
    rules_in,
    rules_of,
)
from completer.context.verdict import Reason

_URI = re.compile(r"[A-Za-z][A-Za-z0-9+.-]+:/")
_DEEPEST = 100  # folders in one another: nobody writes code further down


@dataclass(frozen=True, slots=True)
class Folder:
    """A folder below the root: its path (empty or ending with a slash), rules, or why it is out.

    What lies in a folder that is out may still be admitted by an `include` pattern of its own.
    `inner` are the folders in it that somebody has asked about.
    """

    path: str
    rules: IgnoreRules
    reason: Reason | None = None
    inner: dict[str, "Folder"] = field(default_factory=dict, compare=False, repr=False)


class ReadingRules:
    """Judges what lies in the folder `root` by its name: see `WorkspaceOptions` for the patterns.

    `rule_files` are those outside of `root`, or of git's own, that say what git ignores. Rules are
    remembered until `reload`. May be used from several threads.
    """

    def __init__(
        self, root: Path, *, include: tuple[str, ...], exclude: tuple[str, ...], gitignore: bool
    ) -> None:
        self._root = root
        self._gitignore = gitignore
        self._include = IgnoreFile(include)
        self._exclude = IgnoreFile(exclude)
        self._opened_folders = _literal_folders(include)
        self.reload()

    def reload(self) -> None:
        """Forget the ignore rules: they, or the folders that they are about, have changed."""
        rules = rules_in(self._root) if self._gitignore else IgnoreRules()
        self.rule_files = rule_files(self._root) if self._gitignore else frozenset[Path]()
        self.top = self._with_own_rules(Folder("", rules))

    def is_rule(self, path: Path) -> bool:
        """Whether a file says which others may be read."""
        return path in self.rule_files or (self._gitignore and path.name == NAME)

    def is_open(self, folder: Folder) -> bool:
        """Whether files may be read from a folder, or from one in it."""
        return folder.reason is None or folder.path in self._opened_folders

    def admits(self, path: str) -> bool:
        """Whether a person wants the file at `path` (relative to the root) in spite of its head."""
        return bool(self._include.decides(path))

    def locate(self, path: Path | str) -> tuple[Folder, str] | Reason:
        """Return the folder and name of what `path` really is, links followed."""
        if isinstance(path, str) and _URI.match(path):
            return Reason.OUTSIDE
        try:
            real = Path(os.path.realpath(self._root / path))
        except (OSError, ValueError):
            return Reason.OUTSIDE
        if real == self._root or not real.is_relative_to(self._root):
            return Reason.OUTSIDE
        relative = real.relative_to(self._root)
        folder = self.top
        for name in relative.parts[:-1]:
            folder = self.enter(folder, name)
        return folder, relative.name

    def enter(self, parent: Folder, name: str) -> Folder:
        """Return the folder `name` in another one."""
        known = parent.inner.get(name)
        if known is None:
            reason = self._folder_reason(parent, name)
            known = Folder(f"{parent.path}{name}/", parent.rules.inside(name), reason)
            if reason is None:
                known = self._with_own_rules(known)
            parent.inner[name] = known
        return known

    def _with_own_rules(self, folder: Folder) -> Folder:
        if not self._gitignore:
            return folder
        rules, path = folder.rules, self._root / folder.path
        if folder.path and os.path.lexists(path / ".git"):
            inner = repository_at(path)
            rules = rules_of(inner) if inner.is_whole else rules  # each has its own say
        return Folder(folder.path, rules.with_file(self._root, folder.path + NAME))

    def _folder_reason(self, parent: Folder, name: str) -> Reason | None:
        path = f"{parent.path}{name}/"
        if path.count("/") > _DEEPEST:
            return Reason.TOO_DEEP
        if self._include.decides(path):
            return None
        if reason := parent.reason or folder_reason(name):
            return reason
        if parent.rules.ignores(f"{name}/"):
            return Reason.IGNORED
        if self._exclude.decides(path):
            return Reason.EXCLUDED
        return Reason.VENDOR if _is_build_folder(self._root / path) else None

    def name_reason(self, folder: Folder, name: str) -> Reason | None:
        """Return why a file called `name` in a folder is left out, `None` if it is not yet."""
        path = folder.path + name
        if self._include.decides(path):
            return None
        if reason := folder.reason or file_reason(name):
            return reason
        if folder.rules.ignores(name):
            return Reason.IGNORED
        return Reason.EXCLUDED if self._exclude.decides(path) else None


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
