"""A part of the user's settings, followed as their file changes."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Generic, TypeVar

if TYPE_CHECKING:
    from completer.settings import Settings

log = logging.getLogger(__name__)
T = TypeVar("T")


class FollowedSetting(Generic[T]):
    """What `pick` finds in the settings of a file; without a file, `known` stays.

    The file need not exist, and is read anew when first asked: it may have changed since `known`
    was read. May be used from several threads.
    """

    def __init__(self, file: Path | None, pick: Callable[[Settings], T], known: T) -> None:
        self._file = file
        self._pick = pick
        self._value = known
        self._stamp: tuple[int, int] | None = None
        self._lock = threading.Lock()

    @property
    def value(self) -> T:
        """What it is now; what it was, if the file cannot be used."""
        with self._lock:
            if (stamp := self._look()) != self._stamp:
                self._stamp = stamp
                self._read()
            return self._value

    def _look(self) -> tuple[int, int] | None:
        try:
            status = self._file.stat() if self._file else None
        except OSError:
            return None
        return status and (status.st_mtime_ns, status.st_size)

    def _read(self) -> None:
        from completer.errors import SettingsError
        from completer.settings import load_settings

        try:
            self._value = self._pick(
                load_settings(file=self._file if self._stamp else None).settings
            )
        except SettingsError as error:
            log.warning("%s What was set before stays in force.", error)
