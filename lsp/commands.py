"""What a person can ask the server for, and change for good, from any editor: its commands.

`completer.why` says why nothing was shown last; `completer.disabled` returns the list of where
nothing is completed (`completion.disabled_in`), and `completer.setDisabled` changes it in the
user's own file, for all editors at once.
"""

from __future__ import annotations

from pygls.lsp.server import LanguageServer

from completer.disabled_list import DisabledList
from lsp.documents import Documents
from lsp.reasons import Reasons

WHY_COMMAND = "completer.why"
DISABLED_COMMAND = "completer.disabled"
SET_DISABLED_COMMAND = "completer.setDisabled"


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
        return list(disabled.entries)

    @server.command(SET_DISABLED_COMMAND)
    def change(entry: str, on: bool) -> list[str]:
        return list(disabled.change(entry, disabled=on))
