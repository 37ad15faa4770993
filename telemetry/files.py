"""Which files are this program's databases: asked before one is written or removed.

Each process writes its own file, reports read a folder of them. A telemetry database says so in
its header (SQLite's `application_id`). One from before that has our migrations and no table but
ours. In a folder, its name must be one that we give, too. Looking changes nothing: the header is
read as bytes, and an older file is opened as one that nobody writes (`immutable`), so that neither
its times change nor a `-wal` or `-shm` appears beside it.
"""

from __future__ import annotations

import os
import re
import secrets
import shutil
import sqlite3
import tempfile
import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from telemetry.schema import LABEL, TABLES

SUFFIX: Final = ".sqlite3"
APPLICATION_ID: Final = int.from_bytes(b"cmpT")
DATABASE_NAME: Final = re.compile(
    r"(?P<day>\d{4}-\d\d-\d\d)-(?P<pid>[1-9]\d{0,8})-(?P<token>[0-9a-f]{8})\.sqlite3"
)

_MAGIC: Final = b"SQLite format 3\0"
_ID_PLACE: Final = slice(68, 72)  # https://www.sqlite.org/fileformat.html#application_id
_ALWAYS: Final = frozenset(
    {LABEL.name, "_sqlite_migrations", *(t.name for t in TABLES.values() if t.since == 1)}
)
_ALL: Final = _ALWAYS | TABLES.keys() | {f"{table}_named" for table in TABLES}
_MOST_COPIED: Final = 64 << 20

# What this process has open as databases, and how often. It must not be opened beside SQLite: who
# closes a file gives up all of its process's locks on it (sqlite.org/howtocorrupt.html, 2.2).
_open_here: Final[Counter[str]] = Counter()
_lock: Final = threading.Lock()


class NotTelemetryError(Exception):
    """A file was named that is not a telemetry database, or not one of the kind that is needed."""

    def __init__(self, path: Path, kind: str = "a telemetry database") -> None:
        super().__init__(f"{path} is not {kind}, and is left as it is")


def is_ours(path: Path) -> bool:
    """Whether a file in a folder is this program's: a plain file, by its name and content."""
    return has_our_name(path) and not path.is_symlink() and holds_telemetry(path)


def has_our_name(path: Path) -> bool:
    """Whether a file is named as this program's processes name their databases."""
    return DATABASE_NAME.fullmatch(path.name) is not None


def holds_telemetry(path: Path) -> bool:
    """Whether a file, whatever its name, is a telemetry database; nothing about it is changed."""
    with _lock:
        if _open_here[os.path.realpath(path)]:
            return True
    header = _header(path)
    if not header.startswith(_MAGIC):
        return False
    marked = int.from_bytes(header[_ID_PLACE])
    return marked == APPLICATION_ID or (marked == 0 and _has_only_our_tables(path))


def refuse_others(path: Path) -> None:
    """Raise `NotTelemetryError` unless a file holds telemetry."""
    if not holds_telemetry(path):
        raise NotTelemetryError(path)


@contextmanager
def noted_as_open(path: Path) -> Iterator[None]:
    """Note that this process has a database open, which counts as its own for that long."""
    place = os.path.realpath(path)
    with _lock:
        _open_here[place] += 1
    try:
        yield
    finally:
        with _lock:
            _open_here[place] -= 1


def new_database_path(folder: Path) -> Path:
    """Where this process writes: a name that no other process has."""
    day = datetime.now(UTC).date().isoformat()
    return folder / f"{day}-{os.getpid()}-{secrets.token_hex(4)}{SUFFIX}"


def database_files(path: Path) -> list[Path]:
    """The databases behind `path`, to be read: a file, or all in a folder that hold telemetry.

    Raises FileNotFoundError with advice if there is none, `NotTelemetryError` for another file.
    """
    if path.is_file():
        refuse_others(path)
        return [path]
    files = [file for file in _candidates(path) if not file.is_symlink() and holds_telemetry(file)]
    if not files:
        raise FileNotFoundError(
            f"no telemetry database at {path}: give a {SUFFIX} file or a folder of them "
            "(they are written when completions are served)"
        )
    return files


def own_files(path: Path) -> list[Path]:
    """The databases at `path` that may be changed: a file, or this program's in a folder.

    Raises as `database_files` does.
    """
    files = database_files(path)
    return files if path.is_file() else [file for file in files if is_ours(file)]


def left_alone(folder: Path) -> dict[str, str]:
    """Files of a folder that have our name and are not read, and why."""
    return {
        file.name: "it is not a telemetry database, or its header is damaged"
        for file in _candidates(folder)
        if has_our_name(file) and not is_ours(file)
    }


def _candidates(folder: Path) -> list[Path]:
    return sorted(folder.glob(f"*{SUFFIX}")) if folder.is_dir() else []


def is_in_use(path: Path) -> bool:
    """Whether the process that made this file, by the number in its name, is still running."""
    name = DATABASE_NAME.fullmatch(path.name)
    if name is None:
        return False
    if int(name["pid"]) == os.getpid():  # in a container, each start has the same number
        with _lock:
            return _open_here[os.path.realpath(path)] > 0
    try:
        os.kill(int(name["pid"]), 0)
    except ProcessLookupError:
        return False
    except PermissionError:  # it runs, as somebody else
        return True
    return True


def _header(path: Path) -> bytes:
    """The first bytes of a plain file; none of anything else."""
    with suppress(OSError):
        if path.is_file():  # opening a pipe would wait for its writer
            with path.open("rb") as file:
                return file.read(100)
    return b""


def _has_only_our_tables(path: Path) -> bool:
    wal = path.with_name(path.name + "-wal")
    try:
        names = _names(path)
        if names or not _is_short(wal) or not _is_short(path):
            return _are_ours(names)
        # Its process was killed before anything left the log, which only a copy may be read with.
        with tempfile.TemporaryDirectory() as folder:
            copy = Path(folder, path.name)
            shutil.copyfile(path, copy)
            shutil.copyfile(wal, copy.with_name(wal.name))
            return _are_ours(_names(copy, immutable=False))
    except (OSError, sqlite3.Error):
        return False


def _is_short(path: Path) -> bool:
    return path.is_file() and path.stat().st_size <= _MOST_COPIED


def _are_ours(names: set[str]) -> bool:
    return _ALWAYS <= names <= _ALL


def _names(path: Path, *, immutable: bool = True) -> set[str]:
    """The tables and views of a database whose migrations, if any, are all known."""
    uri = f"{path.resolve().as_uri()}?{'mode=ro&immutable=1' if immutable else ''}"
    with closing(sqlite3.connect(uri, uri=True)) as connection:
        listed = connection.execute(
            "SELECT tbl_name FROM sqlite_master WHERE name NOT LIKE 'sqlite~_%' ESCAPE '~'"
        )
        names = {name for (name,) in listed}
        if "_sqlite_migrations" in names:
            sets = connection.execute("SELECT DISTINCT migration_set FROM _sqlite_migrations")
            return names if sets.fetchall() == [("telemetry",)] else set()
    return names
