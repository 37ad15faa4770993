"""What a client tells of its files: names that are data, never paths, and digests of texts."""

import hashlib
import re
from dataclasses import dataclass
from pathlib import Path, PureWindowsPath

from completer.place import Place

LONGEST_NAME = 4_096  # characters, as in a path of the client's system
DEEPEST = 100  # folders in one another
DIGEST = re.compile(r"[0-9a-f]{64}")
_WINDOWS = re.compile(r"[A-Za-z]:\\|\\\\[^\\]")
"""A drive, or a folder of the network, as only Windows spells them."""
_CONTROL = re.compile(r"[\x00-\x1f\x7f\ud800-\udfff]")


@dataclass(frozen=True, slots=True)
class MirroredFile:
    """A file by its name from the root on, with slashes; digest and bytes of its text in UTF-8.

    It is `whole` if nothing was cut out of it.
    """

    name: str
    digest: str
    size: int
    whole: bool = True


def is_name(name: str) -> bool:
    """Whether `name` leads from a workspace's root to a file in it, and is spelled as one would."""
    parts = name.split("/")
    return (
        len(name) <= LONGEST_NAME
        and len(parts) <= DEEPEST
        and not _CONTROL.search(name)
        and not any(part in ("", ".", "..") for part in parts)
    )


def place_there(path: Path) -> Place:
    r"""A place of the client's, with slashes also where it comes from Windows.

    On the way back it is what it was: there `C:/a` and `C:\a` are one path.

    >>> place_there(Path("C:\\shop\\app.py")).as_posix()
    'C:/shop/app.py'
    """
    text = str(path)
    return Place(Path(PureWindowsPath(text).as_posix()) if _WINDOWS.match(text) else path)


def in_order(name: str) -> tuple[tuple[bool, str], ...]:
    """A key that sorts names as `Workspace` walks: a folder's files, then what is below it."""
    *folders, last = name.split("/")
    return (*((True, folder) for folder in folders), (False, last))


def digest_of(data: bytes) -> str:
    """Under what a text is kept."""
    return hashlib.sha256(data).hexdigest()


def mirrored(name: str, text: str, *, whole: bool) -> MirroredFile:
    """How a text is listed."""
    data = text.encode()
    return MirroredFile(name, digest_of(data), len(data), whole)
