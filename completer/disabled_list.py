"""The user's list of where nothing is completed, followed as their settings file changes."""

from __future__ import annotations

from pathlib import Path

from completer.followed_setting import FollowedSetting


class DisabledList:
    """`completion.disabled_in` of a file, which need not exist; without one, `entries` stay.

    May be used from several threads. Where the file cannot be used the list is `known`.
    """

    def __init__(self, file: Path | None, known: tuple[str, ...] = ()) -> None:
        self.file = file
        self._entries = FollowedSetting(file, lambda s: s.completion.disabled_in, known)

    @property
    def entries(self) -> tuple[str, ...]:
        """The list as it is now; what it was, if the file cannot be used."""
        return self._entries.value

    def change(self, entry: str, *, disabled: bool) -> tuple[str, ...]:
        """Put an entry into the file or take it out; returns the list. Raises `SettingsError`."""
        from completer.user_settings import write_setting

        entries = [each for each in self.entries if each != entry]
        changed = [*entries, entry] if disabled and entry.strip() else entries
        if self.file is not None:
            write_setting(self.file, "completion", "disabled_in", changed)
        return tuple(changed)
