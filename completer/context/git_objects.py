"""The objects of one repository, and of no other: alternates are not followed."""

import os
import stat
from collections.abc import Callable
from pathlib import Path

from dulwich.object_format import SHA1, SHA256
from dulwich.object_store import BaseObjectStore, DiskObjectStore
from dulwich.objects import ObjectID

_LARGEST_OBJECT = 16 << 20  # bytes, unpacked
_SHA256_DIGITS = 64


class OwnObjects(DiskObjectStore):
    """The objects in the folder `path`, in the format of the name `like`.

    Opening raises `OSError` where that is a link or a pack is no regular file; reading an object
    does so if its file is none.
    """

    def __init__(self, path: Path, like: str) -> None:
        super().__init__(
            path,
            loose_object_size_limit=_LARGEST_OBJECT,
            object_format=SHA256 if len(like) == _SHA256_DIGITS else SHA1,
        )
        _check(path, stat.S_ISDIR)
        packs = path / "pack"
        if os.path.lexists(packs):
            _check(packs, stat.S_ISDIR)
            for pack in packs.iterdir():
                _check(pack, stat.S_ISREG)

    @property
    def alternates(self) -> list[BaseObjectStore]:
        """None: they lie in other repositories."""
        return []

    def _get_shafile_path(self, sha: ObjectID) -> str:
        path = super()._get_shafile_path(sha)
        if os.path.lexists(path):
            _check(Path(path).parent, stat.S_ISDIR)
            _check(Path(path), stat.S_ISREG)
        return path


def _check(path: Path, is_kind: Callable[[int], bool]) -> None:
    if not is_kind(path.lstat().st_mode):
        raise OSError(f"{path} is a link, or not what git keeps there")
