"""Another installation's databases, taken in so that its people are known as the same as here.

People are stored as keyed hashes, so only those whose names are given can be found under the other
installation's key and known by this one's; all others stay people of their own.
"""

from __future__ import annotations

import re
import sqlite3
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from telemetry.files import database_files, is_in_use, noted_as_open
from telemetry.migrations import SchemaTooNewError
from telemetry.privacy import Pseudonyms
from telemetry.store import changing, snapshot

_NOBODYS_PROCESS: Final = "-999999999-"  # in a name: a number that no process has
_PROCESS: Final = re.compile(r"-[1-9]\d{0,8}-")


@dataclass(slots=True)
class Merged:
    """The files that were taken in, whose names were found in them, and how many ids were not.

    `known` are files that were taken in before, `failed` says why others were not.
    """

    files: list[Path] = field(default_factory=list)
    known: list[Path] = field(default_factory=list)
    people: set[str] = field(default_factory=set)
    unnamed: set[str] = field(default_factory=set)
    failed: dict[Path, str] = field(default_factory=dict)


def merge(
    source: Path, folder: Path, *, theirs: Pseudonyms, ours: Pseudonyms, names: Iterable[str]
) -> Merged:
    """Copy the databases at `source` into `folder`, and know the named people there as here.

    If `source` is the folder itself, its files are changed in place: after a team's key was set.
    Files that a process is writing fail. Raises FileNotFoundError if there is no database,
    `NotTelemetryError` for a file that is none.
    """
    new_ids = {theirs.user(name): ours.user(name) for name in names}
    known = {theirs.user(name): name for name in names} | {ours.user(name): name for name in names}
    merged = Merged()
    for path in database_files(source):
        target = path if path.parent.resolve() == folder.resolve() else _place(path, folder)
        try:
            if is_in_use(path):
                merged.failed[path] = "a running process writes it; stop it and ask again"
            elif target != path and target.exists():
                merged.known.append(path)
            else:
                found = _take_in(path, target, new_ids, ours.people_key())
                merged.files.append(target)
                merged.people |= {known[id_] for id_ in found & known.keys()}
                merged.unnamed |= found - known.keys()
        except (OSError, sqlite3.Error, SchemaTooNewError) as error:
            merged.failed[path] = str(error)
    return merged


def _place(path: Path, folder: Path) -> Path:
    """Where a file goes: under a name that says that nobody writes it, the same each time."""
    return folder / _PROCESS.sub(_NOBODYS_PROCESS, path.name, count=1)


def _take_in(path: Path, target: Path, new_ids: dict[str, str], key_h: int) -> set[str]:
    """Copy a file if it is to be elsewhere, give people their new ids; the ids that it had."""
    if target == path:
        return _renamed(path, new_ids, key_h)
    draft = target.with_name(f"{target.name}.draft")
    target.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    try:
        snapshot(path, draft)
        with noted_as_open(draft):
            found = _renamed(draft, new_ids, key_h)
        draft.replace(target)
    finally:
        draft.unlink(missing_ok=True)
    return found


def _renamed(path: Path, new_ids: dict[str, str], key_h: int) -> set[str]:
    with changing(path) as connection:
        found = {user_h for (user_h,) in connection.execute("SELECT user_h FROM session")}
        for old in found & new_ids.keys():
            change = "UPDATE session SET user_h = ?, key_h = ? WHERE user_h = ?"
            connection.execute(change, (new_ids[old], key_h, old))
    return found
