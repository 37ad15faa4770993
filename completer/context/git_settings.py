"""Which files of patterns hold in a repository besides its `.gitignore` files.

They are named in git's configuration. The user's own may name any file and include others; what a
repository says in its own counts only as far as it stays inside of it.
"""

import logging
import os
import sys
from pathlib import Path

from dulwich.config import ConfigFile, get_win_system_paths

from completer.context.git_folders import GitFolders, read_config
from completer.context.wildmatch import matches

_log = logging.getLogger(__name__)

_OPTION = (b"core",), b"excludesFile"
_SYSTEM = "/etc/gitconfig"

Excludes = tuple[Path, str]
"""A folder that is no link, and the path of a file in it."""


def excludes_files(repository: GitFolders | None) -> list[Excludes]:
    """Return the excludes files of a repository, the weakest first; they need not exist.

    Without a repository, the user's own alone.
    """
    of_user = _named_by_repository(repository) or _named_by_user(repository)
    found = [of_user] if of_user is not None else []
    if repository is not None and repository.common is not None:
        found.append((repository.common, "info/exclude"))
    return found


def _named_by_repository(repository: GitFolders | None) -> Excludes | None:
    if repository is None or repository.common is None:
        return None
    named = _excludes_in(read_config(repository.common))
    path = Path(os.path.normpath(repository.top / (named or "")))
    inside = path != repository.top and path.is_relative_to(repository.top)
    return (repository.top, path.relative_to(repository.top).as_posix()) if inside else None


def _named_by_user(repository: GitFolders | None) -> Excludes | None:
    configs = (_user_config(path, repository) for path in _user_config_files())
    named = next((found for config in configs if (found := _excludes_in(config)) is not None), None)
    if named is None:
        named = _in_xdg_folder("ignore")
    if not named:
        return None
    base = repository.top if repository is not None else Path.home()
    real = Path(os.path.realpath(base / named))
    return real.parent, real.name


def _excludes_in(config: ConfigFile) -> str | None:
    try:
        return os.path.expanduser(os.fsdecode(config.get(*_OPTION)))  # noqa: PTH111 (may be empty)
    except KeyError:
        return None


def _user_config_files() -> list[str]:
    """Return the user's and the machine's files of configuration, the strongest first."""
    of_user = os.environ.get("GIT_CONFIG_GLOBAL")
    of_machine = os.environ.get("GIT_CONFIG_SYSTEM")
    paths = [str(Path.home() / ".gitconfig"), _in_xdg_folder("config")]
    if of_user is not None:
        paths = [of_user]
    if of_machine is not None:
        paths.append(of_machine)
    elif "GIT_CONFIG_NOSYSTEM" not in os.environ:
        paths += [_SYSTEM, *(get_win_system_paths() if sys.platform == "win32" else ())]
    return paths


def _in_xdg_folder(name: str) -> str:
    folder = os.environ.get("XDG_CONFIG_HOME")
    return str((Path(folder) if folder else Path.home() / ".config") / "git" / name)


def _user_config(path: str, repository: GitFolders | None) -> ConfigFile:
    """Read one of the user's files with what it includes; empty if it cannot be read."""
    matchers = {
        "gitdir:": lambda glob: _is_gitdir(glob, repository),
        "gitdir/i:": lambda glob: _is_gitdir(glob, repository, fold=True),
    }
    try:
        return ConfigFile.from_path(path, condition_matchers=matchers)
    except FileNotFoundError:
        return ConfigFile()
    except (OSError, ValueError) as error:
        _log.warning("git's configuration %s is not read: %s", path, error)
        return ConfigFile()


def _is_gitdir(glob: str, repository: GitFolders | None, *, fold: bool = False) -> bool:
    """Whether a condition of `includeIf` names the folder of git's own files."""
    if repository is None or repository.own is None:
        return False
    glob = os.path.expanduser(glob)  # noqa: PTH111 (a pattern, not a path)
    if not Path(glob).is_absolute():
        glob = f"**/{glob}"
    pattern, path = glob + "**" * glob.endswith("/"), str(repository.own)
    if fold:
        pattern, path = pattern.lower(), path.lower()
    return matches(os.fsencode(pattern), os.fsencode(path))
