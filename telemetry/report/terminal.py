"""A report on the terminal."""

from __future__ import annotations

from collections.abc import Iterable

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from telemetry.report.build import Figures, Report
from telemetry.report.compare import Comparison, comparison_cells
from telemetry.report.experiment import Experiment
from telemetry.report.metrics import (
    HEADLINE,
    HEADLINE_WINDOWS,
    LATENCY_TITLES,
    PERSISTENCE,
    heading_of,
    title,
    value,
)
from telemetry.report.people import SPREAD, People
from telemetry.report.statistics import FEW, cells, interval, share

_GROUP_METRICS = {  # short: a table has to fit into 80 columns
    "codecompose": "≥ 750 ms",
    "acceptance": "accepted",
    "wcar": "wCAR",
    "mostly_unchanged_300": "kept 300 s",
    "latency_p50_ms": "median",
}
_AUTHORSHIP = (
    *("shown_rate", "display_rate", "car", "explicit_cancel_rate", "undone"),
    *("multi_shown", "multi_accepted", "pcw", "rocc", "commit_share"),
)
_SPEED = (
    *LATENCY_TITLES,
    *("tokens_per_step", "draft_acceptance", "prompt_reuse", "answered_without_model"),
)
_PREDICTION = ("p_accept_mean", "p_accept_observed", "p_accept_brier")


def render_terminal(report: Report, console: Console) -> None:
    """Print the headline, what persists, speed, and every grouping that has something to tell."""
    figures = report.overall
    console.print(f"{report.users:,} users in {report.files:,} files")
    for warning in warnings(report):
        console.print(f"[yellow]{escape(warning)}[/yellow]")
    console.print(headline(report))
    console.print(_table("Headline", figures, HEADLINE))
    console.print(_persistence(figures))
    console.print(_table("Display and authorship", figures, _AUTHORSHIP))
    console.print(_grid("People", ("", "", "95 % interval"), people_cells(report.people)))
    if report.people.persons:
        console.print(_persons(report.people))
    console.print(_table("Speed and speculation", figures, _SPEED))
    if figures["p_accept_mean"].n:
        console.print(_table("Predicted acceptance", figures, _PREDICTION))
    if report.finish_reasons:
        rows = [(name, *cells("acceptance", f)[:3]) for name, f in report.finish_reasons.items()]
        console.print(_grid("How requests ended", ("reason", "share", "95 % interval", "n"), rows))
    for grouping, groups in report.groups.items():
        if len(groups) > 1:
            name = heading_of(grouping)
            console.print(_group_table(name[0].upper() + name[1:], groups))
    if report.experiment is not None:
        console.print(escape("\n".join(experiment_lines(report.experiment))))
        for comparison in report.experiment.comparisons:
            console.print(_comparison(comparison))
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


def headline(report: Report) -> str:
    """The first two figures and what they are of, as the authors of CodeCompose say them."""
    shown, typed = report.overall["codecompose"], report.overall["saved"]
    days = len(report.people.by_day)
    return (
        f"{value('codecompose', shown.value)} of {shown.n:,} suggestions shown for 750 ms or more "
        f"were accepted; {value('saved', typed.value)} as much was accepted as was typed, by "
        f"{report.users:,} people in {days:,} days."
    )


def people_cells(found: People) -> Iterable[tuple[str, str, str]]:
    """What is known of people, in words: title, value, interval or quartiles."""
    weeks = list(found.by_week.values())
    busiest = max(found.by_day.values(), default=0)
    yield "Active on the busiest day", f"{busiest:,}", ""
    yield "Active in the last week", f"{weeks[-1] if weeks else 0:,}", ""
    adopted = value("acceptance", found.adopted.value), interval("acceptance", found.adopted)
    yield "Have accepted a suggestion", *adopted
    if found.days_to_first is not None:
        yield "Days to the first accepted one, median", f"{found.days_to_first:.0f}", ""
    for weeks_later, figure in found.retention.items():
        if figure.value is not None:
            shares = value("acceptance", figure.value), interval("acceptance", figure)
            yield f"Active again, weeks later: {weeks_later}", *shares
    for name, spread in found.spread.items():
        low, median, high = (value(name, n) for n in (spread.low, spread.median, spread.high))
        quartiles = FEW if spread.low is None else f"quartiles {low} to {high}"
        yield f"{title(name)}: the median person", median, quartiles


