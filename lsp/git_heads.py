"""Records what git does in the open folders: commits, and checkouts that change files."""

from __future__ import annotations

from completer.context.commits import CommittedLines
from completer.context.git_heads import GitHeads
from completer.place import Place
from lsp.session import Session
from telemetry.events import BranchChanged, Committed
from telemetry.recorder import Recorder


def report_heads(recorder: Recorder, session: Session) -> GitHeads:
    """Watchers that report to the recorder what happens in a session's folders."""

    def on_commit(folder: Place, lines: CommittedLines) -> None:
        commit = Committed(
            session=session.id,
            workspace=str(folder),
            id=lines.id,
            added=lines.added,
            amends=lines.amends,
            places=session.places_of(folder),
        )
        recorder.record(commit)

    def on_move(folder: Place) -> None:
        recorder.record(BranchChanged(str(folder)))

    return GitHeads(on_commit, on_move)
