"""Where git keeps its own files on the repository that a folder lies in.

No link is followed on the way, and a `.git` file leads only to a folder that names it in return: a
repository that a stranger made must not make us read another one's files.
"""

import os
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path

from dulwich.config import ConfigFile

from completer.context.content import opened_beneath, read_up_to

_LARGEST_POINTER = 8_192
_LARGEST_CONFIG = 1 << 18


@dataclass(frozen=True, slots=True)
class GitFolders:
    """The folders of one repository.

    `top` holds the files that a person sees. `own` holds the HEAD and its log, `common` the
    objects, the configuration and `info`; they differ in worktrees. Both are `None` where git's own
    files cannot be trusted or read.
    """

    top: Path
    own: Path | None = None
    common: Path | None = None

    @property
    def is_whole(self) -> bool:
        """Whether git would take it for a repository."""
        if self.own is None or self.common is None:
            return False
        return os.path.lexists(self.own / "HEAD") and (self.common / "objects").is_dir()


def git_folders(folder: Path) -> GitFolders | None:
    """Find the repository that a folder lies in; a home folder is nobody's repository."""
    home = Path.home()
    for top in (folder, *folder.parents):
        if top == home:
            return None
        if os.path.lexists(top / ".git"):
            return repository_at(top)
    return None


def repository_at(top: Path) -> GitFolders:
    """Return the folders of the repository whose top is `top`, where a `.git` lies."""
    git = top / ".git"
    if git.is_symlink():
        return GitFolders(top)
    if git.is_dir():
        return GitFolders(top, git, git)
    own = _folder_named_by(top, ".git", "gitdir:")
    common = _common_folder(own) if own is not None else None
    if own is None or common is None or not _names_in_return(own, common, git):
        return GitFolders(top)
    return GitFolders(top, own, common)


def read_config(folder: Path) -> ConfigFile:
    """Read a repository's configuration, without what it includes.

    Empty where there is none, and where it is no configuration.
    """
    try:
        data = _read(folder, "config", _LARGEST_CONFIG)
        return ConfigFile.from_file(BytesIO(data), expand_includes=False)
    except (OSError, ValueError):
        return ConfigFile()


def _common_folder(own: Path) -> Path | None:
    """Return the folder that a worktree's own one lies in, or `own` of no worktree."""
    if not os.path.lexists(own / "commondir"):
        return own
    common = _folder_named_by(own, "commondir", "")
    return common if common is not None and own.parent == common / "worktrees" else None


def _names_in_return(own: Path, common: Path, git: Path) -> bool:
    """Whether git's own folder says that it belongs to the `.git` file `git`."""
    if own != common:
        return _folder_named_by(own, "gitdir", "") == git
    try:
        named = read_config(own).get((b"core",), b"worktree")
    except KeyError:
        return False
    return _resolved(own, os.fsdecode(named)) == git.parent


def _folder_named_by(folder: Path, name: str, prefix: str) -> Path | None:
    """Return the path that the first line of a file holds, behind `prefix`."""
    try:
        text = os.fsdecode(_read(folder, name, _LARGEST_POINTER))
    except (OSError, ValueError):
        return None
    if not text.startswith(prefix):
        return None
    return _resolved(folder, text.removeprefix(prefix).partition("\n")[0].strip())


def _resolved(folder: Path, path: str) -> Path | None:
    try:
        return Path(os.path.realpath(folder / path)) if path else None
    except (OSError, ValueError):
        return None


def _read(folder: Path, name: str, limit: int) -> bytes:
    """Read a file of at most `limit` bytes; raises `OSError`, `ValueError` where it is larger."""
    with opened_beneath(folder, name.split("/")) as descriptor:
        data = read_up_to(descriptor, limit)
    if data is None:
        raise ValueError(f"{folder / name} has more than {limit} bytes")
    return data
