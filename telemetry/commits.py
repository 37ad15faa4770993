"""How much of what is committed came from accepted suggestions.

Accepted texts are long forgotten when a commit is made. What is kept of them, in memory only, is
which runs of eight visible characters they had, as hashes under this process's own random key
(Python's for strings). A committed character counts as accepted if a run that it is part of was
accepted in the same file. Space is left out, so that formatting changes nothing, and so are lines
of fewer visible characters.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Final

from telemetry.alignment import utf16_length
from telemetry.disk import path_of
from telemetry.events import Committed
from telemetry.privacy import Pseudonyms
from telemetry.sessions import Sessions
from telemetry.store import Store

RUN: Final = 8
MOST_RUNS: Final = 500_000


class AcceptedRuns:
    """Which runs of characters were accepted in each file; the file left alone longest goes."""

    def __init__(self, most: int = MOST_RUNS) -> None:
        self._most = most
        self._count = 0
        self._of_file: OrderedDict[Path, set[int]] = OrderedDict()

    def add(self, uri: str, workspace: str, text: str) -> None:
        """Remember a text that was accepted."""
        try:
            path = path_of(uri, workspace)
        except OSError:
            return
        known = self._of_file.setdefault(path, set())
        self._count -= len(known)
        for line in text.splitlines():
            known.update(_runs(_visible(line)))
        self._count += len(known)
        self._of_file.move_to_end(path)
        while self._count > self._most:
            self._count -= len(self._of_file.popitem(last=False)[1])

    def rename(self, uri: str, new_uri: str) -> None:
        """Follow a file to its new name."""
        try:
            runs = self._of_file.pop(path_of(uri, ""), None)
            if runs is not None:
                self._of_file[path_of(new_uri, "")] = runs
        except OSError:
            return

    def accepted_in(self, path: Path, line: str) -> int:
        """How many of a line's visible UTF-16 units were accepted in this file."""
        known = self._of_file.get(path)
        visible = _visible(line)
        if not known:
            return 0
        covered_to, units = 0, 0
        for start, run in enumerate(_runs(visible)):
            if run in known:
                units += utf16_length(visible[max(start, covered_to) : start + RUN])
                covered_to = start + RUN
        return units


class Commits:
    """Stores the share of each commit that was accepted."""

    def __init__(
        self, store: Store, pseudonyms: Pseudonyms, sessions: Sessions, runs: AcceptedRuns
    ) -> None:
        self._store = store
        self._pseudonyms = pseudonyms
        self._sessions = sessions
        self._runs = runs
        self._rows = 0
        self._last: dict[str, tuple[str, int, bool]] = {}  # by workspace: commit, row, whole

    def committed(self, now_ms: int, commit: Committed) -> None:
        """Count a commit, but for its files in folders that have opted out.

        One that amends the last takes its place. `whole` says that the commit before was seen as
        well: what this one adds was all written under our eyes.
        """
        row = self._sessions.recorded_row(commit.session, commit.workspace, commit.places)
        files = {
            path: lines
            for path, lines in commit.added.items()
            if not self._sessions.is_private([str(path)])
        }
        if row is None or (commit.added and not files):
            return
        last_id, last_row, was_whole = self._last.get(commit.workspace, ("", 0, False))
        if last_row and commit.amends == last_id:
            commit_row, whole = last_row, was_whole
        else:
            self._rows += 1
            commit_row, whole = self._rows, bool(last_row)
        self._last[commit.workspace] = commit.id, commit_row, whole
        added, accepted = self._counted(files)
        self._store.insert(
            "commit_attr",
            id=commit_row,
            session=row,
            commit_h=self._pseudonyms.commit(commit.id),
            ts_ms=now_ms,
            files=len(files),
            added=added,
            ai=accepted,
            whole=int(whole),
        )

    def _counted(self, files: Mapping[Path, Sequence[str]]) -> tuple[int, int]:
        """Visible UTF-16 units that a commit adds to files, and how many of them were accepted."""
        added = accepted = 0
        for path, lines in files.items():
            for line in lines:
                visible = _visible(line)
                if len(visible) >= RUN:
                    added += utf16_length(visible)
                    accepted += self._runs.accepted_in(path, line)
        return added, accepted


def _visible(line: str) -> str:
    return "".join(line.split())


def _runs(visible: str) -> Iterator[int]:
    return (hash(visible[start : start + RUN]) for start in range(len(visible) - RUN + 1))
