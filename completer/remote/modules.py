"""The Python modules of a mirror under their names, so that what follows imports can find them.

A name becomes a path only if it is spelled as modules and their folders are: of letters, digits,
`_` and `-`. Texts are linked, not copied.
"""

import os
import re
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path

from completer.private_files import private_folder
from completer.remote.names import MirroredFile

MODULES = "modules"
_NAME = re.compile(r"([\w-]{1,80}/)*\w{1,80}\.pyi?", re.ASCII)


def link_modules(
    mirror: Path, texts: Path, before: Iterable[MirroredFile], after: Iterable[MirroredFile]
) -> None:
    """Make the modules of a mirror those of its list `after`; they were those of `before`.

    What cannot be linked is left out: a file may stand where another name needs a folder.
    """
    folder = mirror / MODULES
    old = _digests(before) if folder.exists() else {}
    new = _digests(after)
    for name in old.keys() - new.keys():
        _unlink(folder, folder / name)
    private_folder(folder)
    for name, digest in new.items():
        if old.get(name) != digest:
            with suppress(OSError):
                _link(folder / name, texts / digest)


def _digests(files: Iterable[MirroredFile]) -> dict[str, str]:
    return {file.name: file.digest for file in files if _NAME.fullmatch(file.name)}


def _link(path: Path, text: Path) -> None:
    private_folder(path.parent)
    path.unlink(missing_ok=True)
    path.hardlink_to(text)
    os.utime(path)  # syntax trees are remembered until their file is younger


def _unlink(folder: Path, path: Path) -> None:
    """Remove a file, and the folders that are empty without it."""
    with suppress(OSError):
        path.unlink(missing_ok=True)
        for above in path.parents:
            if above == folder:
                break
            above.rmdir()
