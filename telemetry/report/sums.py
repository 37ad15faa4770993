"""Sums by group and by user, from which every figure of a report is made.

A figure is a ratio of two sums, overall or in one group (a day, a language, a model, an arm). The
bootstrap draws users, so the sums that it needs are also kept for each user.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Final

import numpy as np
from numpy.typing import NDArray

from telemetry.survival import WINDOWS_S

Floats = NDArray[np.float64]
Floats32 = NDArray[np.float32]
Codes = NDArray[np.intp]

OPPORTUNITY_SUMS: Final = (
    "opportunities",
    "requested",
    "steps",
    "gen_tok",
    "decoded",
    "drafted_tok",
    "draft_ok_tok",
    "prompt_tok",
    "reused_tok",
    "returned",
    "cached",
)
SUGGESTION_SUMS: Final = (
    "shown",
    "shown_750",
    "read",
    "full",
    "full_750",
    "read_len",
    "accepted_len",
    "esc",
    "inferred_shown",
    "inferred_full",
    "predicted",
    "predicted_p",
    "predicted_full",
    "predicted_error",
)
SURVIVAL_SUMS: Final = (
    "checked",
    "unchanged",
    "mostly_unchanged",
    "retained",
    "still_in_code",
    "arc",
    "net",
    "censored",
    "inferred_checked",
)
EDIT_SUMS: Final = ("edits", "ai", "chat", "ide", "typed", "auto_close")
COMMIT_SUMS: Final = ("commits", "commits_partly", "committed", "committed_ai")

SUMS: Final = (
    *OPPORTUNITY_SUMS,
    *SUGGESTION_SUMS,
    *(f"{name}_{window}" for window in WINDOWS_S for name in SURVIVAL_SUMS),
    *EDIT_SUMS,
    *COMMIT_SUMS,
)
# What ratios are made of whose interval is bootstrapped over users.
CLUSTERED_SUMS: Final = (
    "opportunities",
    "steps",
    "gen_tok",
    "decoded",
    "drafted_tok",
    "draft_ok_tok",
    "prompt_tok",
    "reused_tok",
    "read_len",
    "accepted_len",
    "predicted",
    "predicted_p",
    "predicted_error",
    *(f"{name}_{window}" for window in WINDOWS_S for name in ("arc", "net")),
    *EDIT_SUMS,
    *COMMIT_SUMS,
)


GROUPINGS: Final = (
    "overall",
    "by_day",
    "by_language",
    "by_model",
    "by_arm",
    "by_draft_source",
    "by_lines",
    "by_finish_reason",
    "by_exit_mode",
    "by_distribution",
)
# Their ratios have no interval: sums by user are what takes a report most of its time.
UNCLUSTERED: Final = ("by_finish_reason", "by_exit_mode", "by_distribution")
OTHER: Final = "other"
_GROUP_BITS: Final = 8
_MOST_GROUPS: Final = (1 << _GROUP_BITS) - 2  # what is left of a grouping with more is OTHER


class Cells:
    """Combinations of groups that occur together, numbered from 1; 0 is no combination at all.

    A row is in one cell and through it in one group of each grouping, or in none (number 0).
    """

    def __init__(self) -> None:
        self.names: dict[str, list[str]] = {grouping: [""] for grouping in GROUPINGS}
        self._numbers: dict[str, dict[str, int]] = {grouping: {} for grouping in GROUPINGS}
        self._cells: dict[int, int] = {}
        self._groups: dict[str, list[int]] = {grouping: [0] for grouping in GROUPINGS}
        self._arrays: dict[str, Codes] = {}
        self.group("overall", "overall")

    def __len__(self) -> int:
        return len(self._cells) + 1

    def group(self, grouping: str, name: str) -> int:
        """The number of a group, given on first use."""
        numbers = self._numbers[grouping]
        if name not in numbers:
            # Days make room for as many as there are; they come first in a cell's key.
            if len(numbers) >= _MOST_GROUPS and grouping != "by_day" and name != OTHER:
                return self.group(grouping, OTHER)
            numbers[name] = len(numbers) + 1
            self.names[grouping].append(name)
        return numbers[name]

    def of(self, groups: Mapping[str, Codes]) -> Codes:
        """The cells of rows whose group numbers are given for some groupings, `[rows]`."""
        cells = np.full(len(next(iter(groups.values()))), self._cell(0), dtype=np.intp)
        for grouping, of_rows in groups.items():
            cells = self.within(cells, grouping, of_rows)
        return cells

    def within(self, cells: Codes, grouping: str, groups: Codes) -> Codes:
        """The cells of rows that are in a group of one more grouping."""
        width = len(self.names[grouping])
        pairs = cells * width + groups
        cell_of = np.zeros(len(self) * width, dtype=np.intp)
        place = (len(GROUPINGS) - 1 - GROUPINGS.index(grouping)) * _GROUP_BITS
        keys = list(self._cells)
        for pair in np.flatnonzero(np.bincount(pairs, minlength=len(cell_of))).tolist():
            cell, group = divmod(pair, width)
            if cell:
                cell_of[pair] = self._cell(keys[cell - 1] | (group << place))
        found: Codes = cell_of[pairs]
        return found

    def groups(self, grouping: str) -> Codes:
        """The group of every cell, `[cells]`."""
        known = self._arrays.get(grouping)
        if known is None or len(known) < len(self):
            known = self._arrays[grouping] = np.array(self._groups[grouping], dtype=np.intp)
        return known

    def _cell(self, key: int) -> int:
        if key not in self._cells:
            self._cells[key] = len(self._cells) + 1
            rest = key
            for grouping in reversed(GROUPINGS[2:]):
                self._groups[grouping].append(rest & ((1 << _GROUP_BITS) - 1))
                rest >>= _GROUP_BITS
            self._groups["by_day"].append(rest)
            self._groups["overall"].append(1)
        return self._cells[key]


class Sums:
    """Sums of rows by cell, and those that the bootstrap needs by group and user.

    Cells and users keep their numbers across files. `clustered_arms` keeps every sum by user for
    arms, so that arms can be compared.
    """

    def __init__(self, *, clustered_arms: bool = False) -> None:
        self.cells = Cells()
        self.users: dict[str, int] = {}
        self._totals = np.zeros((len(SUMS), 0))
        self._columns = {name: index for index, name in enumerate(SUMS)}
        self._by_user = {
            grouping: _ByUser(SUMS if clustered_arms and grouping == "by_arm" else CLUSTERED_SUMS)
            for grouping in GROUPINGS
            if grouping not in UNCLUSTERED
        }

    def user(self, user_h: str) -> int:
        """The number of a user, from 1, given on first use."""
        return self.users.setdefault(user_h, len(self.users) + 1)

    def add(self, cells: Codes, users: Codes, values: Mapping[str, Floats]) -> None:
        """Add rows, given the cell and the user of each (0 if unknown): `values[sum][row]`."""
        if len(self.cells) > self._totals.shape[1]:
            extra = np.zeros((len(SUMS), 2 * len(self.cells) - self._totals.shape[1]))
            self._totals = np.concatenate([self._totals, extra], axis=1)
        for name, value in values.items():
            _scatter(self._totals[self._columns[name]], cells, value)
        for grouping, table in self._by_user.items():
            if table.wants(values):
                groups = self.cells.groups(grouping)
                size = (len(self.cells.names[grouping]), len(self.users) + 1)
                table.add(groups[cells], users, size, values)

    def totals(self, grouping: str, name: str) -> dict[str, float]:
        """All sums of a group."""
        group = self.cells.group(grouping, name)
        chosen = np.flatnonzero(self.cells.groups(grouping) == group)
        chosen = chosen[chosen < self._totals.shape[1]]
        return dict(zip(SUMS, self._totals[:, chosen].sum(axis=1).tolist(), strict=True))

    def by_user(self, grouping: str, name: str) -> dict[str, Floats32]:
        """The clustered sums of a group, each `[users]`."""
        group = self.cells.group(grouping, name)
        return self._by_user[grouping].of(group, len(self.users))


class _ByUser:
    """Sums by group and user, `[sums, groups, users]`, grown as numbers are given."""

    def __init__(self, names: Sequence[str]) -> None:
        self._index = {name: index for index, name in enumerate(names)}
        self._table = np.zeros((len(names), 0, 0), dtype=np.float32)

    def wants(self, names: Iterable[str]) -> bool:
        return any(name in self._index for name in names)

    def add(
        self, groups: Codes, users: Codes, size: tuple[int, int], values: Mapping[str, Floats]
    ) -> None:
        self._grow(*size)
        places = groups * self._table.shape[2] + users
        for name, value in values.items():
            if name in self._index:
                _scatter(self._table[self._index[name]].reshape(-1), places, value)

    def of(self, group: int, users: int) -> dict[str, Floats32]:
        self._grow(group + 1, users + 1)
        table = self._table[:, group, 1 : users + 1]
        return {name: table[index] for name, index in self._index.items()}

    def _grow(self, groups: int, users: int) -> None:
        count, had_groups, had_users = self._table.shape
        if groups > had_groups or users > had_users:
            grown = np.zeros((count, max(groups, had_groups), max(users, had_users)), np.float32)
            grown[:, :had_groups, :had_users] = self._table
            self._table = grown


def _scatter(table: NDArray[np.floating], places: Codes, values: Floats) -> None:
    """Add each value to its place, in time that grows with the smaller of both."""
    if 12 * len(places) > len(table):
        table += np.bincount(places, weights=values, minlength=len(table))
    else:
        np.add.at(table, places, values.astype(table.dtype))
