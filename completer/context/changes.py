"""Where files of a workspace change, however the system tells: a source for `FileWatcher`.

On Linux each folder that is read is watched by itself. Elsewhere the system watches whole trees,
without following links.
"""

import errno
import logging
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Protocol

from watchfiles import Change, watch

from completer.context.filenames import folder_reason
from completer.context.inotify import Event, Inotify
from completer.context.workspace import Workspace

_log = logging.getLogger(__name__)

_LONGEST_BATCH_S = 1.0
_QUIET_S = 0.05
_STOP_CHECK_S = 0.2
_MOST_FOLDERS = 20_000  # about a kilobyte of the system's memory each
_MOST_PATHS = 10_000  # of one batch: more are found sooner by looking at everything
_COMPARE_EVERY_S = 60.0
_COMPARING_COSTS = 200  # times what it takes to list the folders, at the most, if a share of 5 %
_REMOTE = frozenset({"9p", "drvfs", "nfs", "nfs4", "cifs", "smb3", "fuse.sshfs", "vboxsf"})

Batch = set[Path] | None
"""Paths where something changed or is gone; `None`: anywhere, all files have to be compared."""


class Changes(Protocol):
    """What changes in a workspace, from when it is made on."""

    compared: str
    """Why files are compared from time to time as well; empty if they need not be."""

    def batches(self) -> Iterator[Batch]:
        """Yield what changes until somebody wants to stop; raises what ends the watch."""
        ...

    def close(self) -> None:
        """Stop watching, and free the system's watches."""
        ...


def watch_changes(workspace: Workspace, stopping: threading.Event) -> Changes:
    """Begin to watch a workspace, until `stopping` is set. Raises `OSError` where that fails."""
    kind = FolderChanges if sys.platform == "linux" else TreeChanges
    return kind(workspace, stopping)


class FolderChanges:
    """Watches each folder that is read, and those where rules lie, on Linux."""

    def __init__(self, workspace: Workspace, stopping: threading.Event) -> None:
        self._workspace = workspace
        self._stopping = stopping
        self._inotify = Inotify()
        self.compared = ""
        began = time.monotonic()
        try:
            self._inotify.add(workspace.root)
            self._add_all(file.parent for file in workspace.rule_files)
            self._add_all(workspace.iter_folders())
        except BaseException:
            self.close()
            raise
        self._every_s = max(_COMPARE_EVERY_S, _COMPARING_COSTS * (time.monotonic() - began))
        if kind := _remote_kind(workspace.root):
            self._compare(f"other machines may change files there ({kind})")

    def batches(self) -> Iterator[Batch]:
        """See `Changes`."""
        due = time.monotonic() + self._every_s
        while not self._stopping.is_set():
            events = self._inotify.read(_STOP_CHECK_S)
            if events:
                yield self._follow(self._with_the_next(events))
            elif self.compared and time.monotonic() > due:
                yield None
                due = time.monotonic() + self._every_s

    def close(self) -> None:
        """See `Changes`."""
        self._inotify.close()

    def _with_the_next(self, events: list[Event]) -> list[Event]:
        """Wait until nothing happens for a moment: what belongs together comes together."""
        until = time.monotonic() + _LONGEST_BATCH_S
        while len(events) < _MOST_PATHS and time.monotonic() < until:
            more = self._inotify.read(_QUIET_S)
            if not more:
                break
            events += more
        return events

    def _follow(self, events: list[Event]) -> Batch:
        """Watch the folders that came, no longer those that went."""
        for event in events:
            if event.is_folder and event.is_there:
                self._add_all(self._workspace.iter_folders(event.path))
            elif event.is_folder:
                self._inotify.forget(event.path)
        paths = {event.path for event in events}
        return paths if len(paths) < _MOST_PATHS else None

    def _add_all(self, folders: Iterator[Path]) -> None:
        for folder in folders:
            if self._stopping.is_set() or not self._add(folder):
                return

    def _add(self, folder: Path) -> bool:
        """Watch a folder; say whether another one may be."""
        if len(self._inotify) >= _MOST_FOLDERS:
            self._compare(f"it has more than {_MOST_FOLDERS} folders")
            return False
        try:
            with suppress(FileNotFoundError, NotADirectoryError, PermissionError):
                self._inotify.add(folder)
        except OSError as error:
            if error.errno != errno.ENOSPC:
                raise
            self._compare("the system watches no more folders (see fs.inotify.max_user_watches)")
            return False
        return True

    def _compare(self, reason: str) -> None:
        if not self.compared:
            _log.warning(
                "Files in %s are compared every %.0f s as well: %s",
                self._workspace.root,
                _COMPARE_EVERY_S,
                reason,
            )
        self.compared = reason


class TreeChanges:
    """Watches the whole tree, where the system can do that by itself (macOS, Windows)."""

    compared = ""

    def __init__(self, workspace: Workspace, stopping: threading.Event) -> None:
        self._workspace = workspace
        self._stopping = stopping

    def batches(self) -> Iterator[Batch]:
        """See `Changes`."""
        for changes in watch(
            self._workspace.root,
            watch_filter=self._concerns_us,
            debounce=int(1000 * _LONGEST_BATCH_S),
            step=int(1000 * _QUIET_S),
            rust_timeout=int(1000 * _STOP_CHECK_S),
            stop_event=self._stopping,
            raise_interrupt=False,
            ignore_permission_denied=True,
        ):
            yield {Path(path) for _, path in changes}

    def close(self) -> None:
        """See `Changes`."""

    def _concerns_us(self, _change: Change, path: str) -> bool:
        """Drop early what an installation or a build writes by the thousand."""
        relative = Path(path).relative_to(self._workspace.root)
        if self._workspace.options.include or self._workspace.is_rule(Path(path)):
            return True
        return not any(map(folder_reason, relative.parts[:-1]))


def _remote_kind(folder: Path) -> str:
    """Return which file system that others write to a folder lies on; empty for a local one."""
    kind, longest = "", -1
    try:
        lines = Path("/proc/mounts").read_text(errors="replace").splitlines()
    except OSError:
        return ""
    for line in lines:
        _, mount, found, *_ = line.split(" ")
        if len(mount) > longest and folder.is_relative_to(mount.replace("\\040", " ")):
            kind, longest = found, len(mount)
    return kind if kind in _REMOTE else ""
