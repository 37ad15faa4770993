"""Who is connected, and of whom nothing is recorded."""

from __future__ import annotations

import getpass
from collections.abc import Iterable
from dataclasses import dataclass, replace

from telemetry.events import SessionStarted
from telemetry.privacy import OptOut, Pseudonyms
from telemetry.store import Store
from telemetry.writes import event_rows


@dataclass(slots=True)
class _Session:
    row: int
    is_recorded: bool
    reports_shown: bool = False
    has_ended: bool = False


class Sessions:
    """The sessions of this process, by the id that front doors use."""

    def __init__(self, store: Store, pseudonyms: Pseudonyms, opt_out: OptOut) -> None:
        self._store = store
        self._pseudonyms = pseudonyms
        self._opt_out = opt_out
        self._sessions: dict[str, _Session] = {}

    def start(self, now_ms: int, info: SessionStarted) -> None:
        """A client connected; a user who is not named is who runs this process."""
        info = info if info.user else replace(info, user=login_name())
        known = _Session(len(self._sessions) + 1, not self._opt_out.covers(user=info.user))
        self._sessions[info.id] = known
        if known.is_recorded:
            write = event_rows(
                "session",
                [info],
                self._store.label,
                id=known.row,
                user_h=self._pseudonyms.user(info.user),
                started_ms=now_ms,
                key_h=self._pseudonyms.people_key(),
            )
            self._store.put_reference(write)
            self._store.put()

    def end(self, now_ms: int, session: str) -> None:
        """Store that a session has ended, once."""
        known = self._sessions.get(session)
        if known is not None and not known.has_ended:
            known.has_ended = True
            if known.is_recorded:
                self._store.update("session", known.row, ended_ms=now_ms)

    def open_ids(self) -> list[str]:
        """The sessions that have not ended."""
        return [session for session, known in self._sessions.items() if not known.has_ended]

    def recorded_row(self, session: str, workspace: str, places: Iterable[str] = ()) -> int | None:
        """The session's row, None if its user, the workspace or one of the places has opted out."""
        known = self._sessions.get(session)
        if known is None:
            self._store.count_lost("unknown_session")
            return None
        is_hidden = not known.is_recorded or self.is_private(places, workspace)
        return None if is_hidden else known.row

    def is_private(self, places: Iterable[str], workspace: str = "") -> bool:
        """Whether one of these lies in a folder that has opted out."""
        return self._opt_out.covers(workspace=workspace, places=places)

    def reports_shown(self, session: str) -> bool:
        """Whether this client has ever said itself what is on its screen."""
        return self._sessions[session].reports_shown

    def said_shown(self, session: str) -> None:
        """The client has said itself what is on its screen."""
        self._sessions[session].reports_shown = True


def login_name() -> str:
    """Who runs this process, as the system knows them."""
    try:
        return getpass.getuser()
    except (KeyError, OSError):  # a container's user need not have a name
        return "unnamed"
