"""The result of an experiment: which arm wins, or why that cannot be told.

What decides was laid down beforehand, and is read once, when the experiment has ended: who looks
earlier and stops at a difference finds one too often.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta
from typing import Final

import numpy as np

from telemetry.report.compare import PRIMARY, Comparison, Difference, compare_with, present
from telemetry.report.estimates import FEWEST
from telemetry.report.metrics import BY_NAME, LESS_IS_BETTER, title, value
from telemetry.report.statistics import Figure, figure
from telemetry.report.sums import Sums

SIGNIFICANT: Final = 0.05
MISMATCH: Final = 0.001  # p-value of the arms' sizes, below which people were not drawn evenly


@dataclass(frozen=True, slots=True)
class Plan:
    """What was laid down beforehand: the arms, control first, and the metric that decides.

    Without arms, those in the data count, in their order by name but for `control`. It may be read
    after its last day, `end`, or when it was `stopped`.
    """

    name: str
    arms: tuple[str, ...] = ()
    primary: str = PRIMARY
    end: date | None = None
    stopped: bool = False


@dataclass(frozen=True, slots=True)
class Experiment:
    """What came of an experiment, in words and as comparisons of each arm with the first.

    `people` counts those in each arm, and `figures` has its primary metric; `mismatch` is the
    p-value of their being drawn evenly.
    """

    name: str
    primary: str
    people: dict[str, int]
    figures: dict[str, Figure]
    comparisons: tuple[Comparison, ...]
    verdict: str
    warnings: tuple[str, ...]
    mismatch: float


def judge(sums: Sums, plan: Plan, today: date) -> Experiment:
    """Judge an experiment by sums that keep every sum by user (`Sums(clustered_arms=True)`).

    Raises ValueError if there is nothing of it, or if its primary metric is none.
    """
    if plan.primary not in BY_NAME:
        raise ValueError(f"no metric {plan.primary!r}; there are: {', '.join(BY_NAME)}")
    arms = _arms(sums, plan)
    recorded = [f"{plan.name}/{arm}" for arm in arms]
    those = np.array([present(sums.by_user("by_arm", each)) for each in recorded])
    people = dict(zip(arms, those.sum(axis=1).tolist(), strict=True))
    comparisons = tuple(
        replace(each, arm_a=arms[0], arm_b=arm)
        for arm, each in zip(
            arms[1:], compare_with(sums, recorded[0], recorded[1:], plan.primary), strict=True
        )
    )
    mismatch = even_p(list(people.values()))
    return Experiment(
        name=plan.name,
        primary=plan.primary,
        people=people,
        figures={
            arm: _figure(sums, each, plan.primary) for arm, each in zip(arms, recorded, strict=True)
        },
        comparisons=comparisons,
        verdict=_too_early(plan, today) or _verdict(people, comparisons, plan.primary),
        warnings=tuple(_warnings(plan, mismatch, int((those.sum(axis=0) > 1).sum()))),
        mismatch=mismatch,
    )


def even_p(counts: Sequence[int]) -> float:
    """The chance of counts at least as uneven if all are alike (Pearson's chi-square)."""
    mean = sum(counts) / len(counts)
    half = sum((count - mean) ** 2 for count in counts) / max(mean, 1) / 2
    if half == 0:
        return 1.0
    freedom = len(counts) - 1
    start = math.erfc(math.sqrt(half)) if freedom % 2 else 0.0
    powers = [index + freedom % 2 / 2 for index in range(freedom // 2)]
    return start + sum(
        math.exp(-half + power * math.log(half)) / math.gamma(power + 1) for power in powers
    )


def _arms(sums: Sums, plan: Plan) -> list[str]:
    """The arms, control first; they are recorded as `EXPERIMENT/ARM`."""
    names = [name.partition("/") for name in sums.cells.names["by_arm"]]
    recorded = sorted({arm for name, _, arm in names if name == plan.name and arm})
    if not recorded:
        known = ", ".join(sorted({name for name, slash, _ in names if slash})) or "none"
        raise ValueError(f"nothing of an experiment {plan.name!r} is recorded; there are: {known}")
    return list(plan.arms) or sorted(recorded, key=lambda arm: (arm != "control", arm))


def _figure(sums: Sums, arm: str, primary: str) -> Figure:
    return figure(BY_NAME[primary], sums.totals("by_arm", arm), sums.by_user("by_arm", arm))


def _too_early(plan: Plan, today: date) -> str:
    if plan.stopped or plan.end is None or today > plan.end:
        return ""
    first = plan.end + timedelta(days=1)
    return f"Not to be read before {first}: it runs, and a difference comes and goes until then."


def _verdict(people: dict[str, int], comparisons: Sequence[Comparison], primary: str) -> str:
    if few := [arm for arm, count in people.items() if count < FEWEST]:
        return f"It cannot be told which arm wins: fewer than {FEWEST} people in {', '.join(few)}."
    found = {each.arm_b: each.metrics[primary] for each in comparisons}
    sure = {arm: d for arm, d in found.items() if d.p_value is not None and d.p_value < SIGNIFICANT}
    gains = {arm: _gain(difference, primary) for arm, difference in sure.items()}
    best = max(gains, key=lambda arm: gains[arm], default="")
    if best and gains[best] > 0:
        return f"{best} wins. {_in_words(best, found[best], comparisons[0].arm_a, primary)}"
    told = " ".join(
        _in_words(arm, difference, comparisons[0].arm_a, primary)
        for arm, difference in found.items()
    )
    if len(sure) == len(found):
        return f"{comparisons[0].arm_a} wins. {told}"
    return f"It cannot be told which arm wins. {told}"


def _gain(difference: Difference, primary: str) -> float:
    gain = difference.difference or 0.0
    return -gain if primary in LESS_IS_BETTER else gain


def _in_words(arm: str, found: Difference, control: str, primary: str) -> str:
    values = f"{title(primary)}: {value(primary, found.b)} in {arm}, {value(primary, found.a)}"
    if found.p_value is None:
        return f"{values} in {control}; too few people have it."
    p_value = "< 0.001" if found.p_value < 0.001 else f"= {found.p_value:.3f}"
    return (
        f"{values} in {control}; difference {value(primary, found.difference)}, 95 % interval"
        f" {value(primary, found.low)} to {value(primary, found.high)}, p {p_value}."
    )


def _warnings(plan: Plan, mismatch: float, in_several: int) -> Iterator[str]:
    if mismatch < MISMATCH:
        yield (
            f"The arms' sizes differ by more than chance makes them (p = {mismatch:.1g}): people"
            " were lost or counted twice in one. Find out why before believing a difference."
        )
    if in_several:
        yield (
            f"{in_several:,} people are in several arms: their key or the number of arms changed."
        )
    if plan.end is None:
        yield "Its plan is not in the settings: what decides was perhaps not named beforehand."
    if plan.stopped:
        yield "It was stopped before its end: a difference that was the reason is too large."
