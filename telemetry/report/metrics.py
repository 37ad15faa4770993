"""The metrics, each a ratio of two sums, and how their values read.

"read" is shown for at least 750 ms, or accepted. Esc counts where a client has ever told one. A
distance d is Levenshtein's over the longer of both lengths, 1 if the text was removed or not found.
`ai` counts UTF-16 units that came from accepted suggestions, `typed` those typed by hand. A
commit's share counts visible characters, in commits whose predecessor was seen as well.

- CodeCompose: Murali et al. 2023 (Meta). CAR, wCAR, CPR: "Improving FIM code completions via
  context and curriculum based learning" (Sourcegraph). Unchanged, mostly unchanged: Ziegler et al.
  2022 (GitHub). ARC: VS Code's accepted and retained characters. PCW: Codeium, Cody. RoCC:
  JetBrains. CPO: characters per opportunity, Codeium.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Final, Literal

from telemetry.survival import WINDOWS_S

Unit = Literal["share", "ratio", "ms", "count"]
Totals = Mapping[str, float]


@dataclass(frozen=True, slots=True)
class Metric:
    """A ratio of sums. `count` is the sum that its `n` shows.

    `censored` and `inferred` name sums of lost and of inferred cases; the latter's share is of
    `events`.
    """

    name: str
    title: str
    numerator: tuple[str, ...]
    denominator: tuple[str, ...]
    count: str
    unit: Unit = "share"
    censored: str | None = None
    inferred: tuple[str, ...] = ()
    events: tuple[str, ...] = ()

    def value(self, totals: Totals) -> float | None:
        """The ratio, None without a denominator."""
        below = total(totals, self.denominator)
        return total(totals, self.numerator) / below if below > 0 else None

    @property
    def sums(self) -> tuple[str, ...]:
        """All sums that it needs."""
        censored = () if self.censored is None else (self.censored,)
        ratio = (*self.numerator, *self.denominator, self.count)
        return (*ratio, *censored, *self.inferred, *self.events)


def total(totals: Totals, names: tuple[str, ...]) -> float:
    """Sums added up."""
    return sum(totals[name] for name in names)


def _ratio(
    name: str, title: str, numerator: str, denominator: str, count: str = "", unit: Unit = "share"
) -> Metric:
    """A ratio of what the named sums, several with spaces between, add up to."""
    above, below = tuple(numerator.split()), tuple(denominator.split())
    return Metric(name, title, above, below, count or denominator, unit)


def _of_displays(metric: Metric) -> Metric:
    return replace(metric, inferred=("inferred_shown", "inferred_full"), events=("shown", "full"))


def _proportion(name: str, title: str, numerator: str, denominator: str) -> Metric:
    return _of_displays(_ratio(name, title, numerator, denominator))


def _survival(window: int) -> tuple[Metric, ...]:
    def metric(name: str, title: str, kept: str, of: str = "checked") -> Metric:
        return Metric(
            f"{name}_{window}",
            f"{title} after {window} s",
            (f"{kept}_{window}",),
            (f"{of}_{window}",),
            f"checked_{window}",
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


_MULTI: Final = ("accepted_len_multi", "accepted_len")
_CPO: Final = _ratio(
    "cpo", "Accepted characters / opportunity (CPO)", "accepted_len", "opportunities", "", "ratio"
)
_COMMITTED: Final = _ratio(
    *("commit_share", "Share of committed code from completions"),
    *("committed_ai", "committed", "commits"),
)
METRICS: Final[tuple[Metric, ...]] = (
    _proportion("codecompose", "Acceptance, shown ≥ 750 ms (CodeCompose)", "full_750", "shown_750"),
    _proportion("acceptance", "Acceptance", "full", "shown"),
    _proportion("car", "Accepted / read (CAR)", "full", "read"),
    _of_displays(
        _ratio("wcar", "Accepted / read, by characters (wCAR)", "accepted_len", "read_len", "read")
    ),
    _proportion("shown_rate", "Shown / opportunities", "shown", "opportunities"),
    _proportion("display_rate", "Shown / requested", "shown", "requested"),
    _proportion("explicit_cancel_rate", "Cancelled by Esc / shown where told", "esc", "esc_known"),
    _proportion("multi_shown", "Several lines / shown", "shown_multi", "shown"),
    _ratio("multi_accepted", "Characters in several lines / accepted", *_MULTI, "full"),
    _ratio("undone", "Undone within 30 s / accepted", "undone", "accepts"),
    replace(_CPO, inferred=("inferred_full",), events=("full",)),
    _ratio("saved", "Keystrokes saved: accepted / typed (CodeCompose)", "ai", "typed", "edits"),
    _ratio("google", "Accepted / (accepted + typed) characters", "ai", "ai typed", "edits"),
    _ratio("pcw", "Share of code written (PCW)", "ai chat", "ai chat typed auto_close", "edits"),
    _ratio("rocc", "Share of code completed (RoCC)", "ai ide", "ai ide typed auto_close", "edits"),
    replace(_COMMITTED, censored="commits_partly"),
    *(metric for window in WINDOWS_S for metric in _survival(window)),
    _ratio("p_accept_mean", "P(accept), as predicted", "predicted_p", "predicted"),
    _proportion("p_accept_observed", "P(accept), as it came", "predicted_full", "predicted"),
    _ratio("p_accept_brier", "P(accept), Brier score", "predicted_error", "predicted", "", "ratio"),
    _ratio("tokens_per_step", "Tokens / verification step", "gen_tok", "steps", "decoded", "ratio"),
    _ratio("draft_acceptance", "Drafted tokens accepted", "draft_ok_tok", "drafted_tok", "decoded"),
    _ratio("answered_without_model", "Answered from earlier answers", "cached", "returned"),
    _ratio("prompt_reuse", "Prompt tokens reused", "reused_tok", "prompt_tok", "opportunities"),
)
BY_NAME: Final = {metric.name: metric for metric in METRICS}
LESS_IS_BETTER: Final = frozenset({"explicit_cancel_rate", "undone", "p_accept_brier"})
SUMS: Final = tuple(dict.fromkeys(name for metric in METRICS for name in metric.sums))
# What has an interval in groups, too: sums by group and user are what a report takes its time for.
IN_GROUPS: Final = (
    *("codecompose", "acceptance", "wcar", "shown_rate", "cpo", "saved", "google"),
    *("tokens_per_step", "draft_acceptance"),
)
GROUP_SUMS: Final = tuple(
    dict.fromkeys(n for m in IN_GROUPS for n in (*BY_NAME[m].numerator, *BY_NAME[m].denominator))
)

LATENCIES: Final = {"latency_p50_ms": 0.50, "latency_p90_ms": 0.90, "latency_p99_ms": 0.99}
LATENCY_TITLES: Final = {
    "latency_p50_ms": "Latency, median",
    "latency_p90_ms": "Latency, 90 % within",
    "latency_p99_ms": "Latency, 99 % within",
}
HEADLINE: Final = (
    "codecompose",
    "saved",
    "google",
    "acceptance",
    "wcar",
    "cpo",
)
PERSISTENCE: Final = {
    "unchanged": "Unchanged",
    "mostly_unchanged": "Mostly unchanged",
    "cpr": "At least two thirds kept (CPR)",
    "still_in_code": "Still in code",
    "arc_ratio": "Characters never touched (ARC)",
}
HEADLINE_WINDOWS: Final = (30, 120, 300, 600)


_HEADINGS: Final = {"by_day": "by day (UTC)", "by_lines": "single against several lines"}


def heading_of(grouping: str) -> str:
    """What a table of groups is called, in lower case."""
    return _HEADINGS.get(grouping, grouping.replace("_", " "))


def title(name: str) -> str:
    """What a metric is called."""
    return BY_NAME[name].title if name in BY_NAME else LATENCY_TITLES[name]


def unit(name: str) -> Unit:
    """What a metric is counted in."""
    return BY_NAME[name].unit if name in BY_NAME else "ms"


def value(name: str, number: float | None) -> str:
    """A number of this metric."""
    return number_in(unit(name), number)


def number_in(kind: Unit, number: float | None) -> str:
    """A number in a unit: per cent, milliseconds or plain."""
    if number is None:
        return "–"
    if kind == "ms":
        return f"{number:,.0f} ms" if number >= 10 else f"{number:.1f} ms"
    if kind == "count":
        return f"{number:,.0f}"
    if kind == "share":
        return f"{100 * number:.1f} %" if number < 1 else f"{100 * number:.0f} %"
    return f"{number:.2f}"
