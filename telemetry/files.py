"""Which database files there are: each process writes its own, reports read a folder of them."""

from __future__ import annotations

import os
import secrets
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

SUFFIX: Final = ".sqlite3"


def new_database_path(folder: Path) -> Path:
    """Where this process writes: a name that no other process has."""
    day = datetime.now(UTC).date().isoformat()
    return folder / f"{day}-{os.getpid()}-{secrets.token_hex(4)}{SUFFIX}"


def database_files(path: Path) -> list[Path]:
    """The databases behind `path`: a file, or all of a folder.

    Raises FileNotFoundError with advice if there is none.
    """
    files = sorted(path.glob(f"*{SUFFIX}")) if path.is_dir() else [path] * path.is_file()
    if not files:
        raise FileNotFoundError(
            f"no telemetry database at {path}: give a {SUFFIX} file or a folder of them "
            "(they appear after the first completion)"
        )
    return files


def is_in_use(path: Path) -> bool:
    """Whether the process that made this file, by the number in its name, is still running."""
    parts = path.stem.split("-")
    if len(parts) != 5 or not parts[3].isdigit():
        return False
    try:
        os.kill(int(parts[3]), 0)
    except ProcessLookupError:
        return False
    except PermissionError:  # it runs, as somebody else
        return True
    return True
