"""Reads a workspace once for everybody who indexes it, and keeps them up to date.

One thread goes over the files, then waits for changes on disk and in open documents. An open
document counts as its editor has it, not as it lies on disk.
"""

import logging
import queue
import threading
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Protocol

from completer.context.watch import FileWatcher
from completer.context.workspace import SourceFile, Workspace
from completer.place import Place, is_inside

_log = logging.getLogger(__name__)

_QUIET_S = 0.3  # a document is handed on when nothing was typed for so long


class Sink(Protocol):
    """Somebody who indexes text, such as `Retriever.update`; called from the feed's thread."""

    def __call__(self, path: Path, text: str | None, *, edited: bool) -> None:
        """Take over a file's text, `None` if it (or a folder of this name) is gone."""
        ...


class WorkspaceFeed:
    """Hands the text of a workspace's files to `sinks`. A life: start, document_changed, stop."""

    def __init__(
        self, workspace: Workspace, sinks: Sequence[Sink], *, quiet_s: float = _QUIET_S
    ) -> None:
        self._workspace = workspace
        self._sinks = sinks
        self._quiet_s = quiet_s
        self._ready = threading.Event()
        self._stopping = threading.Event()
        self._tasks: queue.SimpleQueue[Callable[[], None]] = queue.SimpleQueue()
        self._known: dict[Path, tuple[int, int]] = {}  # size and mtime as last handed on
        self._documents: dict[Path, str] = {}
        self._typed: dict[Path, float] = {}  # when it last changed, until it is handed on
        self._rescan_wanted = True
        self._watcher = FileWatcher(workspace, self._files_changed, self._rules_changed)
        self._thread = threading.Thread(target=self._run, name="workspace-feed", daemon=True)

    def start(self) -> None:
        """Begin to read and to watch. May be called once."""
        self._watcher.start()
        self._thread.start()

    def wait(self, timeout_s: float | None = None) -> bool:
        """Wait until all files were read once; say whether they were."""
        return self._ready.wait(timeout_s)

    def stop(self) -> None:
        """Stop; when it returns, no sink is being called or will be."""
        self._watcher.stop()
        self._stopping.set()
        self._tasks.put(lambda: None)
        if self._thread.is_alive():
            self._thread.join()

    def document_changed(self, path: Place, text: str | None) -> None:
        """Take over an open document's text; `None` when it was closed. Returns at once."""
        self._tasks.put(lambda: self._take_document(path, text))

    def _run(self) -> None:
        while not self._stopping.is_set():
            if self._rescan_wanted:
                self._rescan_wanted = False
                self._rescan()
                if not self._stopping.is_set():
                    self._ready.set()
                continue
            with suppress(queue.Empty):
                self._tasks.get(timeout=self._quiet_s if self._typed else None)()
            self._hand_on_documents()

    def _rescan(self) -> None:
        """Hand on every file that is new or has changed, and those that are no longer there."""
        gone = set(self._known)
        for file in self._workspace.iter_files():
            if self._stopping.is_set():
                return
            gone.discard(file.path)
            self._hand_on_file(file)
            self._run_waiting()
        for path in gone:
            self._forget(path)

    def _run_waiting(self) -> None:
        """Between two files of a long pass: documents do not wait for its end."""
        while not self._tasks.empty():
            self._tasks.get()()
        self._hand_on_documents()

    def _files_changed(self, changed: set[Path], deleted: set[Path]) -> None:
        self._tasks.put(lambda: self._take_files(changed, deleted))

    def _rules_changed(self) -> None:
        self._tasks.put(self._want_rescan)

    def _want_rescan(self) -> None:
        self._rescan_wanted = True

    def _take_files(self, changed: set[Path], deleted: set[Path]) -> None:
        for path in sorted(deleted):
            self._forget(path)
        for path in sorted(changed):
            file = self._workspace.source_file(path)
            if file is None:
                self._forget(path)
            else:
                self._hand_on_file(file)

    def _take_document(self, path: Path, text: str | None) -> None:
        if text is not None and self._workspace.check_name(path).ok:
            self._documents[path] = text
            self._typed[path] = time.monotonic()
        elif self._documents.pop(path, None) is not None:
            self._typed.pop(path, None)
            self._known.pop(path, None)
            self._take_files({path}, set())

    def _hand_on_documents(self) -> None:
        now = time.monotonic()
        for path in [path for path, typed in self._typed.items() if now - typed >= self._quiet_s]:
            del self._typed[path]
            self._documents[path] = self._workspace.cleaned(self._documents[path])
            self._hand_on(path, self._documents[path], edited=True)

    def _hand_on_file(self, file: SourceFile) -> None:
        stamp = (file.size, file.mtime_ns)
        if file.path in self._documents or self._known.get(file.path) == stamp:
            return
        text = self._workspace.read(file.path)
        if text is not None:
            self._known[file.path] = stamp
            self._hand_on(file.path, text, edited=False)

    def _forget(self, path: Path) -> None:
        if path in self._documents:
            return
        for known in [known for known in self._known if is_inside(known, path)]:
            del self._known[known]
        self._hand_on(path, None, edited=False)

    def _hand_on(self, path: Path, text: str | None, *, edited: bool) -> None:
        for sink in self._sinks:
            try:
                sink(path, text, edited=edited)
            except Exception:  # noqa: BLE001 (one that fails must not keep the others from it)
                _log.exception("Indexing %s failed", path)
