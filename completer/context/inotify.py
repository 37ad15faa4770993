"""What Linux tells of changes in folders, each of which is watched by itself.

No link is followed, and names may be any bytes. Nothing here knows which folders matter.
"""

import ctypes
import os
import select
import struct
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

_CLOSE_WRITE, _MOVED_FROM, _MOVED_TO = 0x8, 0x40, 0x80
_CREATE, _DELETE, _MOVED_ITSELF = 0x100, 0x200, 0x800
_OVERFLOW, _IGNORED = 0x4000, 0x8000
_ONLY_FOLDERS, _NO_LINKS, _NOT_UNLINKED, _IS_FOLDER = 0x1000000, 0x2000000, 0x4000000, 0x40000000
_WANTED = _CLOSE_WRITE | _MOVED_FROM | _MOVED_TO | _CREATE | _DELETE | _MOVED_ITSELF
_MASK = _WANTED | _ONLY_FOLDERS | _NO_LINKS | _NOT_UNLINKED
_HEADER = struct.Struct("iIII")  # watch, what happened, cookie, length of the name
_BUFFER = 1 << 16


class MissedError(OSError):
    """The system lost track of what happened: everything has to be looked at anew."""


@dataclass(frozen=True, slots=True)
class Event:
    """Something became of `path`: it was made, written, moved or removed."""

    path: Path
    is_folder: bool
    is_there: bool


class Inotify:
    """A set of watched folders, for one thread.

    Every method but `close` raises `OSError` when the system has no more to give: `errno` is ENOSPC
    when too many folders are watched, EMFILE when too many programs watch.
    """

    def __init__(self) -> None:
        self._library = ctypes.CDLL(None, use_errno=True)
        self._descriptor = self._checked(self._library.inotify_init1(os.O_NONBLOCK | os.O_CLOEXEC))
        self._folders: dict[int, Path] = {}
        self._poll = select.poll()
        self._poll.register(self._descriptor, select.POLLIN)

    def __len__(self) -> int:
        return len(self._folders)

    def add(self, folder: Path) -> None:
        """Watch a folder, which is no link; again does no harm."""
        name = ctypes.c_char_p(os.fsencode(folder))
        watch = self._library.inotify_add_watch(self._descriptor, name, ctypes.c_uint32(_MASK))
        self._folders[self._checked(watch)] = folder

    def forget(self, folder: Path) -> None:
        """Watch a folder that was moved away, and what is beneath it, no longer."""
        beneath = f"{folder}{os.sep}"
        for watch, path in list(self._folders.items()):
            if path == folder or str(path).startswith(beneath):
                del self._folders[watch]
                self._library.inotify_rm_watch(self._descriptor, ctypes.c_int(watch))

    def read(self, timeout_s: float) -> list[Event]:
        """Wait for something to happen, for so long.

        Raises `MissedError` when events were lost or the folder that was added first is gone.
        """
        if not self._poll.poll(1000 * timeout_s):
            return []
        return list(self._events(os.read(self._descriptor, _BUFFER)))

    def close(self) -> None:
        """Watch nothing any more."""
        os.close(self._descriptor)

    def _events(self, data: bytes) -> Iterator[Event]:
        position = 0
        while position < len(data):
            watch, what, _, length = _HEADER.unpack_from(data, position)
            position += _HEADER.size + length
            name = os.fsdecode(data[position - length : position].rstrip(b"\0"))
            if what & _OVERFLOW:
                raise MissedError(0, "more changed at once than the system could tell")
            folder = self._folders.get(watch)
            if what & (_IGNORED | _MOVED_ITSELF) and folder is not None:
                self._gone(watch, removed=bool(what & _IGNORED))
            elif folder is not None and name:
                gone = what & (_DELETE | _MOVED_FROM)
                yield Event(folder / name, bool(what & _IS_FOLDER), not gone)

    def _gone(self, watch: int, *, removed: bool) -> None:
        """A folder is not there any more; what was moved away is told by the one it was in."""
        if next(iter(self._folders)) == watch:
            raise MissedError(0, "the folder is gone")
        if removed:
            del self._folders[watch]

    @staticmethod
    def _checked(result: int) -> int:
        if result < 0:
            number = ctypes.get_errno()
            raise OSError(number, os.strerror(number))
        return result
