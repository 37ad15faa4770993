"""What is known of each session: whose it is, and what its client tells of suggestions."""

from __future__ import annotations

from typing import Final

import numpy as np

from telemetry.report.source import Source

_EDITING: Final = (
    "SELECT id FROM session s WHERE EXISTS (SELECT 1 FROM edit_rollup WHERE session = s.id)"
)
_REPORTING: Final = """
SELECT DISTINCT o.session FROM suggestion g JOIN opportunity o ON o.id = g.opportunity
WHERE g.ev_src = (SELECT id FROM label WHERE name = 'client')
UNION SELECT DISTINCT o.session FROM accept a
JOIN suggestion g ON g.id = a.suggestion JOIN opportunity o ON o.id = g.opportunity
"""
_TELLING_ESC: Final = """
SELECT DISTINCT s.client FROM suggestion g JOIN opportunity o ON o.id = g.opportunity
JOIN session s ON s.id = o.session WHERE g.hidden_reason = ?
"""


def read_sessions(source: Source) -> None:
    """Fill in a file's sessions."""
    rows = source.connection.execute("SELECT id, user_h, client FROM session").fetchall()
    ids = [session for session, _, _ in rows]
    silent, tells_esc = _silent_sessions(source, ids), _clients_that_tell_esc(source)
    chosen = source.selection.users
    known = {
        "user": [source.sums.user(user) for _, user, _ in rows],
        "is_chosen": [chosen is None or user in chosen for _, user, _ in rows],
        "tells_esc": [client in tells_esc for _, _, client in rows],
        "silent": [session in silent for session in ids],
    }
    columns = {name: np.array(values, dtype=int) for name, values in known.items()}
    source.sessions.put(np.array(ids, dtype=int), columns)


def _silent_sessions(source: Source, sessions: list[int]) -> set[int]:
    """Which sessions' suggestions nobody says anything about."""
    known = {session for (session,) in source.connection.execute(_EDITING)}
    if not known.issuperset(sessions):
        known |= {session for (session,) in source.connection.execute(_REPORTING)}
    return set(sessions) - known


def _clients_that_tell_esc(source: Source) -> set[int]:
    """Clients, by label, that have told an Esc: of others, none says nothing."""
    esc = source.ids.get("esc")
    found = source.connection.execute(_TELLING_ESC, (esc,)) if esc is not None else ()
    return {client for (client,) in found}
