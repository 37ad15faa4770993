"""Files and folders that nobody but their owner may read, from the moment that they exist."""

import os
import secrets
import stat
from contextlib import suppress
from pathlib import Path
from typing import BinaryIO

from completer.errors import SettingsError

_NEW = os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_BINARY", 0)
FOLDER_MODE, FILE_MODE = 0o700, 0o600
LARGEST_SECRET = 1 << 14


def private_folder(path: Path) -> None:
    """Make a folder, and those above it that are missing; one that is there stays as it is."""
    if not path.is_dir():
        if path.parent != path:
            private_folder(path.parent)
        path.mkdir(mode=FOLDER_MODE, exist_ok=True)


def new_private_file(path: Path) -> BinaryIO:
    """Open a new file for writing, in place of what was left over under its name."""
    with suppress(FileNotFoundError):
        path.unlink()
    return os.fdopen(os.open(path, _NEW, FILE_MODE), "wb")


def replace_private_file(path: Path, data: bytes | memoryview) -> None:
    """Write a file wholly or not at all: beside, to the disk, and then in the place of `path`."""
    beside = path.with_name(f"{path.name}.{secrets.token_hex(4)}")
    try:
        with new_private_file(beside) as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        beside.replace(path)
    finally:
        beside.unlink(missing_ok=True)


def read_secret(file: Path, setting: str) -> str:
    """Read the secret in a file that a setting names; ASCII, no longer than a few keys.

    Raises `SettingsError` where it cannot be read, or others can read or write it.
    """
    try:
        with file.open("rb") as opened:
            mode = os.fstat(opened.fileno()).st_mode
            if os.name == "posix" and stat.S_IMODE(mode) & 0o077:
                why = f"{file} can be read or written by others."
                raise SettingsError(why, hint=f"Make it yours alone: chmod 600 {file}")
            return opened.read(LARGEST_SECRET).decode("ascii", "replace")
    except OSError as error:
        raise SettingsError(f"{setting} cannot be read: {error}") from error


def make_private(path: Path) -> None:
    """Close to others what an earlier version made for all to read."""
    mode = FOLDER_MODE if path.is_dir() else FILE_MODE
    if os.name == "posix" and path.stat().st_mode & 0o777 != mode:
        path.chmod(mode)
