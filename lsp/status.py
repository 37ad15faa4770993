"""`didChangeStatus`: whether the server is working and well, for a client's status line."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from completer.errors import OverloadedError

METHOD = "didChangeStatus"


class Status:
    """Tells the client how the server is, and then of changes. `notify` sends a notification."""

    def __init__(self, notify: Callable[[str, dict[str, Any]], None]) -> None:
        self._notify = notify
        self._told: dict[str, Any] = {"busy": False, "kind": "Normal", "message": ""}

    def announce(self) -> None:
        """Say how the server is, to a client that has heard nothing of it yet."""
        self._notify(METHOD, self._told)

    def busy(self, busy: bool) -> None:
        """Completions are being computed, or no longer."""
        self._tell(busy=busy)

    def failed(self, error: Exception) -> None:
        """A completion failed; a full queue is a warning, for it passes by itself."""
        kind = "Warning" if isinstance(error, OverloadedError) else "Error"
        self._tell(kind=kind, message=f"{error} {getattr(error, 'hint', '')}".strip())

    def recovered(self) -> None:
        """A completion succeeded."""
        self._tell(kind="Normal", message="")

    def _tell(self, **changes: object) -> None:
        status = {**self._told, **changes}
        if status != self._told:
            self._told = status
            self._notify(METHOD, status)
