"""Where compiled kernels are kept: in a folder of their own for each version of their sources.

Numba compiles a kernel anew when its own file changes, but not when a file does from which it took
a function in. After an update, a kernel that was found compiled could be made of both versions.
"""

import hashlib
import os
from contextlib import suppress
from pathlib import Path

from platformdirs import user_cache_path

VARIABLE = "NUMBA_CACHE_DIR"
COMPILING = "compiling the drafting kernels, once, for about 20 seconds ..."
SOURCES = Path(__file__).parent


def keep_versions_apart(folder: Path | None = None) -> None:
    """Name Numba's cache folder by what the sources say; before Numba is imported.

    A folder that the user has chosen stays; one that an older version chose, whose process started
    this one, does not.
    """
    folder = folder or user_cache_path("completer") / "kernels"
    chosen = os.environ.get(VARIABLE)
    if chosen is None or Path(chosen).parent == folder:
        os.environ[VARIABLE] = str(folder / version_of(SOURCES))


def is_first_start() -> bool:
    """Whether this version has not been compiled to its end yet on this machine."""
    return not _complete().exists()


def note_complete() -> None:
    """Remember that all kernels of this version are in the cache; nothing if that is read-only."""
    with suppress(OSError):
        _complete().parent.mkdir(parents=True, exist_ok=True)
        _complete().touch()


def _complete() -> Path:
    return Path(os.environ[VARIABLE]) / f"completer-{version_of(SOURCES)}.complete"


def version_of(sources: Path) -> str:
    """Return a name for what all Python files in a folder say."""
    digest = hashlib.sha256()
    for file in sorted(sources.glob("*.py")):
        digest.update(file.name.encode() + b"\0" + file.read_bytes() + b"\0")
    return digest.hexdigest()[:16]
