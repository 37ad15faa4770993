"""The process that makes report pages; `ReportPage` starts it.

One JSON object a line comes in: `folder`, `identity` (a file, or null), `teams` (names by team) and
`user` (whose figures, null for all). An object with the page as `html`, or with `error`, goes out.
"""

import json
import sqlite3
from pathlib import Path
from typing import Any

from completer.context.worker_process import answer, questions
from telemetry.files import NotTelemetryError
from telemetry.privacy import NoKeyError, user_ids
from telemetry.report import Selection, build, to_html

_MOST_CPU_S = 60.0
_IDLE_S = 120.0
_MOST_MEMORY = 8 << 30


def page(question: dict[str, Any]) -> dict[str, str]:
    """The page that is asked for, or why there is none."""
    folder = Path(question["folder"])
    identity = Path(question["identity"]) if question["identity"] else None
    try:
        user = question["user"]
        chosen = None if user is None else frozenset(user_ids(user, folder, identity))
        teams = {
            id_: team
            for team, names in question["teams"].items()
            for name in names
            for id_ in user_ids(name, folder, identity)
        }
        report = build(folder, selection=Selection(users=chosen), teams=teams)
    except (OSError, ValueError, sqlite3.Error, NotTelemetryError, NoKeyError) as error:
        return {"error": str(error)}
    return {"html": to_html(report)}


if __name__ == "__main__":
    for line in questions(_MOST_CPU_S, _IDLE_S, _MOST_MEMORY):
        answer(json.dumps(page(json.loads(line))).encode())
