"""Which database files there are: each process writes its own, reports read a folder of them."""

from __future__ import annotations

import os
import secrets
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from telemetry.ownership import DATABASE_NAME, has_our_name, holds_telemetry, is_ours, refuse_others

SUFFIX: Final = ".sqlite3"


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
    """The databases behind `path` that may be changed: a file, or all in a folder that are ours.

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
    try:
        os.kill(int(name["pid"]), 0)
    except ProcessLookupError:
        return False
    except PermissionError:  # it runs, as somebody else
        return True
    return True
