"""Which database files there are: each process writes its own, reports read a folder of them."""

from __future__ import annotations

import os
import re
import secrets
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

SUFFIX: Final = ".sqlite3"
_NAME: Final = re.compile(r"\d{4}-\d\d-\d\d-(?P<pid>[1-9]\d{0,8})-[0-9a-f]{8}\.sqlite3")


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
    name = _NAME.fullmatch(path.name)
    if name is None:
        return False
    try:
        os.kill(int(name["pid"]), 0)
    except ProcessLookupError:
        return False
    except PermissionError:  # it runs, as somebody else
        return True
    return True
