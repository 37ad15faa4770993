"""Tells the recorder what git does in the open folders: commits, and files that nobody typed."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from completer.context.commits import CommittedLines
from completer.context.head import Heads
from telemetry.events import Commit
from telemetry.recorder import Recorder


def report_heads(recorder: Recorder, session: Callable[[], str]) -> Heads:
    """Watchers that report to the recorder, commits under the id that `session` gives then."""

    def on_commit(folder: Path, lines: CommittedLines) -> None:
        commit = Commit(id=lines.id, added=lines.added, amends=lines.amends)
        recorder.committed(session(), str(folder), commit)

    def on_move(folder: Path) -> None:
        recorder.branch_changed(str(folder))

    return Heads(on_commit, on_move)
