"""What is left of accepted texts: the checks that were made, and those that are missing."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np

from telemetry.report.columns import Chunk
from telemetry.report.displays import Displays
from telemetry.report.source import STEP, Source
from telemetry.survival import WINDOWS_S

_ACCEPT_STEP: Final = 4 * STEP // len(WINDOWS_S)


@dataclass(slots=True)
class Checks:
    """Checks of persistence; those that came too late count if `late` ones do."""

    late: bool
    late_checks: int = 0

    def read(self, source: Source, displays: Displays) -> None:
        """Count the checks that are due as censored; those that are found are taken off again."""
        _expect(source, displays)
        self._read_survival(source, displays)

    def _read_survival(self, source: Source, displays: Displays) -> None:
        censored = np.array(
            [id_ for id_, name in source.labels.items() if name.startswith("censored")], dtype=int
        )
        for rows in source.chunks("survival", "accept", _ACCEPT_STEP):
            rows["is_censored"] = np.isin(rows["state"], censored).astype(np.int64)
            order = np.argsort(rows["window_s"].astype(np.int16), kind="stable")
            rows = {name: values[order] for name, values in rows.items()}
            for window_s in WINDOWS_S:
                start, end = np.searchsorted(rows["window_s"], [window_s, window_s + 1])
                of_window = {name: values[start:end] for name, values in rows.items()}
                self._add_checks(source, displays, window_s, of_window)

    def _add_checks(self, source: Source, displays: Displays, window_s: int, rows: Chunk) -> None:
        cells, users = displays.of_accepts(rows["accept"])
        latest_s = _latest(window_s)
        is_late = (rows["actual_ds"] > 10 * latest_s) & (not self.late)
        censored = rows["is_censored"] == 1
        checked = ~censored & ~is_late
        self.late_checks += int((is_late & ~censored & (cells > 0)).sum())
        distance = rows["lev"] / np.maximum(np.maximum(rows["init_len"], rows["cur_len"]), 1)
        is_due = displays.accepts.get(rows["accept"], "age_s") > latest_s
        values = {
            "checked": checked,
            "unchanged": checked & (rows["lev"] == 0),
            "mostly_unchanged": checked & (distance < 0.33),
            "retained": checked & (distance <= 0.33),
            "still_in_code": checked & (rows["lex_dist"] <= 0.5 * rows["lex_len"]),
            "arc": np.where(checked, rows["arc"], 0),
            "net": np.where(checked, displays.accepts.get(rows["accept"], "net_len"), 0),
            "censored": censored.astype(float) - is_due,
            "inferred_checked": checked & (displays.accepts.get(rows["accept"], "inferred") == 1),
        }
        named = {f"{name}_{window_s}": value.astype(float) for name, value in values.items()}
        source.sums.add(cells, users, named)


def _expect(source: Source, displays: Displays) -> None:
    """Count the checks that are due as censored; those that are found are taken off again."""
    first, last = source.bounds["accept"]
    for start in range(first, last + 1, STEP):
        ids = np.arange(start, min(start + STEP, last + 1))
        cells, users = displays.of_accepts(ids)
        age_s = displays.accepts.get(ids, "age_s")
        due = {f"censored_{w}": (age_s > _latest(w)).astype(float) for w in WINDOWS_S}
        due["accepts"] = (displays.accepts.get(ids, "suggestion") > 0).astype(float)
        due["undone"] = displays.accepts.get(ids, "is_undone").astype(float)
        source.sums.add(cells, users, due)


def _latest(window_s: int) -> float:
    """Up to when a check of a window counts as made at that window, in seconds."""
    return max(1.1 * window_s, 1.0)
