"""Records what git does in the open folders: commits, and checkouts that change files."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

from completer.place import Place
from lsp.session import Session
from telemetry.events import BranchChanged, Committed
from telemetry.recorder import Recorder

if TYPE_CHECKING:
    from completer.context.commits import CommittedLines
    from completer.context.git_heads import GitHeads


class Heads:
    """Reports to the recorder what happens in a session's folders.

    All of it is done on one thread, and after what the event loop is at: what reads repositories
    takes a while to import.
    """

    def __init__(self, recorder: Recorder, session: Session) -> None:
        self._recorder = recorder
        self._session = session
        self._heads: GitHeads | None = None
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="git-heads")

    def watch(self, folders: Iterable[Place]) -> None:
        """Watch these folders and no others any more; nothing is watched if nothing is recorded."""
        submit = self._thread.submit
        asyncio.get_running_loop().call_soon(submit, self._watch, list(folders))

    def stop(self) -> None:
        """Watch nothing any more."""
        self._thread.submit(self._watch, [])
        self._thread.shutdown(wait=False)

    def _watch(self, folders: list[Place]) -> None:
        if self._heads is None:
            if not (folders and self._recorder.records):
                return
            from completer.context.git_heads import GitHeads

            self._heads = GitHeads(self._committed, self._moved)
        self._heads.watch(folders)

    def _committed(self, folder: Place, lines: CommittedLines) -> None:
        commit = Committed(
            session=self._session.id,
            workspace=str(folder),
            id=lines.id,
            added=lines.added,
            amends=lines.amends,
            places=self._session.places_of(folder),
        )
        self._recorder.record(commit)

    def _moved(self, folder: Place) -> None:
        self._recorder.record(BranchChanged(str(folder)))
