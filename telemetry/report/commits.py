"""Commits, each counted once, however many processes have seen it.

Two editors with the same folder open both report a commit, and each knows only of the suggestions
that were accepted in it: what they know adds up.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from telemetry.report.columns import Chunk, Codes
from telemetry.report.sums import Sums


@dataclass(slots=True)
class _Commit:
    cell: int
    user: int
    added: int
    ai: int
    whole: int


class Commits:
    """The commits of all files."""

    def __init__(self) -> None:
        self._by_id: dict[int, _Commit] = {}

    def add(self, rows: Chunk, cells: Codes, users: Codes) -> None:
        """Take in a file's commits, given the cell and the user of each row."""
        columns = (rows[name].tolist() for name in ("commit_h", "added", "ai", "whole"))
        for id_, added, ai, whole, cell, user in zip(
            *columns, cells.tolist(), users.tolist(), strict=True
        ):
            known = self._by_id.setdefault(id_, _Commit(cell, user, added, 0, 0))
            known.ai = min(known.ai + ai, known.added)
            known.whole |= whole

    def add_to(self, sums: Sums) -> None:
        """Sum them up; those that hold text from before anyone watched are only counted."""
        commits = list(self._by_id.values())
        whole = np.array([commit.whole for commit in commits], dtype=float)
        values = {
            "commits": whole,
            "commits_partly": 1 - whole,
            "committed": whole * np.array([commit.added for commit in commits]),
            "committed_ai": whole * np.array([commit.ai for commit in commits]),
        }
        cells = np.array([commit.cell for commit in commits], dtype=np.intp)
        sums.add(cells, np.array([commit.user for commit in commits], dtype=np.intp), values)
