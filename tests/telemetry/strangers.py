"""Files of other programs in a folder that somebody names, and the folder's exact state."""

import hashlib
import os
import sqlite3
import stat
import subprocess
import sys
from pathlib import Path

OUR_NAME = "2026-01-02-999999999-0123abcd.sqlite3"

_WAL = """
import os, sqlite3, sys
connection = sqlite3.connect(sys.argv[1], isolation_level=None)
connection.execute("PRAGMA journal_mode = WAL")
connection.execute("CREATE TABLE customers (name TEXT)")
connection.execute("INSERT INTO customers VALUES ('ada')")
os.kill(os.getpid(), 9)
"""


def _database(path):
    with sqlite3.connect(path) as connection:
        connection.execute("CREATE TABLE customers (name TEXT)")
        connection.execute("INSERT INTO customers VALUES ('ada')")
    connection.close()


def _marked(path):
    """A database that says which other program it belongs to."""
    _database(path)
    with sqlite3.connect(path) as connection:
        connection.execute("PRAGMA application_id = 1196444487")
    connection.close()


def _migrated(path):
    """A database of another program that uses the same library for its migrations."""
    _database(path)
    with sqlite3.connect(path) as connection:
        connection.execute(
            "CREATE TABLE _sqlite_migrations (id INTEGER PRIMARY KEY, migration_set TEXT,"
            " name TEXT, applied_at TEXT)"
        )
        connection.execute(
            "INSERT INTO _sqlite_migrations VALUES (1, 'telemetry', '0001_tables', '')"
        )
    connection.close()


def _in_wal(path):
    """A database whose rows are still in its log, for its process was killed."""
    subprocess.run([sys.executable, "-c", _WAL, str(path)], check=False, timeout=30)


def _link(path):
    target = path.with_name(f"target-of-{path.stem}")
    _database(target)
    path.symlink_to(target)


def _folder(path):
    path.mkdir()
    (path / "notes.txt").write_text("a folder")


STRANGERS = {
    "database": _database,
    "marked": _marked,
    "migrated": _migrated,
    "wal": _in_wal,
    "empty": Path.touch,
    "text": lambda path: path.write_text("SQLite notes\n"),
    "damaged": lambda path: path.write_bytes(b"SQLite format 3\0" + b"\xff" * 5_000),
    "truncated": lambda path: path.write_bytes(b"SQLite format 3\0"),
    "link": _link,
    "dangling link": lambda path: path.symlink_to(path.with_name("gone")),
    "loop": lambda path: path.symlink_to(path),
    "folder": _folder,
    "pipe": os.mkfifo,
}


def make_stranger(kind, path):
    """Make a file of another program at `path`, and give it and all beside it old times."""
    STRANGERS[kind](path)
    _age(path.parent)
    return path


def fill(folder):
    """Strangers of all kinds, under names of theirs and under names like ours."""
    folder.mkdir(parents=True, exist_ok=True)
    for number, (kind, make) in enumerate(STRANGERS.items()):
        make(folder / f"{kind.replace(' ', '-')}.sqlite3")
        make(folder / f"2020-01-02-999999999-{number:08x}.sqlite3")
    _age(folder)


def snapshot(folder):
    """What lies in a folder: kinds, modes, times and contents, by name."""
    return {str(path.relative_to(folder)): _state(path) for path in sorted(folder.rglob("*"))}


def _state(path):
    status = path.lstat()
    content = ""
    if stat.S_ISREG(status.st_mode):
        content = hashlib.sha256(path.read_bytes()).hexdigest()
    elif stat.S_ISLNK(status.st_mode):
        content = str(path.readlink())
    return status.st_mode, status.st_mtime_ns, status.st_ino, content


def _age(folder):
    """Times of long ago, which any write would show against."""
    for path in [*folder.rglob("*"), folder]:
        os.utime(path, ns=(10**18, 10**18), follow_symlinks=False)
