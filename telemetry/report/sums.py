"""Sums by group and by user, from which every figure of a report is made.

A figure is a ratio of two sums, overall or in one group (a day, a language, a model, an arm). How
sure it is follows from how users differ, so sums are also kept for each user.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Mapping, Sequence
from typing import Final

import numpy as np
from numpy.typing import NDArray

from telemetry.report.columns import Codes, Floats, Floats32
from telemetry.report.metrics import GROUP_SUMS, SUMS
from telemetry.schema import TABLES

LABELLED_GROUPINGS: Final = {
    column.grouping: column.name for column in TABLES["opportunity"].columns if column.grouping
}
GROUPINGS: Final = ("overall", "by_day", *LABELLED_GROUPINGS, "by_lines")
OTHER: Final = "other"
# A request's time from call to reply, by its ends in ms; these groups are kept by user alone.
LATENCY_ENDS: Final = (50, 100, 200, 500, 1_000)
LATENCIES: Final = (
    f"under {LATENCY_ENDS[0]} ms",
    *(f"{low:,} to {high:,} ms" for low, high in itertools.pairwise(LATENCY_ENDS)),
    f"over {LATENCY_ENDS[-1]:,} ms",
)
OF_LATENCY: Final = (*GROUP_SUMS, "read", "inferred_shown", "inferred_full")
_GROUP_BITS: Final = 8
_PLACES: Final = {  # of groups in a cell's key, days first
    grouping: place * _GROUP_BITS for place, grouping in enumerate(reversed(GROUPINGS))
}
_KIND: Final = ((1 << _GROUP_BITS) - 1) << _PLACES["by_kind"]
_SPARE_GROUPS: Final = 8
_MOST_GROUPS: Final = (1 << _GROUP_BITS) - 2  # what is left of a grouping with more is OTHER


class Cells:
    """Combinations of groups that occur together, numbered from 1; 0 is no combination at all.

    A row is in one cell and through it in one group of each grouping, or in none (number 0).
    """

    def __init__(self) -> None:
        self.names: dict[str, list[str]] = {grouping: [""] for grouping in GROUPINGS}
        self._numbers: dict[str, dict[str, int]] = {grouping: {} for grouping in GROUPINGS}
        self._cells: dict[int, int] = {}
        self._keys: list[int] = [0]
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
        codes = np.zeros(len(next(iter(groups.values()))), dtype=np.intp)
        keys = [0]
        for grouping, of_rows in groups.items():
            width, place = len(self.names[grouping]), _PLACES[grouping]
            pairs, codes = numbered(codes * width + of_rows)
            keys = [keys[pair // width] | (pair % width) << place for pair in pairs]
        cells: Codes = np.array([self._cell(key) for key in keys], dtype=np.intp)[codes]
        return cells

    def within(self, cells: Codes, grouping: str, groups: Codes) -> Codes:
        """The cells of rows that are in a group of one more grouping."""
        width, place = len(self.names[grouping]), _PLACES[grouping]
        pairs, codes = numbered(cells * width + groups)
        cell_of = [
            self._cell(self._keys[pair // width] | (pair % width) << place) if pair >= width else 0
            for pair in pairs
        ]
        found: Codes = np.array(cell_of, dtype=np.intp)[codes]
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
            self._keys.append(key)
            rest = key
            for grouping in reversed(GROUPINGS[2:]):
                self._groups[grouping].append(rest & ((1 << _GROUP_BITS) - 1))
                rest >>= _GROUP_BITS
            self._groups["by_day"].append(rest)
            is_apart = key > 0 and not key & ~_KIND  # in no group but that of its kind
            self._groups["overall"].append(int(not is_apart))
        return self._cells[key]


def numbered(values: Codes) -> tuple[list[int], Codes]:
    """The distinct values, ascending, and of each row which of them it has."""
    low = int(values.min()) if len(values) else 0
    present = np.flatnonzero(np.bincount(values - low))
    numbers = np.zeros(int(present.max(initial=0)) + 1, dtype=np.intp)
    numbers[present] = np.arange(len(present))
    return (present + low).tolist(), numbers[values - low]


def summed(
    rows: Mapping[str, Codes], by: Iterable[str], values: Mapping[str, Codes]
) -> tuple[dict[str, Codes], dict[str, Floats]]:
    """Rows that are alike in the columns `by` become one: these columns, and their values' sums."""
    codes = np.zeros(len(next(iter(rows.values()))), dtype=np.intp)
    for name in by:
        _, of_rows = numbered(rows[name])
        _, codes = numbered(codes * (int(of_rows.max(initial=0)) + 1) + of_rows)
    one_of = np.zeros(int(codes.max(initial=-1)) + 1, dtype=np.intp)
    one_of[codes] = np.arange(len(codes))
    sums: dict[str, Floats] = {
        name: np.bincount(codes, value, len(one_of)).astype(np.float64)
        for name, value in values.items()
    }
    return {name: rows[name][one_of] for name in by}, sums


