"""All mirrors of a server: whose they are, how much they may hold, and when they are forgotten.

A person's mirrors share one folder of texts; nothing of another person's is ever looked at.
"""

import logging
import os
import shutil
import threading
import time
from collections.abc import Iterable, Iterator
from contextlib import nullcontext, suppress
from dataclasses import dataclass
from pathlib import Path
from weakref import WeakKeyDictionary

from completer.errors import WorkspaceError
from completer.place import Place, local_place
from completer.private_files import new_private_file, private_folder
from completer.remote.mirror import TEXTS, folder_of, read_list, write_list, write_team
from completer.remote.modules import link_modules
from completer.remote.names import MirroredFile, digest_of
from completer.remote.team import TeamRepositories

log = logging.getLogger(__name__)
DAY_S = 86_400.0
MOST_WORKSPACES = 50


@dataclass(frozen=True, slots=True, kw_only=True)
class Quota:
    """What one person's mirrors may hold together, and for how many days unused."""

    max_bytes: int = 512 << 20
    max_files: int = 100_000
    days: float = 30.0


class Mirrors:
    """The mirrors in a folder, which is made when somebody has one.

    Those of clones of a team's repository begin with what is known of that.
    """

    def __init__(
        self, folder: Path, quota: Quota | None = None, teams: TeamRepositories | None = None
    ) -> None:
        self.folder = local_place(folder)
        self.quota = quota or Quota()
        self.teams = teams or TeamRepositories(folder)
        self._people: dict[str, PersonsMirrors] = {}
        self._lock = threading.Lock()

    def of(self, person: str) -> "PersonsMirrors":
        """One person's, the same object each time."""
        with self._lock:
            if person not in self._people:
                self._people[person] = PersonsMirrors(self, person)
            return self._people[person]

    def expire(self, used: Iterable[Path]) -> None:
        """Remove the mirrors that were not used for too long, but for those that are in use."""
        for folder in _folders(self.folder):
            with self._lock:
                people = [each for each in self._people.values() if each.folder == folder]
            with people[0].lock if people else nullcontext():
                for mirror in self._expired(folder, frozenset(used)):
                    shutil.rmtree(mirror, ignore_errors=True)
                    log.info("a mirror that was not used for %g days is gone", self.quota.days)
                remove_unlisted(folder, people[0].coming_digests if people else ())

    def _expired(self, folder: Path, used: frozenset[Path]) -> Iterator[Path]:
        oldest = time.time() - self.quota.days * DAY_S
        for mirror in _mirrors_in(folder):
            if mirror not in used and mirror.stat().st_mtime < oldest:
                yield mirror


class PersonsMirrors:
    """One person's mirrors. May be used from several threads."""

    def __init__(self, mirrors: Mirrors, person: str) -> None:
        self._mirrors = mirrors
        self._person = person
        self.folder = folder_of(mirrors.folder, person, "").parent
        self.texts = self.folder / TEXTS
        self.lock = threading.Lock()
        self.coming: WeakKeyDictionary[object, dict[str, int]] = WeakKeyDictionary()
        """Bytes of the texts that somebody was promised, until the list is written."""

    @property
    def quota(self) -> Quota:
        """See `Mirrors`."""
        return self._mirrors.quota

    def open(self, workspace: str) -> Place:
        """The folder of a workspace's mirror, made if it is missing, and in use from now on.

        Raises `WorkspaceError` where there are too many.
        """
        folder = folder_of(self._mirrors.folder, self._person, workspace)
        if not folder.exists() and len(_mirrors_in(self.folder)) >= MOST_WORKSPACES:
            why = f"More than {MOST_WORKSPACES} workspaces of one person would be mirrored."
            raise WorkspaceError(why, hint="Forget the others with `completer remote forget`.")
        private_folder(folder)
        private_folder(self.texts)
        os.utime(folder)
        return folder

    def held(self, but: Path, receiver: object) -> tuple[int, dict[str, int]]:
        """How many files the other mirrors have, and the bytes of each text.

        What is promised to others than the `receiver` counts as if it was there.
        """
        lists = [read_list(each) for each in _mirrors_in(self.folder) if each != but]
        texts = {file.digest: file.size for files in lists for file in files}
        for other, coming in self.coming.items():
            texts |= coming if other is not receiver else {}
        return sum(map(len, lists)), texts

    def begin_with_team(self, mirror: Path, origin: str, lacking: Iterable[str]) -> None:
        """Take from the repository that a mirror is a clone of what texts it has.

        Nothing where it is none of a team that the person belongs to.
        """
        team = self._mirrors.teams.of(self._person, origin)
        write_team(mirror, None if team is None else team.root)
        if team is not None:
            for text in map(team.text, lacking):
                if text is not None:
                    self.put(text)

    @property
    def coming_digests(self) -> set[str]:
        """Texts that no list has yet, but one will."""
        return {digest for texts in self.coming.values() for digest in texts}

    def digests(self) -> set[str]:
        """The texts that are there."""
        return {path.name for path in self.texts.iterdir()}

    def put(self, text: bytes) -> None:
        """Keep a text under its digest; nobody can tell whether it was there."""
        path = self.texts / digest_of(text)
        if not path.exists():
            beside = path.with_suffix(f".{threading.get_ident()}")
            with new_private_file(beside) as file:
                file.write(text)
            beside.replace(path)

    def commit(self, mirror: Path, files: Iterable[MirroredFile]) -> None:
        """Replace a mirror's list, and remove the texts that no list has any more."""
        files = list(files)
        link_modules(mirror, self.texts, read_list(mirror), files)
        write_list(mirror, files)
        remove_unlisted(self.folder, self.coming_digests)

    def kept(self) -> dict[str, int | float]:
        """What is kept, and how much that may be."""
        lists = [read_list(each) for each in _mirrors_in(self.folder)]
        texts = {file.digest: file.size for files in lists for file in files}
        return {
            "workspaces": len(lists),
            "files": sum(map(len, lists)),
            "bytes": sum(texts.values()),
            "max_files": self.quota.max_files,
            "max_bytes": self.quota.max_bytes,
            "days": self.quota.days,
        }

    def forget(self) -> None:
        """Remove all that was kept."""
        with self.lock:
            self.coming.clear()
            shutil.rmtree(self.folder, ignore_errors=True)


def remove_unlisted(person: Path, coming: Iterable[str]) -> None:
    """Remove the texts of a person that no list has, and that none will have soon."""
    kept = {file.digest for each in _mirrors_in(person) for file in read_list(each)}.union(coming)
    with suppress(FileNotFoundError):
        for text in (person / TEXTS).iterdir():
            if text.name not in kept:
                text.unlink(missing_ok=True)


def _mirrors_in(person: Path) -> list[Path]:
    return [each for each in _folders(person) if each.name != TEXTS]


def _folders(path: Path) -> list[Path]:
    try:
        return sorted(each for each in path.iterdir() if each.is_dir())
    except FileNotFoundError:
        return []
