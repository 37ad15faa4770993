"""How figures read: one way for the terminal and the page."""

from __future__ import annotations

from typing import Final

from telemetry.report.metrics import BY_NAME, Figure, Unit

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


def title(name: str) -> str:
    """What a metric is called."""
    return BY_NAME[name].title if name in BY_NAME else LATENCY_TITLES[name]


def unit(name: str) -> Unit:
    """What a metric is counted in."""
    return BY_NAME[name].unit if name in BY_NAME else "ms"


def value(name: str, number: float | None) -> str:
    """A number of this metric."""
    return "–" if number is None else number_in(unit(name), number)


def number_in(kind: Unit, number: float) -> str:
    """A number in a unit: per cent, milliseconds or plain."""
    if kind == "ms":
        return f"{number:,.0f} ms" if number >= 10 else f"{number:.1f} ms"
    if kind == "share":
        return f"{100 * number:.1f} %" if number < 1 else f"{100 * number:.0f} %"
    return f"{number:.2f}"


def interval(name: str, figure: Figure) -> str:
    """The 95 % interval, or nothing where there is none."""
    if figure.low is None or figure.high is None:
        return ""
    return f"{value(name, figure.low)} to {value(name, figure.high)}"


def share(number: float) -> str:
    """A share of observations, blank if there are none."""
    return f"{100 * number:.1f} %" if number else ""
