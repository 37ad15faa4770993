"""`didChangeStatus`: whether the server is working and well, for a client's status line."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from completer.errors import OverloadedError

METHOD = "didChangeStatus"
NOT_INDEXED = "The code of this workspace is still being read; completions get better then."


class Status:
    """Sends the client the server's status when it changes. `notify` sends a notification."""

    def __init__(self, notify: Callable[[str, dict[str, Any]], None]) -> None:
        self._notify = notify
        self._sent: dict[str, Any] = {"busy": False, "kind": "Normal", "message": ""}

    def announce(self) -> None:
        """Send the status to a client that has not received it yet."""
        self._notify(METHOD, self._sent)

    def busy(self, busy: bool) -> None:
        """Set whether completions are being computed."""
        self._send(busy=busy)

    def failed(self, error: Exception) -> None:
        """Set the error of a completion; a full queue is a warning, since it passes by itself."""
        kind = "Warning" if isinstance(error, OverloadedError) else "Error"
        self._send(kind=kind, message=f"{error} {getattr(error, 'hint', '')}".strip())

    def answered(self, disabled: str = "", *, indexed: bool = True) -> None:
        """Clear the last error: a completion succeeded, if only to say that it is `disabled`.

        One that came before the workspace was `indexed` is marked as such.
        """
        message = disabled or ("" if indexed else NOT_INDEXED)
        self._send(kind="Inactive" if disabled else "Normal", message=message)

    def _send(self, **changes: object) -> None:
        status = {**self._sent, **changes}
        if status != self._sent:
            self._sent = status
            self._notify(METHOD, status)
