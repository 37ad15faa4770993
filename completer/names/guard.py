"""Refuses what reading strangers' code never needs: to run it, to start programs, to connect."""

import os
import sys
import sysconfig
from collections.abc import Iterable
from pathlib import Path

_REFUSED = (
    "subprocess.", "os.exec", "os.posix_spawn", "os.spawn", "os.system", "os.fork", "os.startfile",
    "_winapi.", "pty.", "socket.", "ctypes.", "urllib.", "os.kill", "os.putenv", "shutil.",
    "os.remove", "os.rename", "os.rmdir", "os.link", "os.symlink", "os.truncate", "os.chmod",
    "os.chown", "os.mkdir", "os.utime", "os.setxattr", "os.removexattr",
)  # fmt: skip
_IN_CACHE = ("os.mkdir", "os.remove", "os.rename", "os.utime")
_PATHS = sysconfig.get_paths()
_WRITES = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_APPEND


def stdlib_folders() -> list[str]:
    """Return the folders that our own interpreter's standard library is imported from."""
    library = Path(_PATHS["stdlib"])
    dynamic = [folder for folder in sys.path if Path(folder).name == "lib-dynload"]
    folders = [str(library), _PATHS["platstdlib"], str(library / "lib-dynload"), *dynamic]
    return list(dict.fromkeys(folders))


class Guard:
    """Once `raised`, refuses with `PermissionError` what reading needs not, in this whole process.

    Code may come from the standard library, our site-packages and the folder `own`. What else is
    read or written depends on what the process is asked `about`.
    """

    def __init__(self, own: Path) -> None:
        code = (*stdlib_folders(), _PATHS["purelib"], _PATHS["platlib"], str(own))
        self._code = tuple(_beginning(folder) for folder in code)
        self.about("", (), "")

    def about(self, document: str, folders: Iterable[str], cache: str) -> None:
        """From now on read these `folders` alone, where there are any, and write in `cache`.

        What a text says of where modules lie leads to nobody else's files. The file `document` is
        not read: whoever asks has its text.
        """
        self._document = _normal(document) if document else ""
        self._writable = (_beginning(cache),) if cache else ()
        self._readable = tuple(_beginning(folder) for folder in folders)

    def raised(self) -> "Guard":
        """From now on refuse; nothing takes that back."""
        sys.addaudithook(self._refuse)
        return self

    def _refuse(self, event: str, arguments: tuple[object, ...]) -> None:
        if event == "open":
            self._check_open(*arguments)
        elif event in ("os.listdir", "os.scandir"):
            self._check_read(arguments[0])
        elif event == "exec":
            self._check_code(getattr(arguments[0], "co_filename", ""))
        elif event == "import":
            self._check_code(arguments[1] or "<built in>")
        elif event.startswith(_REFUSED) and not (
            event in _IN_CACHE and all(self._may_write(path) for path in _paths(arguments))
        ):
            raise PermissionError(f"{event} is not allowed here")

    def _check_open(self, path: object, _mode: object, flags: object) -> None:
        if isinstance(flags, int) and flags & _WRITES and not self._may_write(path):
            raise PermissionError(f"{path!r} may not be written")
        if self._document and _normal(path) == self._document:
            raise PermissionError(f"{path!r} is the document itself")
        self._check_read(path)

    def _check_read(self, path: object) -> None:
        name = _normal(path)
        known = (*self._code, *self._writable, *self._readable)
        if self._readable and name and not os.path.join(name, "").startswith(known):  # noqa: PTH118
            raise PermissionError(f"{path!r} is not of this workspace")

    def _check_code(self, filename: object) -> None:
        if not (str(filename).startswith("<") or _normal(filename).startswith(self._code)):
            raise PermissionError(f"{filename!r} may not be run")

    def _may_write(self, path: object) -> bool:
        return _normal(path).startswith(self._writable)


def _paths(arguments: tuple[object, ...]) -> list[object]:
    return [each for each in arguments if isinstance(each, str | bytes | os.PathLike)]


def _normal(path: object) -> str:
    """Return a path as it is compared, without links being followed; empty if it is none."""
    if not isinstance(path, str | bytes | os.PathLike):
        return ""
    return os.path.normcase(os.path.abspath(os.fsdecode(path)))  # noqa: PTH100 (no system call)


def _beginning(folder: str) -> str:
    """Return what the paths of all files in a folder begin with."""
    return os.path.join(_normal(folder), "")  # noqa: PTH118 (ends in a separator)
