"""Where a file or folder really is: the only names of files that are compared with each other.

Clients name a file by URI or by path, through links, with `..`, in another case where the file
system makes no difference. A front door turns that into a `Place` once; behind it, two places are
one file exactly when they are equal. Files are only named here, never opened.
"""

import os
import re
from collections.abc import Iterable
from pathlib import Path, PureWindowsPath
from typing import NewType
from urllib.parse import unquote, urlsplit

from completer.errors import WorkspaceError

Place = NewType("Place", Path)
"""An absolute path without links or `..`, in the case in which the file system keeps it.

What does not exist yet goes by the name that it would get. Nothing but this module makes one.
"""

_URI = re.compile(r"[A-Za-z][A-Za-z0-9+.-]+:(?=/)|(?:file|untitled):")


def place_of_uri(uri: str) -> Place | None:
    """The local file that a `file:` URI names; `None` for another scheme, another host or no path.

    Escapes that are no UTF-8 stand for U+FFFD.
    """
    path = _path_in(uri)
    return None if path is None else _real(path)


def place_of(name: str, base: Place | None = None) -> Place | None:
    """The local file that a URI or a path names; a relative path begins at `base`.

    `None` for what is not on this machine, or may be anywhere: a relative path without a base, the
    URI of a remote file, a path of another system.
    """
    if _URI.match(name):
        return place_of_uri(name)
    path = Path(name)
    if path.is_absolute():
        return _real(path)
    foreign = not name or PureWindowsPath(name).is_absolute()
    return None if base is None or foreign else _real(base / path)


def local_place(path: Path) -> Place:
    """The place of a path that somebody at this machine names: `~` is theirs, `.` is here.

    Raises `WorkspaceError` for a path that no file can have.
    """
    try:
        place = _real(Path.cwd() / path.expanduser())
    except RuntimeError:  # the home of somebody who is not there
        place = None
    if place is None:
        raise WorkspaceError(f"{str(path)!r} cannot be a path", hint="Name an existing folder.")
    return place


def path_as_named(uri: str) -> Path | None:
    """The path in a `file:` URI as it is spelled there, for what was once noted under that name."""
    path = _path_in(uri)
    return None if path is None else Path(os.path.normpath(path))


def name_only(name: str) -> Path:
    """What a file that may be anywhere is called: a relative path that is compared with none."""
    if scheme := _URI.match(name):
        path = re.split("[?#]", name[scheme.end() :])[0]
        return Path(unquote(path).rpartition("/")[2])
    foreign = PureWindowsPath(name)
    return Path(foreign.name if foreign.root else os.path.normpath(name))


def climbs(name: str) -> bool:
    """Whether a relative path leads out of where it begins, whatever links there are."""
    return Path(os.path.normpath(name)).parts[:1] == (os.pardir,)


def is_inside(path: Path, folder: Path) -> bool:
    """Whether a place lies in a folder or is that folder; a mere name lies nowhere."""
    return path.is_relative_to(folder)


def innermost(path: Path | None, folders: Iterable[Place]) -> Place | None:
    """The folder that a place lies in; of several within each other, the one nearest to it."""
    holding = [folder for folder in folders if path is not None and is_inside(path, folder)]
    return max(holding, key=lambda folder: len(folder.parts), default=None)


def name_in(path: Path, folder: Path | None) -> str:
    """A path from `folder` on, with slashes; as it is when it lies elsewhere."""
    inside = folder is not None and is_inside(path, folder)
    return (path.relative_to(folder) if inside and folder else path).as_posix()


def _path_in(uri: str) -> Path | None:
    try:
        parts = urlsplit(uri)
    except ValueError:
        return None
    if parts.scheme != "file" or parts.netloc not in ("", "localhost"):
        return None
    path = Path(_local(parts.path))
    return path if path.is_absolute() else None


def _local(path: str) -> str:
    """The path in a URI as the system writes it."""
    if os.name != "nt":
        return unquote(path)
    from urllib.request import url2pathname  # which takes HTTP along

    return url2pathname(path)


def _real(path: Path) -> Place | None:
    try:
        return Place(_as_kept(Path(os.path.realpath(path))))
    except (OSError, ValueError):  # a NUL or half a character, which no file's name can have
        return None


def _as_kept(path: Path) -> Path:
    """Spell a path as its folders list it, where their file system takes any case for the same."""
    kept = Path(path.anchor)
    for number, part in enumerate(path.parts[1:], 1):
        try:
            kept = _listed(kept, part)
        except OSError:  # it does not exist, or nobody may look
            return kept.joinpath(*path.parts[number:])
    return kept


def _listed(folder: Path, name: str) -> Path:
    """The entry `name` of a folder, as it is listed there. Raises `OSError` if there is none."""
    entry, twin = folder / name, folder / name.swapcase()
    own = entry.lstat()
    try:
        same = twin != entry and os.path.samestat(own, twin.lstat())
    except OSError:
        same = False
    if not same:
        return entry
    alike = [each for each in folder.iterdir() if each.name.casefold() == name.casefold()]
    return entry if entry in alike or not alike else alike[0]
