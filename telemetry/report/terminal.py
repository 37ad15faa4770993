"""A report on the terminal."""

from __future__ import annotations

from collections.abc import Iterable

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from telemetry.report.build import Figures, Report
from telemetry.report.compare import Comparison, comparison_cells
from telemetry.report.metrics import (
    HEADLINE,
    HEADLINE_WINDOWS,
    LATENCY_TITLES,
    PERSISTENCE,
    heading_of,
    title,
    value,
)
from telemetry.report.statistics import cells, interval, share

_GROUP_METRICS = {  # short: a table has to fit into 80 columns
    "codecompose": "≥ 750 ms",
    "acceptance": "accepted",
    "wcar": "wCAR",
    "mostly_unchanged_300": "kept 300 s",
    "latency_p50_ms": "median",
}
_AUTHORSHIP = (
    "shown_rate",
    "display_rate",
    "car",
    "explicit_cancel_rate",
    "pcw",
    "rocc",
    "commit_share",
)
_SPEED = (
    *LATENCY_TITLES,
    "tokens_per_step",
    "draft_acceptance",
    "prompt_reuse",
    "answered_without_model",
)
_PREDICTION = ("p_accept_mean", "p_accept_observed", "p_accept_brier")


def render_terminal(report: Report, console: Console) -> None:
    """Print the headline, what persists, speed, and every grouping that has something to tell."""
    figures = report.overall
    console.print(f"{report.users:,} users in {report.files:,} files")
    for warning in warnings(report):
        console.print(f"[yellow]{escape(warning)}[/yellow]")
    console.print(_table("Headline", figures, HEADLINE))
    console.print(_persistence(figures))
    console.print(_table("Display and authorship", figures, _AUTHORSHIP))
    console.print(_table("Speed and speculation", figures, _SPEED))
    if figures["p_accept_mean"].n:
        console.print(_table("Predicted acceptance", figures, _PREDICTION))
    if report.finish_reasons:
        console.print(_finish(report.finish_reasons))
    for grouping, groups in report.groups.items():
        if len(groups) > 1:
            name = heading_of(grouping)
            console.print(_group_table(name[0].upper() + name[1:], groups))
    if report.comparison is not None:
        console.print(_comparison(report.comparison))


def warnings(report: Report) -> list[str]:
    """What a reader must know about what is not in the figures."""
    lines = [f"{name} was left out: {why}" for name, why in report.skipped.items()]
    if report.gaps:
        lost = ", ".join(f"{count:,} {reason}" for reason, count in sorted(report.gaps.items()))
        lines.append(f"Events that were lost and are missing here: {lost}.")
    if report.late_checks:
        lines.append(
            f"{report.late_checks:,} checks of persistence came too late for their window "
            "and are left out."
        )
    if report.split_displays:
        lines.append(
            f"{report.split_displays:,} suggestions are from before display sessions: typing along "
            "a text made one with every key, so acceptance is too low and shown too high."
        )
    if report.silent:
        lines.append(
            f"{report.silent:,} suggestions went to callers that never report what becomes of them "
            "(scripts, curl), and are left out of acceptance."
        )
    return lines


def _table(name: str, figures: Figures, names: Iterable[str]) -> Table:
    table = Table(title=name, title_justify="left")
    table.add_column("metric")
    for column in ("value", "95 % interval", "n", "people", "censored", "inferred"):
        table.add_column(column, justify="right")
    for name in names:
        table.add_row(title(name), *cells(name, figures[name]))
    return table


def _persistence(figures: Figures) -> Table:
    table = Table(title="Persistence of accepted text, by time since", title_justify="left")
    table.add_column("metric")
    for window in HEADLINE_WINDOWS:
        table.add_column(f"{window} s", justify="right")
    for name, heading in PERSISTENCE.items():
        keys = [f"{name}_{window}" for window in HEADLINE_WINDOWS]
        values = [value(key, figures[key].value) for key in keys]
        ranges = [interval(key, figures[key]) for key in keys]
        table.add_row(
            heading,
            *(f"{text}\n[dim]{range_}[/dim]" for text, range_ in zip(values, ranges, strict=True)),
        )
    counted = [figures[f"unchanged_{window}"] for window in HEADLINE_WINDOWS]
    table.add_section()
    table.add_row("n", *(f"{figure.n:,}" for figure in counted))
    table.add_row("censored", *(share(figure.censored_share) for figure in counted))
    return table


def _group_table(name: str, groups: dict[str, Figures]) -> Table:
    table = Table(title=name, title_justify="left")
    table.add_column("", no_wrap=True)
    for short in (*_GROUP_METRICS.values(), "n shown"):
        table.add_column(short, justify="right", no_wrap=True)
    for group, figures in groups.items():
        values = [value(n, figures[n].value) if n in figures else "–" for n in _GROUP_METRICS]
        table.add_row(escape(group), *values, f"{figures['acceptance'].n:,}")
    return table


def _finish(reasons: Figures) -> Table:
    table = Table(title="How requests ended", title_justify="left")
    for column in ("reason", "share", "95 % interval", "n"):
        table.add_column(column, justify="left" if column == "reason" else "right")
    for reason, figure in reasons.items():
        table.add_row(escape(reason), *cells("acceptance", figure)[:3])
    return table


def _comparison(comparison: Comparison) -> Table:
    a, b = comparison.arm_a, comparison.arm_b
    table = Table(
        title=f"{escape(b)} ({comparison.users_b:,} users) against "
        f"{escape(a)} ({comparison.users_a:,} users)",
        title_justify="left",
        caption=f"p is corrected for all metrics but the primary one (Holm). {comparison.power}",
        caption_justify="left",
    )
    for column in ("metric", a, b, "difference", "95 % interval", "p"):
        table.add_column(escape(column), justify="left" if column == "metric" else "right")
    for name, *numbers, low, high, p_value in comparison_cells(comparison):
        table.add_row(name, *numbers, f"{low} to {high}", p_value)
    return table
