"""The metrics, each a ratio of two sums.

"read" is shown for at least 750 ms, or accepted. A distance d is Levenshtein's over the longer of
both lengths, 1 if the text was removed or not found. `ai` counts UTF-16 units that came from
accepted suggestions, `typed` those typed by hand. A commit's share counts visible characters, in
commits whose predecessor was seen as well.

- CodeCompose: Murali et al. 2023 (Meta). CAR, wCAR, CPR: "Improving FIM code completions via
  context and curriculum based learning" (Sourcegraph). Unchanged, mostly unchanged: Ziegler et al.
  2022 (GitHub). ARC: VS Code's accepted and retained characters. PCW: Codeium, Cody. RoCC:
  JetBrains. CPO: characters per opportunity, Codeium.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, Literal

import numpy as np

from telemetry.report.statistics import percentile_interval, quantile_interval, wilson
from telemetry.report.sums import Floats
from telemetry.survival import WINDOWS_S

Unit = Literal["share", "ratio", "ms"]
Totals = Mapping[str, float]


@dataclass(frozen=True, slots=True)
class Figure:
    """A value with what is known about it: 95 % interval, number of observations, blind spots.

    `censored_share` is the part of the observations whose outcome could not be seen,
    `inferred_share` the part of the events that a client did not report itself.
    """

    value: float | None
    n: int
    low: float | None = None
    high: float | None = None
    censored_share: float = 0.0
    inferred_share: float = 0.0


@dataclass(frozen=True, slots=True)
class Metric:
    """A ratio of sums. `count` is the sum that its `n` shows.

    A plain proportion (`share` whose cases are independent enough) has Wilson's interval, all else
    the bootstrap's over users. `censored` and `inferred` name sums of lost and of inferred cases;
    the latter's share is of `events`.
    """

    name: str
    title: str
    numerator: tuple[str, ...]
    denominator: tuple[str, ...]
    count: str
    unit: Unit = "share"
    is_proportion: bool = True
    censored: str | None = None
    inferred: tuple[str, ...] = ()
    events: tuple[str, ...] = ()

    def value(self, totals: Totals) -> float | None:
        """The ratio, None without a denominator."""
        below = _sum(totals, self.denominator)
        return _sum(totals, self.numerator) / below if below > 0 else None


def _sum(totals: Totals, names: tuple[str, ...]) -> float:
    return sum(totals[name] for name in names)


def _acceptance(name: str, title: str, numerator: str, denominator: str) -> Metric:
    inferred, events = ("inferred_shown", "inferred_full"), ("shown", "full")
    return Metric(
        name,
        title,
        (numerator,),
        (denominator,),
        denominator,
        inferred=inferred,
        events=events,
    )


def _characters(
    name: str, title: str, numerator: tuple[str, ...], denominator: tuple[str, ...]
) -> Metric:
    return Metric(name, title, numerator, denominator, "edits", is_proportion=False)


def _survival(window: int) -> tuple[Metric, ...]:
    def metric(name: str, title: str, kept: str, of: str = "checked") -> Metric:
        return Metric(
            f"{name}_{window}",
            f"{title} after {window} s",
            (f"{kept}_{window}",),
            (f"{of}_{window}",),
            f"checked_{window}",
            is_proportion=of == "checked",
            censored=f"censored_{window}",
            inferred=(f"inferred_checked_{window}",),
            events=(f"checked_{window}",),
        )

    return (
        metric("unchanged", "Unchanged", "unchanged"),
        metric("mostly_unchanged", "Mostly unchanged", "mostly_unchanged"),
        metric("cpr", "Persistence (CPR)", "retained"),
        metric("still_in_code", "Still in code", "still_in_code"),
        metric("arc_ratio", "Characters never touched (ARC)", "arc", "net"),
    )


METRICS: Final[tuple[Metric, ...]] = (
    _acceptance("codecompose", "Acceptance, shown ≥ 750 ms (CodeCompose)", "full_750", "shown_750"),
    _acceptance("acceptance", "Acceptance", "full", "shown"),
    _acceptance("car", "Accepted / read (CAR)", "full", "read"),
    Metric(
        "wcar",
        "Accepted / read, by characters (wCAR)",
        ("accepted_len",),
        ("read_len",),
        "read",
        is_proportion=False,
        inferred=("inferred_shown", "inferred_full"),
        events=("shown", "full"),
    ),
    _acceptance("shown_rate", "Shown / opportunities", "shown", "opportunities"),
    _acceptance("display_rate", "Shown / requested", "shown", "requested"),
    _acceptance("explicit_cancel_rate", "Cancelled by Esc / shown", "esc", "shown"),
    Metric(
        "cpo",
        "Accepted characters / opportunity (CPO)",
        ("accepted_len",),
        ("opportunities",),
        "opportunities",
        "ratio",
        is_proportion=False,
        inferred=("inferred_full",),
        events=("full",),
    ),
    _characters("saved", "Accepted / typed characters (CodeCompose)", ("ai",), ("typed",)),
    _characters("google", "Accepted / (accepted + typed) characters", ("ai",), ("ai", "typed")),
    _characters(
        "pcw",
        "Share of code written (PCW)",
        ("ai", "chat"),
        ("ai", "chat", "typed", "auto_close"),
    ),
    _characters(
        "rocc",
        "Share of code completed (RoCC)",
        ("ai", "ide"),
        ("ai", "ide", "typed", "auto_close"),
    ),
    Metric(
        "commit_share",
        "Share of committed code from completions",
        ("committed_ai",),
        ("committed",),
        "commits",
        is_proportion=False,
        censored="commits_partly",
    ),
    *(metric for window in WINDOWS_S for metric in _survival(window)),
    Metric(
        "p_accept_mean",
        "P(accept), as predicted",
        ("predicted_p",),
        ("predicted",),
        "predicted",
        is_proportion=False,
    ),
    _acceptance("p_accept_observed", "P(accept), as it came", "predicted_full", "predicted"),
    Metric(
        "p_accept_brier",
        "P(accept), mean squared error (Brier)",
        ("predicted_error",),
        ("predicted",),
        "predicted",
        "ratio",
        is_proportion=False,
    ),
    Metric(
        "tokens_per_step",
        "Tokens / verification step",
        ("gen_tok",),
        ("steps",),
        "decoded",
        "ratio",
        is_proportion=False,
    ),
    Metric(
        "draft_acceptance",
        "Drafted tokens accepted",
        ("draft_ok_tok",),
        ("drafted_tok",),
        "decoded",
        is_proportion=False,
    ),
    Metric(
        "answered_without_model",
        "Answered from what was answered before",
        ("cached",),
        ("returned",),
        "returned",
    ),
    Metric(
        "prompt_reuse",
        "Prompt tokens reused",
        ("reused_tok",),
        ("prompt_tok",),
        "opportunities",
        is_proportion=False,
    ),
)
LATENCIES: Final = {"latency_p50_ms": 0.50, "latency_p90_ms": 0.90, "latency_p99_ms": 0.99}
BY_NAME: Final = {metric.name: metric for metric in METRICS}


def figure(metric: Metric, totals: Totals, drawn: Mapping[str, Floats] | None) -> Figure:
    """A metric of one group, from its sums and the same sums in each bootstrap draw of users.

    `drawn` is None where there are too few users to draw from; a ratio then has no interval.
    """
    observed = int(totals[metric.count])
    value = metric.value(totals)
    if value is None:
        return Figure(None, observed, censored_share=_censored_share(metric, totals))
    interval = _interval(metric, totals, drawn)
    events = _sum(totals, metric.events)
    return Figure(
        value=value,
        n=observed,
        low=interval[0] if interval else None,
        high=interval[1] if interval else None,
        censored_share=_censored_share(metric, totals),
        inferred_share=_sum(totals, metric.inferred) / events if events else 0.0,
    )


def _interval(
    metric: Metric, totals: Totals, drawn: Mapping[str, Floats] | None
) -> tuple[float, float] | None:
    if metric.is_proportion:
        return wilson(_sum(totals, metric.numerator), _sum(totals, metric.denominator))
    return None if drawn is None else percentile_interval(samples(metric, drawn))


def samples(metric: Metric, drawn: Mapping[str, Floats]) -> Floats:
    """The metric in each bootstrap draw in which it is defined."""
    numerator, denominator = (
        np.sum([drawn[name] for name in names], axis=0)
        for names in (metric.numerator, metric.denominator)
    )
    defined = denominator > 0
    ratios: Floats = numerator[defined] / denominator[defined]
    return ratios


def _censored_share(metric: Metric, totals: Totals) -> float:
    if metric.censored is None:
        return 0.0
    censored = max(totals[metric.censored], 0.0)
    everything = censored + totals[metric.count]
    return censored / everything if everything else 0.0


def latency_figures(ordered: Floats) -> dict[str, Figure]:
    """Percentiles of the time from request to reply, from sorted milliseconds."""
    if len(ordered) == 0:
        return {name: Figure(None, 0) for name in LATENCIES}
    return {
        name: Figure(value, len(ordered), low, high)
        for name, share in LATENCIES.items()
        for value, low, high in [quantile_interval(ordered, share)]
    }
