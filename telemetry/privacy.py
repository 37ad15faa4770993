"""What stands in for users, documents and texts, and who has asked not to be recorded.

The key is made at install and stays in the telemetry folder. Ids made with it say whether two
things are the same, and nothing else, to anyone who does not hold the key. A team may have a key of
its own for people, the same in all installations.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import logging
import os
import re
import secrets
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path
from typing import Final

_log = logging.getLogger(__name__)

KEY_FILE: Final = "install.key"
OPT_OUT_FILE: Final = "opt-out.json"

_KEY_BYTES: Final = 32
_ID: Final = re.compile(r"[0-9a-f]{32}")


class ForeignFileError(Exception):
    """A file of another program stands where this one would write its own."""

    def __init__(self, path: Path) -> None:
        super().__init__(f"{path} is another program's, and is left as it is")


class NoKeyError(Exception):
    """A key is not there, under which people are or were recorded: nobody can be found."""

    def __init__(self, path: Path) -> None:
        super().__init__(f"{path} is missing, or is no key under which people are recorded")


class Pseudonyms:
    """Keyed hashes, one namespace for each kind of thing.

    People have a key of their own if several installations are to know them as the same.
    """

    def __init__(self, key: bytes, people_key: bytes | None = None) -> None:
        self._key = key
        self._people_key = key if people_key is None else people_key

    def user(self, name: str) -> str:
        """A user's id, 32 hexadecimal digits."""
        return _digest(self._people_key, "user", name).hex()[:32]

    def people_key(self) -> int:
        """A number that tells the key of people from others, and nothing about it, 63 bits."""
        return int.from_bytes(_digest(self._people_key, "key", "")[:8]) >> 1

    def draw(self, experiment: str, name: str) -> tuple[float, float]:
        """Two independent numbers from [0, 1) for a user in an experiment, always the same."""
        digest = _digest(self._people_key, "experiment", f"{experiment}\0{name}")
        first, second = (int.from_bytes(part) >> 11 for part in (digest[:8], digest[8:16]))
        return first / 2**53, second / 2**53

    def workspace(self, path: str) -> str:
        """A workspace's id, 32 hexadecimal digits."""
        return _digest(self._key, "workspace", path.rstrip("/")).hex()[:32]

    def document(self, uri: str) -> int:
        """A document's id, 63 bits."""
        return self._number("document", uri)

    def text(self, text: str) -> int:
        """A text's id, 63 bits."""
        return self._number("text", text)

    def ending(self, uri: str, text: str) -> int:
        """The same for a suggestion and what is left of it after some was typed, 63 bits."""
        return self._number("ending", f"{uri}\0{''.join(text.split())[-32:]}")

    def commit(self, commit_id: str) -> int:
        """A commit's id, 63 bits."""
        return self._number("commit", commit_id)

    def _number(self, kind: str, value: str) -> int:
        return int.from_bytes(_digest(self._key, kind, value)[:8]) >> 1


def _digest(key: bytes, kind: str, value: str) -> bytes:
    message = f"{kind}\0{value}".encode("utf-8", "surrogatepass")
    return hmac.digest(key, message, hashlib.sha256)


def install_key(folder: Path) -> bytes:
    """The folder's key, made on first use.

    A folder that cannot be written gives a key for this process alone: nothing can be stored
    there either. So does one where the key's place is taken by a file that is none.
    """
    path = folder / KEY_FILE
    key = secrets.token_bytes(_KEY_BYTES)
    with suppress(OSError):
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        if not path.exists():
            _create_once(path, key)
        if _is_key(path):
            return path.read_bytes()
        _log.warning("telemetry: %s is not ours; ids hold for this process alone", path)
    return key


def read_key(path: Path) -> bytes:
    """The key in a file; raises `NoKeyError` if there is none."""
    if not _is_key(path):
        raise NoKeyError(path)
    return path.read_bytes()


def user_ids(user: str, folder: Path, identity: Path | None) -> list[str]:
    """The ids under which a user may have been recorded in a folder. Raises `NoKeyError`."""
    keys = [read_key(identity)] if identity is not None else []
    if not keys or _is_key(folder / KEY_FILE):
        keys.append(read_key(folder / KEY_FILE))
    return [Pseudonyms(key).user(user) for key in keys]


def make_key(path: Path) -> None:
    """Make a key for the owner's eyes alone; raises FileExistsError if something is there."""
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    if path.exists() or path.is_symlink():
        raise FileExistsError(f"{path} exists")
    _create_once(path, secrets.token_bytes(_KEY_BYTES))


