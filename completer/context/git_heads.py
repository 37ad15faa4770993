"""Tells when the files of a git repository change because its HEAD moves, and what commits add.

Git itself keeps the record, in the reflog of HEAD: which commit it left, which one it went to, and
by which command. A commit changes no file; a checkout, a merge or a reset does, and nobody typed
what they change.
"""

import logging
import os
import threading
from collections.abc import Callable, Iterable
from functools import partial
from pathlib import Path

from dulwich.reflog import parse_reflog_line

from completer.context.commits import CommittedLines, committed_lines
from completer.context.content import opened_beneath
from completer.context.git_folders import git_folders
from completer.place import Place

_log = logging.getLogger(__name__)

_LOOK_EVERY_S = 0.2  # a look asks for the size of one file
_LARGEST_GROWTH = 1 << 16  # bytes between two looks: more is not what a person did
_REFLOG = ("logs", "HEAD")
_COMMITS = ("commit", "commit (initial)", "commit (amend)")


class HeadWatcher:
    """Watches the HEAD of one repository, `git` being its folder of that name, on a thread.

    `on_commit` gets the id of each commit made from now on, and of the one that it amends;
    `on_move` is called when HEAD moved to another commit in any other way. What they raise is
    logged.
    """

    def __init__(
        self,
        git: Path,
        on_commit: Callable[[str, str | None], None],
        on_move: Callable[[], None],
    ) -> None:
        self._git = git
        self._on_commit = on_commit
        self._on_move = on_move
        self._known = self._reflog_size()  # bytes that have been read
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="head-watcher", daemon=True)

    def start(self) -> None:
        """Begin to watch. May be called once."""
        self._thread.start()

    def stop(self) -> None:
        """Watch no longer; a call that is under way comes to its end."""
        self._stopping.set()

    def _run(self) -> None:
        while not self._stopping.wait(_LOOK_EVERY_S):
            self._look()

    def _look(self) -> None:
        failed: Exception | None = None
        for line in self._new_lines():
            try:
                self._take(line)
            except Exception as error:  # noqa: BLE001 (one line that means nothing must not end it)
                failed = error
        if failed is not None:
            _log.warning("A move of HEAD in %s was not understood", self._git, exc_info=failed)

    def _take(self, line: bytes) -> None:
        entry = parse_reflog_line(line)
        command = entry.message.partition(b":")[0].decode("utf-8", "replace")
        old, new = entry.old_sha.decode(), entry.new_sha.decode()
        if command in _COMMITS:
            self._on_commit(new, old if command == "commit (amend)" else None)
        elif old != new:
            self._on_move()

    def _new_lines(self) -> list[bytes]:
        """Return the whole lines that were added; what was added by the thousand is passed over."""
        try:
            with opened_beneath(self._git, _REFLOG) as descriptor:
                size = os.fstat(descriptor).st_size
                if not self._known < size <= self._known + _LARGEST_GROWTH:
                    self._known = size  # smaller: git threw old lines away
                    return []
                os.lseek(descriptor, self._known, os.SEEK_SET)
                new = os.read(descriptor, size - self._known)
        except OSError as error:
            if isinstance(error, FileNotFoundError):  # there is none before the first commit
                self._known = 0
            return []
        whole = new[: new.rfind(b"\n") + 1]
        self._known += len(whole)
        return whole.splitlines()

    def _reflog_size(self) -> int:
        try:
            with opened_beneath(self._git, _REFLOG) as descriptor:
                return os.fstat(descriptor).st_size
        except OSError:
            return 0


class GitHeads:
    """The repositories that open folders lie in; two folders may share one.

    `on_commit` gets one of the repository's folders, `on_move` is called for each.
    """

    def __init__(
        self,
        on_commit: Callable[[Place, CommittedLines], None] | None = None,
        on_move: Callable[[Place], None] = lambda _: None,
    ) -> None:
        self._on_commit = on_commit
        self._on_move = on_move
        self._folders: dict[Path, list[Place]] = {}
        self._watchers: dict[Path, HeadWatcher] = {}

    def watch(self, folders: Iterable[Place]) -> None:
        """Watch the repositories of these folders, and no others any more."""
        self._folders = {}
        for folder in folders:
            repository = git_folders(folder)
            if repository is not None and repository.own is not None:
                self._folders.setdefault(repository.own, []).append(folder)
        for git in self._watchers.keys() - self._folders.keys():
            self._watchers.pop(git).stop()
        for git in self._folders.keys() - self._watchers.keys():
            self._watchers[git] = HeadWatcher(
                git, partial(self._committed, git), partial(self._moved, git)
            )
            self._watchers[git].start()

    def stop(self) -> None:
        """Watch nothing any more."""
        self.watch(())

    def _committed(self, git: Path, commit: str, amends: str | None) -> None:
        folders = self._folders.get(git)
        if folders and self._on_commit is not None:
            folder = folders[0]
            self._on_commit(folder, committed_lines(folder, commit, amends))

    def _moved(self, git: Path) -> None:
        for folder in self._folders.get(git, ()):
            self._on_move(folder)
