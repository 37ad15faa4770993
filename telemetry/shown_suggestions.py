"""What became of each suggestion that was shown: what was predicted of it, and if it was taken.

This is what a policy that predicts acceptance can learn from. That a suggestion was refused is
known if it is known how it went, from a client that reports or from an editor whose edits arrive.
Where nobody says anything (a script that asks over HTTP), nothing is known and nothing learned.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from telemetry.files import database_files
from telemetry.store import reading

_SHOWN = """
SELECT o.features, o.propensity, s.user_h, EXISTS (SELECT 1 FROM accept a WHERE a.suggestion = g.id)
FROM suggestion_named g
JOIN opportunity o ON o.id = g.opportunity
JOIN session s ON s.id = o.session
JOIN label m ON m.id = o.model
WHERE g.rank = 0 AND g.shown_ms IS NOT NULL AND o.features IS NOT NULL AND m.name = ?
  AND (
    EXISTS (SELECT 1 FROM accept a WHERE a.suggestion = g.id)
    OR g.hidden_reason IS NOT NULL AND g.ev_src = 'client'
    OR g.hidden_reason <> 'unknown' AND EXISTS (
      SELECT 1 FROM edit_rollup e WHERE e.session = o.session AND e.doc_h = o.doc_h))
ORDER BY g.id
"""


@dataclass(frozen=True, slots=True)
class ShownSuggestion:
    """A suggestion that was shown, with `propensity`, to somebody; `accepted` at least in part."""

    features: Mapping[str, float]
    propensity: float
    user: str
    accepted: bool


def shown_suggestions(path: Path, model: str) -> Iterator[ShownSuggestion]:
    """Yield a model's suggestions of known fate, from a database file or a folder of them.

    Raises FileNotFoundError if there is no database.
    """
    for file in database_files(path):
        with reading(file) as connection:
            for features, propensity, user, accepted in connection.execute(_SHOWN, (model,)):
                share = 1.0 if propensity is None else propensity
                yield ShownSuggestion(json.loads(features), share, user, bool(accepted))
