"""Tells when files of a workspace change, from a thread of its own."""

import logging
import threading
from collections.abc import Callable
from pathlib import Path
from types import TracebackType
from typing import Self

from watchfiles import Change, watch

from completer.context.filenames import folder_reason
from completer.context.workspace import Workspace

_log = logging.getLogger(__name__)

_LONGEST_BATCH_MS = 1_000
_QUIET_MS = 50
_STOP_CHECK_MS = 500


class FileWatcher:
    """Calls `on_change(changed, deleted)` with files that may be read and paths that are gone.

    A deleted path may be a folder's: everything beneath it is gone then. Where ignore rules change,
    `on_rules_changed` is called instead: what may be read has to be asked anew, with `iter_files`.
    Both are called from the watcher's thread; what they raise is logged.
    """

    def __init__(
        self,
        workspace: Workspace,
        on_change: Callable[[set[Path], set[Path]], None],
        on_rules_changed: Callable[[], None] | None = None,
    ) -> None:
        self._workspace = workspace
        self._on_change = on_change
        self._on_rules_changed = on_rules_changed or (lambda: None)
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="file-watcher", daemon=True)

    def start(self) -> None:
        """Begin to watch. May be called once."""
        self._thread.start()

    def stop(self) -> None:
        """Stop watching; when it returns, no call is under way or will come."""
        self._stopping.set()
        if self._thread.is_alive() and self._thread is not threading.current_thread():
            self._thread.join()

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
        try:
            for changes in watch(
                self._workspace.root,
                watch_filter=self._concerns_us,
                debounce=_LONGEST_BATCH_MS,
                step=_QUIET_MS,
                rust_timeout=_STOP_CHECK_MS,
                stop_event=self._stopping,
                raise_interrupt=False,
                ignore_permission_denied=True,
            ):
                self._report({Path(path) for _, path in changes})
        except OSError as error:
            _log.warning(
                "%s is not watched, changes there go unnoticed: %s", self._workspace.root, error
            )

    def _concerns_us(self, change: Change, path: str) -> bool:
        """Drop early what an installation or a build writes by the thousand."""
        relative = Path(path).relative_to(self._workspace.root)
        if self._workspace.options.include or self._is_rule(relative):
            return True
        return not any(map(folder_reason, relative.parts[:-1]))

    def _report(self, paths: set[Path]) -> None:
        try:
            if any(self._is_rule(path.relative_to(self._workspace.root)) for path in paths):
                self._workspace.reload()
                self._on_rules_changed()
                return
            changed, deleted = self._sorted_out(paths)
            if changed or deleted:
                self._on_change(changed, deleted)
        except Exception:  # noqa: BLE001 (whatever a callback does, the watch goes on)
            _log.exception("What had to be done about changed files failed")

    def _sorted_out(self, paths: set[Path]) -> tuple[set[Path], set[Path]]:
        changed: set[Path] = set()
        deleted: set[Path] = set()
        for path in paths:
            if path.is_dir() and not path.is_symlink():
                # A folder that came in whole need not be followed by events for its files.
                changed.update(file.path for file in self._workspace.iter_folder(path))
            elif self._workspace.may_read(path).ok and not path.is_symlink():
                changed.add(path)
            else:
                deleted.add(path)
        return changed, deleted

    @staticmethod
    def _is_rule(relative: Path) -> bool:
        return relative.name == ".gitignore" or relative.parts == (".git", "info", "exclude")
