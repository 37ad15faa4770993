"""Tells when files of a workspace change, from a thread of its own."""

import logging
import stat
import threading
import time
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass, replace
from pathlib import Path
from types import TracebackType
from typing import Self

from completer.context.changes import Changes, watch_changes
from completer.context.workspace import Workspace

_log = logging.getLogger(__name__)

_SHORTEST_PAUSE_S = 0.5
_LONGEST_PAUSE_S = 60.0
_STOPS_WITHIN_S = 2.0


@dataclass(frozen=True, slots=True)
class WatchReport:
    """How a watch goes: how often it had to be begun again and why at last, in words without paths.

    `compared` says why files are compared from time to time as well; empty if they need not be.
    """

    restarts: int = 0
    reason: str = ""
    compared: str = ""


class FileWatcher:
    """Calls `on_change(changed, deleted)` with files that may be read and paths that are gone.

    A deleted path may be a folder's: everything beneath it is gone then. Where ignore rules change,
    and when something may have been missed, `on_rescan` is called instead: all files have to be
    compared, with `iter_files`. A watch that ends is begun again. Both are called from the
    watcher's thread; what they raise is logged.
    """

    def __init__(
        self,
        workspace: Workspace,
        on_change: Callable[[set[Path], set[Path]], None],
        on_rescan: Callable[[], None] | None = None,
    ) -> None:
        self._workspace = workspace
        self._on_change = on_change
        self._on_rescan = on_rescan or (lambda: None)
        self.report = WatchReport()
        self._begun = threading.Event()
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="file-watcher", daemon=True)

    def start(self) -> None:
        """Begin to watch. May be called once."""
        self._thread.start()

    def wait(self, timeout_s: float) -> bool:
        """Wait until the watch is in place, or was tried; say whether that is so."""
        return self._begun.wait(timeout_s)

    def stop(self, within_s: float = _STOPS_WITHIN_S) -> None:
        """Stop watching, and wait for so long until no call is under way any more."""
        self._stopping.set()
        if self._thread.is_alive() and self._thread is not threading.current_thread():
            self._thread.join(within_s)

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.stop()

    def _run(self) -> None:
        pause = _SHORTEST_PAUSE_S
        while not self._stopping.is_set():
            began = time.monotonic()
            try:
                self._watch()
            except Exception as error:  # noqa: BLE001 (whatever ends a watch, it is begun again)
                if time.monotonic() - began > _LONGEST_PAUSE_S:
                    pause = _SHORTEST_PAUSE_S
                self._note(error, pause)
                self._begun.set()
                self._stopping.wait(pause)
                if pause == _LONGEST_PAUSE_S:  # it cannot be begun, but files go on to change
                    self._guarded(self._on_rescan)
                pause = min(2 * pause, _LONGEST_PAUSE_S)
        # Whoever holds this holds nothing else any more: what is frozen goes only by itself.
        self._on_change, self._on_rescan = _nothing, _nothing

    def _watch(self) -> None:
        """Watch until all files have to be compared, which begins where the next watch does."""
        with closing(watch_changes(self._workspace, self._stopping)) as changes:
            self._update_report(changes)
            if self._begun.is_set():
                self._guarded(self._on_rescan)
            self._begun.set()
            for batch in changes.batches():
                self._update_report(changes)
                if batch is None or any(map(self._workspace.is_rule, batch)):
                    self._workspace.reload()
                    return
                self._guarded(lambda batch=batch: self._hand_on(batch))  # type: ignore[misc]

    def _update_report(self, changes: Changes) -> None:
        self.report = replace(self.report, compared=changes.compared)

    def _note(self, error: Exception, pause: float) -> None:
        root = self._workspace.root
        reason = getattr(error, "strerror", None) or type(error).__name__
        self.report = replace(self.report, restarts=self.report.restarts + 1, reason=reason)
        _log.warning("The watch of %s ended (%s); it is begun again in %g s", root, error, pause)

    def _guarded(self, call: Callable[[], None]) -> None:
        if self._stopping.is_set():
            return
        try:
            call()
        except Exception:  # noqa: BLE001 (whatever a callback does, the watch goes on)
            _log.exception("What had to be done about changed files failed")

    def _hand_on(self, paths: set[Path]) -> None:
        changed, deleted = self._sorted_out(paths)
        if changed or deleted:
            self._on_change(changed, deleted)

    def _sorted_out(self, paths: set[Path]) -> tuple[set[Path], set[Path]]:
        changed: set[Path] = set()
        deleted: set[Path] = set()
        for path in paths:
            if not path.is_relative_to(self._workspace.root):
                continue  # beside a file of rules
            if _is_folder(path):
                # A folder that came in whole need not be followed by events for its files.
                changed.update(file.path for file in self._workspace.iter_folder(path))
            elif self._workspace.may_read(path).ok and not path.is_symlink():
                changed.add(path)
            else:
                deleted.add(path)
        return changed, deleted


def _nothing(*_: object) -> None:
    """Do nothing: what is called once the watch has ended."""


def _is_folder(path: Path) -> bool:
    try:
        return stat.S_ISDIR(path.lstat().st_mode)
    except OSError:
        return False
