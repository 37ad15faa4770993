"""Refuses what reading strangers' code never needs: to run it, to start programs, to connect."""

import sys
import sysconfig
from collections.abc import Callable, Collection
from pathlib import Path

_REFUSED = (
    "subprocess.", "os.exec", "os.posix_spawn", "os.spawn", "os.system", "os.fork", "os.startfile",
    "pty.", "socket.", "ctypes.", "urllib.", "os.remove", "os.rename", "os.rmdir", "os.link",
    "os.symlink", "os.truncate", "os.chmod", "os.chown", "os.mkdir", "shutil.", "os.putenv",
)  # fmt: skip
_PATHS = sysconfig.get_paths()
_WRITES = 0x1 | 0x2  # O_WRONLY, O_RDWR


def stdlib_folders() -> list[str]:
    """Return the folders that our own interpreter's standard library is imported from."""
    library = Path(_PATHS["stdlib"])
    folders = [str(library), _PATHS["platstdlib"], str(library / "lib-dynload")]
    return list(dict.fromkeys([*folders, *filter(_is_dynload, sys.path)]))


def forbid(own: Path, writable: Path | None, unreadable: Callable[[], Collection[str]]) -> None:
    """From now on refuse with `PermissionError` what reading needs not, in this whole process.

    Code may come from the standard library, our site-packages and the folder `own`. Files may be
    written beneath `writable`; those that `unreadable` returns are not read.
    """
    code = (*stdlib_folders(), _PATHS["purelib"], _PATHS["platlib"], str(own))
    trusted = tuple(f"{folder}/" for folder in code)

    def refuse(event: str, arguments: tuple[object, ...]) -> None:
        if event == "open":
            _check_open(arguments, writable, unreadable())
        elif event == "exec":
            _check_code(getattr(arguments[0], "co_filename", ""), trusted)
        elif event == "import":
            _check_code(str(arguments[1] or "<built in>"), trusted)
        elif event.startswith(_REFUSED) and not _is_cache(event, arguments, writable):
            raise PermissionError(f"{event} is not allowed here")

    sys.addaudithook(refuse)


def _check_open(
    arguments: tuple[object, ...], writable: Path | None, unreadable: Collection[str]
) -> None:
    path, _, flags = arguments
    if isinstance(flags, int) and flags & _WRITES and not _is_within(path, writable):
        raise PermissionError(f"{path} may not be written")
    if unreadable and str(path) in unreadable:
        raise PermissionError(f"{path} is the document itself")


def _check_code(filename: str, trusted: tuple[str, ...]) -> None:
    if not filename.startswith(("<", *trusted)):
        raise PermissionError(f"{filename} may not be run")


def _is_cache(event: str, arguments: tuple[object, ...], writable: Path | None) -> bool:
    return event in ("os.mkdir", "os.remove", "os.rename") and _is_within(arguments[0], writable)


def _is_within(path: object, folder: Path | None) -> bool:
    return folder is not None and isinstance(path, str | Path) and Path(path).is_relative_to(folder)


def _is_dynload(folder: str) -> bool:
    return Path(folder).name == "lib-dynload"
