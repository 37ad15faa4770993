"""What is true of a simulated database, counted from what was drawn, not from what was stored.

The formulas are written out once more, on purpose: this is what reports are checked against.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from datetime import UTC, datetime
from typing import Any, Final

import numpy as np

from benchmarks.simulation.vocabulary import (
    ARMS,
    DISTRIBUTIONS,
    EXIT_MODES,
    LANGUAGES,
    MODELS,
    Array,
)
from telemetry.survival import WINDOWS_S

_DAY_MS: Final = 86_400_000
_OF_EDITS: Final = ("saved", "google", "pcw", "rocc", "commit_share")
_UNKNOWN: Final = {
    "by_language": ("commit_share",),  # a commit has no language
    "by_model": _OF_EDITS,  # people here use both: their edits belong to neither
    "by_exit_mode": _OF_EDITS,
    "by_distribution": _OF_EDITS,
}


class Truth:
    """Counts of what was drawn, overall and by group."""

    def __init__(self) -> None:
        self._counts: defaultdict[tuple[str, str], Counter[str]] = defaultdict(Counter)
        self._total_ms: list[Array] = []

    def add(self, batch: dict[str, Array]) -> None:
        """Count a batch, group by group."""
        self._count("overall", "overall", batch)
        self._total_ms.append(batch["total_ms"][batch["outcome"] == 0])
        days = batch["ts_ms"] // _DAY_MS
        for day in np.unique(days):
            name = datetime.fromtimestamp(int(day) * _DAY_MS / 1000, UTC).date().isoformat()
            self._count("by_day", name, _of(batch, days == day))
        for grouping, column, names in (
            ("by_language", "lang", LANGUAGES),
            ("by_model", "model", MODELS),
            ("by_arm", "arm", ARMS),
            ("by_exit_mode", "exit_mode", EXIT_MODES),
            ("by_distribution", "exit_mode", DISTRIBUTIONS),
        ):
            for code, name in enumerate(names):
                self._count(grouping, name, _of(batch, batch[column] == code))

    def _count(self, grouping: str, name: str, rows: dict[str, Array]) -> None:
        if len(rows["outcome"]) == 0:
            return
        shown, accepted, full = rows["shown"], rows["accepted"], rows["full"]
        long = shown & (rows["shown_for"] >= 750)
        read = long | accepted
        counted = {
            "opportunities": len(rows["outcome"]),
            "requested": (rows["outcome"] != 1).sum(),
            "shown": shown.sum(),
            "accepts": accepted.sum(),
            "long": long.sum(),
            "read": read.sum(),
            "full": full.sum(),
            "full_long": (full & long).sum(),
            "read_length": rows["len"][read].sum(),
            "accepted_length": rows["taken"][accepted].sum(),
            "esc": rows["esc"].sum(),
            "multi": (shown & (rows["multiline"] == 1)).sum(),
            "multi_length": rows["taken"][accepted & (rows["multiline"] == 1)].sum(),
            "typed": rows["typed"].sum(),
            "tokens": rows["gen_tok"].sum(),
            "steps": rows["steps"].sum(),
            "drafted": rows["drafted"].sum(),
            "draft_ok": rows["draft_ok"].sum(),
            "prompt": rows["prompt_tok"].sum(),
            "reused": rows["reused"].sum(),
            "returned": (rows["outcome"] == 0).sum(),
            "cached": ((rows["outcome"] == 0) & (rows["prompt_tok"] == 0)).sum(),
            "predicted_p": round(1e6 * rows["p_accept"][shown].sum()),
            "error": round(1e8 * ((rows["p_accept"] - full)[shown] ** 2).sum()),
            "commits": (rows["committed"] > 0).sum(),
            "committed": rows["committed"].sum(),
            "committed_ai": rows["committed_ai"].sum(),
        }
        fates = _fates(_of(rows, accepted))
        self._counts[grouping, name].update({k: int(v) for k, v in (counted | fates).items()})

    def figures(self) -> dict[str, Any]:
        """Values by metric name, in the shape of `report --json`, for the groupings counted."""
        result: defaultdict[str, dict[str, Any]] = defaultdict(dict)
        for (grouping, name), counts in self._counts.items():
            values = {key: {"value": value, "n": n} for key, (value, n) in _metrics(counts).items()}
            for unknown in _UNKNOWN.get(grouping, ()):
                del values[unknown]
            result[grouping][name] = values
        return {"overall": result.pop("overall")["overall"] | self._latencies(), **result}

    def _latencies(self) -> dict[str, Any]:
        times = np.concatenate(self._total_ms)
        return {
            f"latency_p{percent}_ms": {
                "value": float(np.percentile(times, percent)),
                "n": len(times),
            }
            for percent in (50, 90, 99)
        }


def _of(rows: dict[str, Array], chosen: Array) -> dict[str, Array]:
    return {name: values[chosen] for name, values in rows.items()}


def _fates(accepts: dict[str, Array]) -> dict[str, int]:
    counted: dict[str, int] = {}
    length = accepts["taken"]
    for window in WINDOWS_S:
        censored = window >= accepts["censored_s"]
        seen = ~censored & ~(accepts["late"] & (window > 0))
        removed = window >= accepts["removed_s"]
        edited = window >= accepts["edited_s"]
        lost = np.where(
            removed,
            length,
            np.where(edited, np.maximum((length * accepts["edited_share"]).astype(int), 1), 0),
        )
        lexemes = np.maximum(length // 4, 1)
        still = np.ceil(lexemes * lost / length) <= 0.5 * lexemes
        counted |= {
            f"seen_{window}": seen.sum(),
            f"censored_{window}": censored.sum(),
            f"unchanged_{window}": (seen & (lost == 0)).sum(),
            f"mostly_{window}": (seen & (lost / length < 0.33)).sum(),
            f"kept_{window}": (seen & (lost / length <= 0.33)).sum(),
            f"still_{window}": (seen & still).sum(),
            f"untouched_{window}": (length - lost)[seen].sum(),
            f"length_{window}": length[seen].sum(),
        }
    return counted


def _metrics(c: Counter[str]) -> dict[str, tuple[float | None, int]]:
    def ratio(above: float, below: int, n: int) -> tuple[float | None, int]:
        return (above / below if below else None), n

    ai, typed = c["accepted_length"], c["typed"]
    metrics = {
        "acceptance": ratio(c["full"], c["shown"], c["shown"]),
        "codecompose": ratio(c["full_long"], c["long"], c["long"]),
        "car": ratio(c["full"], c["read"], c["read"]),
        "wcar": ratio(ai, c["read_length"], c["read"]),
        "shown_rate": ratio(c["shown"], c["opportunities"], c["opportunities"]),
        "display_rate": ratio(c["shown"], c["requested"], c["requested"]),
        "explicit_cancel_rate": ratio(c["esc"], c["shown"], c["shown"]),
        "multi_shown": ratio(c["multi"], c["shown"], c["shown"]),
        "multi_accepted": ratio(c["multi_length"], ai, c["full"]),
        "undone": ratio(0, c["accepts"], c["accepts"]),
        "cpo": ratio(ai, c["opportunities"], c["opportunities"]),
        "p_accept_mean": ratio(c["predicted_p"] / 1e6, c["shown"], c["shown"]),
        "p_accept_observed": ratio(c["full"], c["shown"], c["shown"]),
        "p_accept_brier": ratio(c["error"] / 1e8, c["shown"], c["shown"]),
        "tokens_per_step": ratio(c["tokens"], c["steps"], c["requested"]),
        "draft_acceptance": ratio(c["draft_ok"], c["drafted"], c["requested"]),
        "answered_without_model": ratio(c["cached"], c["returned"], c["returned"]),
        "prompt_reuse": ratio(c["reused"], c["prompt"], c["opportunities"]),
    }
    for window in WINDOWS_S:
        seen = c[f"seen_{window}"]
        metrics |= {
            f"unchanged_{window}": ratio(c[f"unchanged_{window}"], seen, seen),
            f"mostly_unchanged_{window}": ratio(c[f"mostly_{window}"], seen, seen),
            f"cpr_{window}": ratio(c[f"kept_{window}"], seen, seen),
            f"still_in_code_{window}": ratio(c[f"still_{window}"], seen, seen),
            f"arc_ratio_{window}": ratio(c[f"untouched_{window}"], c[f"length_{window}"], seen),
        }
    edits = c["opportunities"] + c["accepts"]
    return metrics | {
        "saved": ratio(ai, typed, edits),
        "google": ratio(ai, ai + typed, edits),
        "pcw": ratio(ai, ai + typed, edits),
        "rocc": ratio(ai, ai + typed, edits),
        "commit_share": ratio(c["committed_ai"], c["committed"], c["commits"]),
    }