def experiment_lines(found: Experiment) -> Iterable[str]:
    """What came of an experiment, in words."""
    yield f"Experiment {found.name}, decided by {title(found.primary)}"
    for arm, count in found.people.items():
        own = found.figures[arm]
        values = value(found.primary, own.value), interval(found.primary, own)
        yield f"{arm}: {count:,} people, {values[0]}" + (f" ({values[1]})" if values[1] else "")
    yield from (found.verdict, *found.warnings)


def _persons(found: People) -> Table:
    rows = [
        (name, f"{own['shown'] or 0:,.0f}", *(value(metric, own[metric]) for metric in SPREAD))
        for name, own in sorted(found.persons.items(), key=lambda item: -(item[1]["shown"] or 0))
    ]
    return _grid("Everybody", ("", "shown", *map(title, SPREAD)), rows)


def _grid(
    name: str, columns: Iterable[str], rows: Iterable[Iterable[str]], caption: str | None = None
) -> Table:
    """A table whose first column names the row."""
    first, *others = columns
    table = Table(title=escape(name), title_justify="left", caption=caption, caption_justify="left")
    table.add_column(escape(first))
    for column in others:
        table.add_column(escape(column), justify="right")
    for own, *rest in rows:
        table.add_row(escape(own), *rest)
    return table


def _table(name: str, figures: Figures, names: Iterable[str]) -> Table:
    columns = ("metric", "value", "95 % interval", "n", "people", "censored", "inferred")
    return _grid(name, columns, ((title(name), *cells(name, figures[name])) for name in names))


def _persistence(figures: Figures) -> Table:
    def row(name: str, heading: str) -> tuple[str, ...]:
        keys = [f"{name}_{window}" for window in HEADLINE_WINDOWS]
        found = [(value(key, figures[key].value), interval(key, figures[key])) for key in keys]
        return heading, *(f"{text}\n[dim]{range_}[/dim]" for text, range_ in found)

    columns = ("metric", *(f"{window} s" for window in HEADLINE_WINDOWS))
    rows = (row(name, heading) for name, heading in PERSISTENCE.items())
    table = _grid("Persistence of accepted text, by time since", columns, rows)
    counted = [figures[f"unchanged_{window}"] for window in HEADLINE_WINDOWS]
    table.add_section()
    table.add_row("n", *(f"{figure.n:,}" for figure in counted))
    table.add_row("censored", *(share(figure.censored_share) for figure in counted))
    return table


def _group_table(name: str, groups: dict[str, Figures]) -> Table:
    def row(group: str, figures: Figures) -> tuple[str, ...]:
        values = [value(n, figures[n].value) if n in figures else "–" for n in _GROUP_METRICS]
        return group, *values, f"{figures['acceptance'].n:,}"

    table = _grid(
        name, ("", *_GROUP_METRICS.values(), "n shown"), (row(*each) for each in groups.items())
    )
    for column in table.columns:
        column.no_wrap = True
    return table


def _comparison(comparison: Comparison) -> Table:
    a, b = comparison.arm_a, comparison.arm_b
    rows = (
        (name, *numbers, f"{low} to {high}", p_value)
        for name, *numbers, low, high, p_value in comparison_cells(comparison)
    )
    return _grid(
        f"{b} ({comparison.users_b:,} users) against {a} ({comparison.users_a:,} users)",
        ("metric", a, b, "difference", "95 % interval", "p"),
        rows,
        f"p is corrected for all metrics but the primary one (Holm). {comparison.power}",
    )
