"""People as the sums that a report keeps of each: what intervals and comparisons are made from.

What people do varies from one to the next as in `simulate`, and what lasts of accepted text varies
as well. Estimates see sums by user only, so no database is written: thousands can be drawn.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np

from benchmarks.simulation.vocabulary import Array
from telemetry.report.metrics import METRICS, SUMS
from telemetry.survival import WINDOWS_S

Sums = dict[str, Array]

_OPPORTUNITIES: Final = 375  # of the average person; three in four are shown
_LENGTH: Final = 34.0  # UTF-16 units of the average suggestion


@dataclass(frozen=True, slots=True)
class Population:
    """Everybody, `{sum: [people]}`; a database is a few of them, drawn with replacement."""

    sums: Sums

    def truth(self) -> dict[str, float]:
        """Every metric's value among everybody, by its name."""
        totals = {name: float(of_each.sum()) for name, of_each in self.sums.items()}
        values = {metric.name: metric.value(totals) for metric in METRICS}
        return {name: value for name, value in values.items() if value is not None}

    def draw(self, rng: np.random.Generator, people: int) -> Sums:
        """Some of them, `{sum: [people]}`."""
        chosen = rng.integers(0, len(self.sums["shown"]), people)
        return {name: of_each[chosen] for name, of_each in self.sums.items()}


def draw_population(
    rng: np.random.Generator, size: int = 200_000, correlation: float = 0.0
) -> Population:
    """So many people, who differ in how much they write and how readily they accept.

    `correlation` is of both, as normal deviates: above 0, those who write more accept more.
    """
    much = rng.normal(size=size)
    readily = correlation * much + np.sqrt(1 - correlation**2) * rng.normal(size=size)
    readiness = np.sort(rng.beta(2.2, 7.0, size))[np.argsort(np.argsort(readily))]
    activity = np.exp(much - 0.5)
    sums: Sums = {name: np.zeros(size) for name in SUMS}
    sums |= _displays(rng, activity, readiness)
    sums |= _engine(rng, sums)
    sums |= _written(rng, sums, activity)
    sums |= _lasting(rng, sums["full"].astype(int))
    return Population({name: sums[name].astype(np.float32) for name in SUMS})


def _displays(rng: np.random.Generator, activity: Array, readiness: Array) -> Sums:
    opportunities = rng.poisson(_OPPORTUNITIES * activity)
    requested = rng.binomial(opportunities, 0.95)
    shown = rng.binomial(requested, 0.79)
    long = rng.binomial(shown, 0.75)
    full_long = rng.binomial(long, readiness)
    full = full_long + rng.binomial(shown - long, readiness)
    read = long + full - full_long
    length = _LENGTH * rng.lognormal(0.0, 0.2, len(activity))
    return {
        "opportunities": opportunities,
        "requested": requested,
        "shown": shown,
        "shown_750": long,
        "full": full,
        "full_750": full_long,
        "read": read,
        "read_len": np.round(read * length),
        "accepted_len": np.round(full * length * 0.95),
        "esc": rng.binomial(shown - full, rng.beta(0.5, 5.0, len(activity))),
        "esc_known": shown,
        "shown_multi": rng.binomial(shown, 0.16),
        "accepted_len_multi": np.round(full * length * rng.beta(4.0, 6.0, len(activity))),
        "accepts": full,
        "undone": rng.binomial(full, 0.05),
        "returned": rng.binomial(requested, 0.9),
        "predicted": shown,
        "predicted_p": np.round(shown * rng.normal(0.25, 0.02, len(activity)), 4),
        "predicted_full": full,
        "predicted_error": shown * rng.uniform(0.12, 0.2, len(activity)),
    }


def _engine(rng: np.random.Generator, sums: Sums) -> Sums:
    requested = sums["requested"]
    steps, drafted = rng.poisson(15 * requested), rng.poisson(30 * requested)
    prompt = 1_000 * requested
    kept = rng.beta(6.0, 12.0, len(requested))
    return {
        "decoded": requested,
        "steps": steps,
        "drafted_tok": drafted,
        "draft_ok_tok": rng.binomial(drafted, kept),
        "gen_tok": steps + drafted // 3,
        "prompt_tok": prompt,
        "reused_tok": rng.binomial(prompt, rng.beta(8.0, 2.0, len(requested))),
        "cached": rng.binomial(sums["returned"], 0.15),
    }


def _written(rng: np.random.Generator, sums: Sums, activity: Array) -> Sums:
    typed = rng.poisson(80 * _OPPORTUNITIES * activity * rng.lognormal(0.0, 0.4, len(activity)))
    commits = rng.poisson(4 * activity)
    committed = commits * rng.poisson(800, len(activity))
    return {
        "ai": sums["accepted_len"],
        "typed": typed,
        "auto_close": rng.binomial(typed, 0.02),
        "ide": rng.binomial(typed, 0.1),
        "edits": typed,
        "commits": commits,
        "committed": committed,
        "committed_ai": rng.binomial(committed, rng.beta(2.0, 8.0, len(activity))),
    }


def _lasting(rng: np.random.Generator, full: Array) -> Sums:
    """What is left at each window: of what was there before, as much as this person keeps."""
    keeps = rng.beta(20.0, 1.5, len(full))
    kept, sums = full, Sums()
    for window in WINDOWS_S:
        kept = rng.binomial(kept, keeps)
        more = kept + rng.binomial(full - kept, 0.2)
        sums |= {
            f"checked_{window}": full,
            f"unchanged_{window}": kept,
            f"mostly_unchanged_{window}": more,
            f"retained_{window}": more,
            f"still_in_code_{window}": more + rng.binomial(full - more, 0.3),
            f"arc_{window}": kept * _LENGTH,
            f"net_{window}": full * _LENGTH,
        }
    return sums
