"""Every write, truncation and sync that SQLite makes, in order, and what a crash leaves of them.

A crash may lose whatever was not synced. The log is taken by a shim between SQLite and its own file
system layer (a VFS), made with ctypes in the library that Python's sqlite3 module runs on.
"""

import ctypes
import ctypes.util
import random
from collections import defaultdict
from contextlib import contextmanager
from pathlib import Path

_FILE = ctypes.c_void_p
_WRITE = ctypes.CFUNCTYPE(ctypes.c_int, _FILE, ctypes.c_void_p, ctypes.c_int, ctypes.c_int64)
_TRUNCATE = ctypes.CFUNCTYPE(ctypes.c_int, _FILE, ctypes.c_int64)
_SYNC = ctypes.CFUNCTYPE(ctypes.c_int, _FILE, ctypes.c_int)
# The name stays a pointer: SQLite keeps it, and a copy made for Python would be gone by then.
_OPEN = ctypes.CFUNCTYPE(
    ctypes.c_int, ctypes.c_void_p, ctypes.c_void_p, _FILE, ctypes.c_int, ctypes.c_void_p
)
_DELETE = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.c_void_p, ctypes.c_char_p, ctypes.c_int)


class _IoMethods(ctypes.Structure):
    _fields_ = (
        ("version", ctypes.c_int),
        ("close", ctypes.c_void_p),
        ("read", ctypes.c_void_p),
        ("write", ctypes.c_void_p),
        ("truncate", ctypes.c_void_p),
        ("sync", ctypes.c_void_p),
        ("others", ctypes.c_void_p * 14),
    )


class _Vfs(ctypes.Structure):
    _fields_ = (
        ("version", ctypes.c_int),
        ("file_size", ctypes.c_int),
        ("longest_path", ctypes.c_int),
        ("next", ctypes.c_void_p),
        ("name", ctypes.c_char_p),
        ("data", ctypes.c_void_p),
        ("open", ctypes.c_void_p),
        ("delete", ctypes.c_void_p),
        ("others", ctypes.c_void_p * 16),
    )


class WriteLog:
    """Entries `(path, kind, *details)`; tests add entries of their own with `note`."""

    def __init__(self):
        self.entries = []
        self._paths = {}
        self._tables = {}
        self._keep = []  # callbacks that C still points to

    def note(self, *entry):
        self.entries.append(entry)

    def shim(self, original):
        """A copy of the VFS `original` that logs."""
        copy = _Vfs.from_buffer_copy(original)
        copy.name = b"logged"
        copy.open = self._callback(_OPEN, lambda *a: self._open(_OPEN(original.open), original, *a))
        copy.delete = self._callback(
            _DELETE, lambda *a: self._delete(_DELETE(original.delete), original, *a)
        )
        return copy

    def _callback(self, kind, function):
        callback = kind(function)
        self._keep.append(callback)
        return ctypes.cast(callback, ctypes.c_void_p).value

    def _open(self, opened, original, _vfs, name, file, flags, out_flags):
        code = opened(ctypes.addressof(original), name, file, flags, out_flags)
        methods = ctypes.c_void_p.from_address(file)
        if code == 0 and methods.value and name:
            self._paths[file] = Path(ctypes.string_at(name).decode()).name
            methods.value = ctypes.addressof(self._logging(methods.value))
        return code

    def _delete(self, delete, original, _vfs, name, sync_folder):
        code = delete(ctypes.addressof(original), name, sync_folder)
        self.note(Path(name.decode()).name, "delete")
        return code

    def _logging(self, address):
        if address not in self._tables:
            table = _IoMethods.from_buffer_copy(_IoMethods.from_address(address))
            write, truncate = _WRITE(table.write), _TRUNCATE(table.truncate)
            sync = _SYNC(table.sync)

            def on_write(file, data, size, offset):
                self.note(self._paths[file], "write", offset, ctypes.string_at(data, size))
                return write(file, data, size, offset)

            def on_truncate(file, size):
                self.note(self._paths[file], "truncate", size)
                return truncate(file, size)

            def on_sync(file, flags):
                code = sync(file, flags)
                self.note(self._paths[file], "sync")
                return code

            table.write = self._callback(_WRITE, on_write)
            table.truncate = self._callback(_TRUNCATE, on_truncate)
            table.sync = self._callback(_SYNC, on_sync)
            self._tables[address] = table
        return self._tables[address]


@contextmanager
def logged_writes():
    """A `WriteLog` of all files that sqlite3 opens meanwhile; None if it cannot be taken here."""
    library = ctypes.util.find_library("sqlite3")
    if library is None:
        yield None
        return
    sqlite = ctypes.CDLL(library)
    sqlite.sqlite3_vfs_find.restype = ctypes.POINTER(_Vfs)
    original = sqlite.sqlite3_vfs_find(None).contents
    log = WriteLog()
    shim = log.shim(original)
    sqlite.sqlite3_vfs_register(ctypes.byref(shim), 1)
    try:
        yield log
    finally:
        sqlite.sqlite3_vfs_register(ctypes.byref(original), 1)
        sqlite.sqlite3_vfs_unregister(ctypes.byref(shim))


class CrashedDisk:
    """What a disk holds while a log is replayed, synced and not."""

    def __init__(self, seed=0):
        self._synced = defaultdict(bytearray)
        self._pending = defaultdict(list)
        self._rng = random.Random(seed)

    def apply(self, path, kind, *details):
        if kind == "delete":  # SQLite syncs the folder where that matters
            self._synced.pop(path, None)
            self._pending.pop(path, None)
        elif kind == "sync":
            for change in self._pending.pop(path, ()):
                _change(self._synced[path], *change)
        else:
            self._pending[path].append((kind, *details))

    def crash(self, folder, *, lose_all):
        """Write to `folder` what a crash now may leave: no unsynced write, or any of them."""
        for path in {*self._synced, *self._pending}:
            content = bytearray(self._synced.get(path, b""))
            for change in self._pending.get(path, ()):
                if not lose_all and self._rng.random() < 0.5:
                    _change(content, *change)
            (folder / path).write_bytes(content)


def _change(content, kind, *details):
    if kind == "truncate":
        del content[details[0] :]
    else:
        offset, data = details
        content.extend(bytes(max(offset + len(data) - len(content), 0)))
        content[offset : offset + len(data)] = data
