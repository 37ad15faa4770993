"""Tells the recorder what git does in the open folders: commits, and files that nobody typed."""

from __future__ import annotations

from completer.context.commits import CommittedLines
from completer.context.head import Heads
from completer.place import Place
from lsp.session import Session
from telemetry.events import Commit
from telemetry.recorder import Recorder


def report_heads(recorder: Recorder, session: Session) -> Heads:
    """Watchers that report to the recorder what happens in a session's folders."""

    def on_commit(folder: Place, lines: CommittedLines) -> None:
        commit = Commit(
            id=lines.id,
            added=lines.added,
            amends=lines.amends,
            places=session.places_of(folder),
        )
        recorder.committed(session.id, str(folder), commit)

    def on_move(folder: Place) -> None:
        recorder.branch_changed(str(folder))

    return Heads(on_commit, on_move)
