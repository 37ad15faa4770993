"""Sums by group and by user, from which every figure of a report is made.

A figure is a ratio of two sums, overall or in one group (a day, a language, a model, an arm). The
bootstrap draws users, so the sums that it needs are also kept for each user.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

import numpy as np
from numpy.typing import NDArray

from telemetry.survival import WINDOWS_S

Floats = NDArray[np.float64]
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

SUMS: Final = (
    *OPPORTUNITY_SUMS,
    *SUGGESTION_SUMS,
    *(f"{name}_{window}" for window in WINDOWS_S for name in SURVIVAL_SUMS),
    *EDIT_SUMS,
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
    *(f"{name}_{window}" for window in WINDOWS_S for name in ("arc", "net")),
    *EDIT_SUMS,
)


class Grouping:
    """The groups of one kind, with their sums."""

    def __init__(self, clustered: Sequence[str] = CLUSTERED_SUMS) -> None:
        self.names: list[str] = []
        self._codes: dict[str, int] = {}
        self._clustered = {name: index for index, name in enumerate(clustered)}
        self._columns = {name: index for index, name in enumerate(SUMS)}
        self._totals = np.zeros((0, len(SUMS)))
        self._by_user = np.zeros((len(clustered), 0, 0), dtype=np.float32)

    def code(self, name: str) -> int:
        """The number of a group, made on first use."""
        if name not in self._codes:
            self._codes[name] = len(self.names)
            self.names.append(name)
        return self._codes[name]

    def totals(self, name: str) -> dict[str, float]:
        """All sums of a group."""
        code = self._codes.get(name)
        if code is None or code >= len(self._totals):
            return dict.fromkeys(SUMS, 0.0)
        return dict(zip(SUMS, self._totals[code].tolist(), strict=True))

    def by_user(self, name: str) -> dict[str, Floats]:
        """The clustered sums of a group, each `[users]`."""
        code = self._codes.get(name)
        if code is None or code >= self._by_user.shape[1]:
            return {key: np.zeros(0) for key in self._clustered}
        table = self._by_user[:, code, :].astype(np.float64)
        return {key: table[index] for key, index in self._clustered.items()}

    def add(
        self, codes: Codes, users: Codes, user_count: int, values: Mapping[str, Floats]
    ) -> None:
        """Add rows, given the group and the user of each: `values[sum][row]`."""
        groups = len(self.names)
        self._grow(groups, user_count)
        cells = codes * self._by_user.shape[2] + users
        for name, value in values.items():
            sums = np.bincount(codes, weights=value, minlength=groups)
            self._totals[:groups, self._columns[name]] += sums
            if name in self._clustered:
                _scatter(self._by_user[self._clustered[name]].reshape(-1), cells, value)

    def _grow(self, groups: int, users: int) -> None:
        if groups > len(self._totals):
            extra = np.zeros((groups - len(self._totals), len(SUMS)))
            self._totals = np.concatenate([self._totals, extra])
        _, had_groups, had_users = self._by_user.shape
        if groups > had_groups or users > had_users:
            wider = (len(self._clustered), max(groups, had_groups), max(users, had_users))
            grown = np.zeros(wider, dtype=np.float32)
            grown[:, :had_groups, :had_users] = self._by_user
            self._by_user = grown


def _scatter(table: NDArray[np.float32], cells: Codes, values: Floats) -> None:
    """Add each value to its cell, in time that grows with the smaller of both."""
    if 4 * len(cells) > len(table):
        table += np.bincount(cells, weights=values, minlength=len(table))
    else:
        np.add.at(table, cells, values.astype(np.float32))


class Sums:
    """All groupings over the same rows. Users and groups keep their numbers across files."""

    GROUPINGS: Final = (
        "overall",
        "by_day",
        "by_language",
        "by_model",
        "by_arm",
        "by_draft_source",
        "by_lines",
        "by_finish_reason",
    )

    def __init__(self, *, clustered_arms: bool = False) -> None:
        self.groupings = {name: Grouping() for name in self.GROUPINGS}
        if clustered_arms:
            self.groupings["by_arm"] = Grouping(SUMS)
        self.groupings["overall"].code("overall")
        self.users: dict[str, int] = {}

    def user(self, user_h: str) -> int:
        """The number of a user, made on first use."""
        return self.users.setdefault(user_h, len(self.users))

    def add(self, codes: Mapping[str, Codes], users: Codes, values: Mapping[str, Floats]) -> None:
        """Add rows to the groups given, and overall; a negative group or user is none."""
        overall = np.zeros(len(users), dtype=np.intp)
        for grouping, of_rows in {"overall": overall, **codes}.items():
            known = (of_rows >= 0) & (users >= 0)
            table = self.groupings[grouping]
            if known.all():
                table.add(of_rows, users, len(self.users), values)
            else:
                some = {name: value[known] for name, value in values.items()}
                table.add(of_rows[known], users[known], len(self.users), some)