def remove_key(folder: Path) -> None:
    """Forget the folder's key, if this program made it."""
    path = folder / KEY_FILE
    if _is_key(path) and not path.is_symlink():
        path.unlink()


def _is_key(path: Path) -> bool:
    return path.is_file() and path.stat().st_size == _KEY_BYTES


def _create_once(path: Path, content: bytes) -> None:
    """Write a file complete or not at all, and leave one that is there as it is."""
    draft = _draft(path, content)
    try:
        os.link(draft, path)
    except FileExistsError:
        pass
    except OSError:  # a file system without links: the last of two that start at once wins
        draft.replace(path)
    draft.unlink(missing_ok=True)


def _draft(path: Path, content: bytes) -> Path:
    """Write a new file beside `path`, safe from a crash, for the owner's eyes alone."""
    draft = path.with_name(f"{path.name}.{secrets.token_hex(4)}")
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(content)
        file.flush()
        os.fsync(descriptor)
    return draft


def opt_out_list(folder: Path) -> OptOut:
    """Who has opted out of the telemetry in `folder`, to be changed.

    Raises `ForeignFileError` if the folder's key is not ours: nobody would be found again.
    """
    install_key(folder)
    if (folder / KEY_FILE).exists() and not _is_key(folder / KEY_FILE):
        raise ForeignFileError(folder / KEY_FILE)
    return OptOut(folder, Pseudonyms(install_key(folder)))


class OptOut:
    """Users and workspaces of which nothing is recorded, kept as keyed hashes in the folder.

    Its file is followed: what another process changes there counts at once.
    """

    def __init__(self, folder: Path, pseudonyms: Pseudonyms) -> None:
        self._path = folder / OPT_OUT_FILE
        self._pseudonyms = pseudonyms
        self._known: frozenset[str] | None = frozenset()
        self._stamp: tuple[int, ...] | None = None

    def covers(self, *, user: str = "", workspace: str = "", places: Iterable[str] = ()) -> bool:
        """Whether one of them has opted out, or a folder that holds the workspace or a place.

        `places` are real paths of files and folders. While the list cannot be read, everyone has.
        """
        listed = self._ids
        if listed is None:
            return True
        named = {Path(place) for place in (workspace, *places) if place}
        folders = {str(above) for place in named for above in (place, *place.parents)}
        ids = {self._pseudonyms.workspace(folder) for folder in folders} if listed else set()
        return bool(ids & listed) or (bool(user) and self._pseudonyms.user(user) in listed)

    def add(self, *, user: str = "", workspace: str = "") -> None:
        """Record nothing of them from the next session on.

        Raises `ForeignFileError` if the list's place is taken by a file that is none.
        """
        self._save((self._ids or frozenset()) | self._named(user, workspace))

    def remove(self, *, user: str = "", workspace: str = "") -> None:
        """Take an opt-out back. Raises as `add` does."""
        self._save((self._ids or frozenset()) - self._named(user, workspace))

    def _named(self, user: str, workspace: str) -> frozenset[str]:
        users = {self._pseudonyms.user(user)} if user else set()
        return frozenset(users | ({self._pseudonyms.workspace(workspace)} if workspace else set()))

    @property
    def _ids(self) -> frozenset[str] | None:
        """What the file lists now; `None` while it cannot be read."""
        if (stamp := _stamp(self._path)) != self._stamp:
            self._known, self._stamp = self._read(), stamp
        return self._known

    def _read(self) -> frozenset[str] | None:
        try:
            return _ids_in(self._path.read_text("utf-8"))
        except (FileNotFoundError, NotADirectoryError):
            return frozenset()
        except (OSError, ValueError) as error:
            _log.warning("telemetry: nothing is recorded, %s is unreadable: %s", self._path, error)
            return None

    def _save(self, ids: frozenset[str]) -> None:
        if self._ids is None:
            raise ForeignFileError(self._path)
        self._path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        _draft(self._path, json.dumps(sorted(ids)).encode()).replace(self._path)


def _stamp(path: Path) -> tuple[int, ...] | None:
    """What changes with a file; `None` where there is none."""
    try:
        status = path.stat()
    except (FileNotFoundError, NotADirectoryError):
        return None
    except OSError:
        return ()
    return status.st_ino, status.st_mtime_ns, status.st_size


def _ids_in(text: str) -> frozenset[str]:
    """The ids of a list; raises ValueError for what is none."""
    ids = json.loads(text)
    if not isinstance(ids, list) or not all(
        isinstance(id_, str) and _ID.fullmatch(id_) for id_ in ids
    ):
        raise ValueError("it is not a list of ids")
    return frozenset(ids)
