"""Where nothing is completed: one list, asked in one place, whatever kind of suggestion is wanted.

An entry is a pattern as in `.gitignore`, relative to the workspace (`*.env`, `secrets/**`, and `!`
to take back), or a language (`language:markdown`). Files that may hold secrets need no entry.
"""

import logging
import threading
from collections.abc import Iterator
from functools import lru_cache
from pathlib import Path, PurePath

from completer.context.filenames import file_reason, folder_reason
from completer.context.gitignore import IgnoreFile
from completer.context.languages import language_of_name
from completer.context.verdict import Reason
from completer.errors import SettingsError
from completer.settings import Settings, load_settings

log = logging.getLogger(__name__)

LANGUAGE = "language:"
SETTING = "completion.disabled_in"


class Disabled:
    """Says where nothing is completed, by the user's list as it is now: their file is followed.

    May be used from several threads. A list from the environment or a flag stays as it is.
    """

    def __init__(self, settings: Settings) -> None:
        self._file = None if SETTING in settings.settled else settings.file
        self._secrets = settings.secrets == "cut"
        self.at_start = self._list = settings.completion.disabled_in
        self._stamp = self._look()
        self._lock = threading.Lock()

    @property
    def entries(self) -> tuple[str, ...]:
        """The user's list, read again if their file has changed."""
        with self._lock:
            if (stamp := self._look()) != self._stamp:
                self._stamp = stamp
                self._read()
            return self._list

    def why(
        self,
        path: Path | None,
        language: str | None,
        root: Path | None = None,
        more: tuple[str, ...] = (),
    ) -> str:
        """Why nothing is completed in a file of the workspace `root`; empty if it may be.

        `more` entries come from the workspace itself, or from who asks.
        """
        if path is not None and self._secrets and _may_hold_secrets(path):
            return f"{path.name} {Reason.SECRET}"
        entry = found_in((*self.entries, *more), path, language, root)
        return f"disabled here: {entry}" if entry else ""

    def _look(self) -> tuple[int, int] | None:
        try:
            status = self._file.stat() if self._file else None
        except OSError:
            return None
        return status and (status.st_mtime_ns, status.st_size)

    def _read(self) -> None:
        try:
            file = self._file if self._stamp else None
            self._list = load_settings(file=file).settings.completion.disabled_in
        except SettingsError as error:
            log.warning("%s What was disabled before stays so.", error)


def found_in(
    entries: tuple[str, ...], path: Path | None, language: str | None, root: Path | None = None
) -> str:
    """The entry that disables a file or language, empty if none does; the last that fits counts."""
    known = {language, path and language_of_name(path.name)}
    for entry in entries:
        if entry.startswith(LANGUAGE) and entry.removeprefix(LANGUAGE).strip() in known:
            return entry
    patterns = tuple(entry for entry in entries if not entry.startswith(LANGUAGE))
    if path is None or not patterns:
        return ""
    for each in _with_folders(path, root):
        if _patterns(patterns).decides(each):
            return next(
                (one for one in reversed(patterns) if _patterns((one,)).decides(each)), each
            )
    return ""


@lru_cache(maxsize=64)
def _patterns(entries: tuple[str, ...]) -> IgnoreFile:
    return IgnoreFile(entries)


def _with_folders(path: Path, root: Path | None) -> Iterator[str]:
    """The folders around a file and the file, from the root on, as patterns are asked about."""
    inside = root is not None and path.is_relative_to(root)
    relative = path.relative_to(root) if inside and root else path.relative_to(path.anchor)
    parts = [part for part in PurePath(relative).parts if part != ".."]
    for count in range(1, len(parts)):
        yield f"{'/'.join(parts[:count])}/"
    yield "/".join(parts)


def _may_hold_secrets(path: Path) -> bool:
    secret = Reason.SECRET
    return file_reason(path.name) is secret or folder_reason(path.parent.name) is secret
