"""What a person can ask the server for, and change for good, from any editor: its commands.

`completer.why` says why nothing was shown last; `completer.disabled` returns the list of where
nothing is completed (`completion.disabled_in`), and `completer.setDisabled` changes it in the
user's own file, for all editors at once.
"""

from __future__ import annotations

from pathlib import Path

from pygls.lsp.server import LanguageServer

from completer.settings import config_file, load_settings
from completer.user_settings import write_setting
from lsp.documents import Documents
from lsp.reasons import Reasons

WHY_COMMAND = "completer.why"
DISABLED_COMMAND = "completer.disabled"
SET_DISABLED_COMMAND = "completer.setDisabled"


class DisabledList:
    """The list in the user's own file, which need not exist."""

    def __init__(self, file: Path | None) -> None:
        self._file = file or config_file()

    def entries(self) -> list[str]:
        """What is in it. Raises `SettingsError` for a file that cannot be read."""
        there = self._file if self._file.exists() else None
        return list(load_settings(file=there).settings.completion.disabled_in)

    def change(self, entry: str, *, disabled: bool) -> list[str]:
        """Put an entry into the list or take it out; returns the list. Raises `SettingsError`."""
        entries = [each for each in self.entries() if each != entry]
        changed = [*entries, entry] if disabled and entry.strip() else entries
        write_setting(self._file, "completion", "disabled_in", changed)
        return changed


def add_commands(
    server: LanguageServer, documents: Documents, reasons: Reasons, disabled: DisabledList
) -> None:
    """Let the client run the commands of this module."""

    @server.command(WHY_COMMAND)
    def why(uri: str) -> str:
        document = documents.get(uri)
        return reasons.of(document.uri) if document else "this document is not open at the server"

    @server.command(DISABLED_COMMAND)
    def entries() -> list[str]:
        return disabled.entries()

    @server.command(SET_DISABLED_COMMAND)
    def change(entry: str, on: bool) -> list[str]:
        return disabled.change(entry, disabled=on)