class Sums:
    """Sums of rows by cell, and those that intervals need by group and user.

    Cells and users keep their numbers across files. `clustered_arms` keeps every sum by user for
    arms, so that arms can be compared.
    """

    def __init__(self, *, clustered_arms: bool = False) -> None:
        self.cells = Cells()
        self.users: dict[str, int] = {}
        self._totals = np.zeros((len(SUMS), 0))
        self._columns = {name: index for index, name in enumerate(SUMS)}
        whole = ("overall", "by_arm") if clustered_arms else ("overall",)
        self._by_user = {
            grouping: _ByUser(SUMS if grouping in whole else GROUP_SUMS) for grouping in GROUPINGS
        }

        self._by_user["by_finish_reason"] = _ByUser(("requested",))
        self._by_latency = _ByUser(OF_LATENCY)

    def user(self, user_h: str) -> int:
        """The number of a user, from 1, given on first use."""
        return self.users.setdefault(user_h, len(self.users) + 1)

    def add(self, cells: Codes, users: Codes, values: Mapping[str, Floats]) -> None:
        """Add rows, given the cell and the user of each (0 if unknown): `values[sum][row]`."""
        if len(self.cells) > self._totals.shape[1]:
            extra = np.zeros((len(SUMS), 2 * len(self.cells) - self._totals.shape[1]))
            self._totals = np.concatenate([self._totals, extra], axis=1)
        if len(cells) == 0:
            return
        _scatter(self._totals, self._columns, cells, values)
        for grouping, table in self._by_user.items():
            groups = self.cells.groups(grouping)[cells]
            if groups.any() and table.wants(values):
                size = (len(self.cells.names[grouping]), len(self.users) + 1)
                table.add(groups, users, size, values)

    def add_latency(self, latencies: Codes, users: Codes, values: Mapping[str, Floats]) -> None:
        """Add rows by latency alone, from 1 for the first of `LATENCIES` (0 if unknown)."""
        if latencies.any():
            size = (len(LATENCIES) + 1, len(self.users) + 1)
            self._by_latency.add(latencies, users, size, values)

    def of_latency(self, name: str) -> dict[str, Floats32]:
        """The sums of one of `LATENCIES`, each `[users]`."""
        return self._by_latency.of(LATENCIES.index(name) + 1, len(self.users))

    def totals(self, grouping: str, name: str) -> dict[str, float]:
        """All sums of a group."""
        group = self.cells.group(grouping, name)
        chosen = np.flatnonzero(self.cells.groups(grouping) == group)
        chosen = chosen[chosen < self._totals.shape[1]]
        return dict(zip(SUMS, self._totals[:, chosen].sum(axis=1).tolist(), strict=True))

    def by_user(self, grouping: str, name: str) -> dict[str, Floats32]:
        """The sums of a group that are kept by user, each `[users]`."""
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
        count, _, most_users = self._table.shape
        table = self._table.reshape(count, -1)
        _scatter(table, self._index, groups * most_users + users, values)

    def of(self, group: int, users: int) -> dict[str, Floats32]:
        self._grow(group + 1, users + 1)
        table = self._table[:, group, 1 : users + 1]
        return {name: table[index] for name, index in self._index.items()}

    def _grow(self, groups: int, users: int) -> None:
        count, had_groups, had_users = self._table.shape
        if groups > had_groups or users > had_users:
            # Room for more groups costs nothing until it is written to.
            most = groups + _SPARE_GROUPS if groups > had_groups else had_groups
            grown = np.zeros((count, most, max(users, had_users)), np.float32)
            grown[:, :had_groups, :had_users] = self._table
            self._table = grown


def _scatter(
    table: NDArray[np.floating],
    index: Mapping[str, int],
    places: Codes,
    values: Mapping[str, Floats],
) -> None:
    """Add values to their rows' places of `table[index[sum]]`, `[sums, places]`.

    The rows of a chunk mostly lie close together (they are of a day or two, or of a few users):
    the time goes with their number or with the range of their places, whichever is smaller.
    """
    low, high = int(places.min()), int(places.max()) + 1
    places = places - low
    for name in values.keys() & index.keys():
        part = table[index[name], low:high]
        if 12 * len(places) > high - low:
            part += np.bincount(places, weights=values[name], minlength=high - low)
        else:
            np.add.at(part, places, values[name].astype(table.dtype))
