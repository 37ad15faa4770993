"""Reads a workspace once for everybody who indexes it, and keeps them up to date.

One thread goes over the files, then waits for changes on disk and in open documents. An open
document counts as its editor has it, not as it lies on disk.
"""

import gc
import logging
import os
import queue
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Protocol

from completer.context.watch import FileWatcher, WatchReport
from completer.context.workspace import SourceFile, Workspace
from completer.place import Place

_log = logging.getLogger(__name__)

_QUIET_S = 0.3  # a document is handed on when nothing was typed for so long
_FREEZE_EVERY = 1_000  # files
_WATCH_BEGINS_WITHIN_S = 30.0
_STOPS_WITHIN_S = 2.0


class Sink(Protocol):
    """Somebody who indexes text, such as `Retriever.update`; called from the feed's thread."""

    def __call__(self, path: Path, text: str | None, *, edited: bool) -> None:
        """Take over a file's text, `None` if it (or a folder of this name) is gone."""
        ...


class WorkspaceFeed:
    """Hands the text of a workspace's files to `sinks`. A life: start, document_changed, stop.

    `fault` names the last error that reading ended with, empty if there was none; `changes` counts
    files that came, changed or went on disk, those of open documents too.
    """

    def __init__(
        self, workspace: Workspace, sinks: Sequence[Sink], *, quiet_s: float = _QUIET_S
    ) -> None:
        self._workspace = workspace
        self._sinks = sinks
        self._quiet_s = quiet_s
        self.fault = ""
        self.changes = 0
        self._ready = threading.Event()
        self._stopping = threading.Event()
        self._tasks: queue.SimpleQueue[Callable[[], None]] = queue.SimpleQueue()
        self._known: dict[Path, tuple[int, int]] = {}  # size and mtime as last handed on
        self._folders: Counter[str] = Counter()  # that these lie in, each with their number
        self._documents: dict[Path, str] = {}
        self._typed: dict[Path, float] = {}  # when it last changed, until it is handed on
        self._rescan_wanted = True
        self._watcher = FileWatcher(workspace, self._files_changed, self._compare_all)
        self._thread = threading.Thread(target=self._run, name="workspace-feed", daemon=True)

    def start(self) -> None:
        """Begin to read and to watch. May be called once."""
        self._watcher.start()
        self._thread.start()

    def wait(self, timeout_s: float | None = None) -> bool:
        """Wait until all files were read once; say whether they were."""
        return self._ready.wait(timeout_s)

    def stop(self, within_s: float = _STOPS_WITHIN_S) -> None:
        """Stop, and wait for so long until no sink is being called any more."""
        self._stopping.set()
        self._tasks.put(lambda: None)
        until = time.monotonic() + within_s
        self._watcher.stop(within_s)
        if self._thread.is_alive():
            self._thread.join(max(0.0, until - time.monotonic()))

    @property
    def watch(self) -> WatchReport:
        """What the watch of the folder reports: restarts, and why files are compared instead."""
        return self._watcher.report

    def document_changed(self, path: Place, text: str | None) -> None:
        """Take over an open document's text; `None` when it was closed. Returns at once."""
        self._tasks.put(lambda: self._take_document(path, text))

    def _run(self) -> None:
        until = time.monotonic() + _WATCH_BEGINS_WITHIN_S
        while not (self._stopping.is_set() or self._watcher.wait(0.1)):
            if time.monotonic() > until:  # it asks for another pass once it has begun
                break
        while not self._stopping.is_set():
            try:
                self._step()
            except Exception as error:  # noqa: BLE001 (what comes next may go well again)
                self.fault = type(error).__name__
                _log.exception("Reading %s failed", self._workspace.root)
                self._ready.set()
                self._stopping.wait(self._quiet_s)

    def _step(self) -> None:
        """Do what is to be done next, or wait for it."""
        if self._rescan_wanted:
            self._rescan_wanted = False
            self._rescan()
            if not self._stopping.is_set():
                self._ready.set()
            return
        with suppress(queue.Empty):
            self._tasks.get(timeout=self._quiet_s if self._typed else None)()
        self._hand_on_documents()

    def _rescan(self) -> None:
        """Hand on every file that is new or has changed, and those that are no longer there."""
        gone = set(self._known)
        for number, file in enumerate(self._workspace.iter_files()):
            if self._stopping.is_set():
                return
            if number % _FREEZE_EVERY == _FREEZE_EVERY - 1:
                # What is known of files lives long. A collector that goes over all of it, time and
                # again while it grows, would hold up every thread for seconds.
                gc.freeze()
            gone.discard(file.path)
            self._hand_on_file(file)
            self._run_waiting()
        self._forget(gone)

    def _run_waiting(self) -> None:
        """Between two files of a long pass: documents do not wait for its end."""
        while not self._tasks.empty():
            self._tasks.get()()
        self._hand_on_documents()

    def _files_changed(self, changed: set[Path], deleted: set[Path]) -> None:
        self._tasks.put(lambda: self._take_files(changed, deleted))

    def _compare_all(self) -> None:
        self._tasks.put(self._want_rescan)

    def _want_rescan(self) -> None:
        self._rescan_wanted = True

    def _take_files(self, changed: set[Path], deleted: set[Path]) -> None:
        self._forget(deleted)
        for path in sorted(changed):
            file = self._workspace.source_file(path)
            if file is None:
                self._forget_file(path)
            else:
                self._hand_on_file(file)

    def _take_document(self, path: Path, text: str | None) -> None:
        if text is not None and self._workspace.check_name(path).ok:
            self._documents[path] = text
            self._typed[path] = time.monotonic()
        elif self._documents.pop(path, None) is not None:
            self._typed.pop(path, None)
            self._drop(path)
            self._take_files({path}, set())

    def _hand_on_documents(self) -> None:
        now = time.monotonic()
        for path in [path for path, typed in self._typed.items() if now - typed >= self._quiet_s]:
            del self._typed[path]
            self._documents[path] = self._workspace.cleaned(self._documents[path])
            self._hand_on(path, self._documents[path], edited=True)

    def _hand_on_file(self, file: SourceFile) -> None:
        stamp = (file.size, file.mtime_ns)
        if self._known.get(file.path) == stamp:
            return
        if file.path in self._documents:
            self._remember(file.path, stamp)
            return
        text = self._workspace.read(file.path)
        if text is not None:
            self._remember(file.path, stamp)
            self._hand_on(file.path, text, edited=False)

    def _forget(self, paths: set[Path]) -> None:
        """Hand on that these are gone: files, or folders with all that was in them."""
        folders = {str(path) for path in paths} & self._folders.keys()
        gone = paths & self._known.keys()
        if folders:
            inside = (p for p in self._known if not folders.isdisjoint(self._folders_of(p)))
            gone = gone.union(inside)
        if not self._ready.is_set():  # a sink may know more from an earlier session
            gone |= paths
        for path in sorted(gone):
            self._forget_file(path)

    def _forget_file(self, path: Path) -> None:
        if path not in self._documents:
            self._drop(path)
            self._hand_on(path, None, edited=False)

    def _remember(self, path: Path, stamp: tuple[int, int]) -> None:
        self.changes += 1
        if path not in self._known:
            self._folders.update(self._folders_of(path))
        self._known[path] = stamp

    def _drop(self, path: Path) -> None:
        if self._known.pop(path, None) is None:
            return
        self.changes += 1
        for folder in self._folders_of(path):
            self._folders[folder] -= 1
            if not self._folders[folder]:
                del self._folders[folder]

    def _folders_of(self, path: Path) -> Iterator[str]:
        """Yield the folders of the workspace that a file of it lies in."""
        folder = os.path.dirname(path)  # noqa: PTH120 (ten times as fast as `parents`)
        while len(folder) > len(str(self._workspace.root)):
            yield folder
            folder = os.path.dirname(folder)  # noqa: PTH120

    def _hand_on(self, path: Path, text: str | None, *, edited: bool) -> None:
        for sink in self._sinks:
            try:
                sink(path, text, edited=edited)
            except Exception:  # noqa: BLE001 (one that fails must not keep the others from it)
                _log.exception("Indexing %s failed", path)
