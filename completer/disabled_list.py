"""The user's list of where nothing is completed, followed as their settings file changes."""

from __future__ import annotations

import logging
import threading
from pathlib import Path

log = logging.getLogger(__name__)


class DisabledList:
    """`completion.disabled_in` of a file, which need not exist; without one, `entries` stay.

    May be used from several threads. Until the file is first read the list is empty, or `known`.
    """

    def __init__(self, file: Path | None, known: tuple[str, ...] | None = None) -> None:
        self.file = file
        self._entries = known or ()
        self._stamp = self._look() if known is not None else None
        self._lock = threading.Lock()

    @property
    def entries(self) -> tuple[str, ...]:
        """The list as it is now; what it was, if the file cannot be used."""
        with self._lock:
            if (stamp := self._look()) != self._stamp:
                self._stamp = stamp
                self._read()
            return self._entries

    def change(self, entry: str, *, disabled: bool) -> tuple[str, ...]:
        """Put an entry into the file or take it out; returns the list. Raises `SettingsError`."""
        from completer.user_settings import write_setting

        entries = [each for each in self.entries if each != entry]
        changed = [*entries, entry] if disabled and entry.strip() else entries
        if self.file is not None:
            write_setting(self.file, "completion", "disabled_in", changed)
        return tuple(changed)

    def _look(self) -> tuple[int, int] | None:
        try:
            status = self.file.stat() if self.file else None
        except OSError:
            return None
        return status and (status.st_mtime_ns, status.st_size)

    def _read(self) -> None:
        from completer.errors import SettingsError
        from completer.settings import load_settings

        try:
            file = self.file if self._stamp else None
            self._entries = load_settings(file=file).settings.completion.disabled_in
        except SettingsError as error:
            log.warning("%s What was disabled before stays so.", error)
