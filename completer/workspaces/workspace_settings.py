"""The settings of one workspace: the user's, with what its own file says, as that is now.

The file is looked at with each request and read again when it has changed. One that cannot be used
is reported once, and what it said before goes on to hold.
"""

import logging
import threading
from pathlib import Path

from completer.errors import SettingsError
from completer.settings import REPOSITORY_FILE, Settings, load_repository_settings

log = logging.getLogger(__name__)


class WorkspaceSettings:
    """The settings for requests in the folder `root`. May be used from several threads."""

    def __init__(self, root: Path, of_user: Settings) -> None:
        self._root = root
        self._of_user = of_user
        self._lock = threading.Lock()
        self._stamp: tuple[int, ...] | None = None
        self._current = of_user

    def current(self) -> Settings:
        """The settings as they are now; the same object until they change."""
        with self._lock:
            stamp = self._look()
            if stamp != self._stamp:
                self._stamp = stamp
                self._read()
            return self._current

    def _look(self) -> tuple[int, ...] | None:
        try:
            status = (self._root / REPOSITORY_FILE).stat(follow_symlinks=False)
        except OSError:
            return None
        return status.st_mtime_ns, status.st_size, status.st_ino

    def _read(self) -> None:
        try:
            own = load_repository_settings(self._root)
        except SettingsError as error:
            log.warning("%s What was set before stays in force.", error)
            return
        self._current = own.over(self._of_user)
        log.info("%s sets %s", self._root / REPOSITORY_FILE, ", ".join(own.given) or "nothing")
