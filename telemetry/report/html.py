"""A report as one HTML file: works offline, asks nobody for anything, prints."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from functools import partial
from html import escape
from importlib.resources import files
from pathlib import Path
from typing import Final

from telemetry.report.build import Figures, Report
from telemetry.report.charts import Series, bar_chart, line_chart
from telemetry.report.compare import Comparison, comparison_cells
from telemetry.report.metrics import (
    HEADLINE,
    HEADLINE_WINDOWS,
    LATENCY_TITLES,
    Unit,
    heading_of,
    number_in,
    title,
    value,
)
from telemetry.report.people import People
from telemetry.report.statistics import Figure, cells, interval
from telemetry.report.terminal import experiment_lines, headline, people_cells, warnings
from telemetry.survival import WINDOWS_S

_TILES: Final = (
    *HEADLINE[:3],
    "latency_p50_ms",
    *(f"mostly_unchanged_{window}" for window in HEADLINE_WINDOWS),
)
_SPEED_BARS: Final[tuple[tuple[str, str, Unit], ...]] = (
    ("Tokens per step by draft source", "tokens_per_step", "ratio"),
    ("Drafted tokens accepted by draft source", "draft_acceptance", "share"),
)
_TRENDS: Final[tuple[tuple[str, Unit, dict[str, str]], ...]] = (
    ("Acceptance by day", "share", {"Shown ≥ 750 ms": "codecompose", "By characters": "wcar"}),
    ("Share of characters from completions", "share", {"Accepted / all written": "google"}),
    ("Latency by day", "ms", dict(zip(("p50", "p90", "p99"), LATENCY_TITLES, strict=True))),
    ("Tokens per verification step", "ratio", {"Tokens per step": "tokens_per_step"}),
    ("Drafted tokens that were accepted", "share", {"Accepted / drafted": "draft_acceptance"}),
)
_PERSISTENCE: Final = {
    "Unchanged": "unchanged",
    "Mostly": "mostly_unchanged",
    "In code": "still_in_code",
    "Untouched": "arc_ratio",
}
_TITLE: Final = "Code completion report"
_OFTEN_ONE: Final = ("by_exit_mode", "by_distribution")  # shown where there are several
_MOST_BARS: Final = 15
_NOTHING: Final = Figure(None, 0)


def write_html(report: Report, path: Path) -> None:
    """Write the page."""
    path.write_text(to_html(report), encoding="utf-8")


def is_report(path: Path) -> bool:
    """Whether a file is such a page."""
    try:
        with path.open("rb") as file:
            return f"<title>{_TITLE}</title>".encode() in file.read(1000)
    except OSError:
        return False


def to_html(report: Report) -> str:
    """The page as text."""
    style = files("telemetry.report").joinpath("report.css").read_text("utf-8")
    made = datetime.now(UTC).strftime("%Y-%m-%d %H:%M UTC")
    return (
        '<!doctype html>\n<html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        # Even if a name in the data were markup, the browser would load and run nothing.
        '<meta http-equiv="Content-Security-Policy" content="default-src \'none\'; '
        "style-src 'unsafe-inline'\">"
        f"<title>{_TITLE}</title><style>{style}</style></head><body>"
        f"{''.join(_sections(report, made))}</body></html>\n"
    )


def _sections(report: Report, made: str) -> Iterable[str]:
    days = list(report.groups["by_day"])
    span = f"{days[0]} to {days[-1]}" if days else "no events yet"
    yield "<header><h1>Code completion report</h1>"
    yield f'<p class="quiet">{span} · {report.users:,} users · made {made}. '
    yield "Ranges are 95 % intervals; n is the number of observations.</p></header>"
    yield from (f'<p class="warning">{escape(line)}</p>' for line in warnings(report))
    yield f"<p>{escape(headline(report))}</p>"
    tiles = "".join(_tile(name, report.overall[name]) for name in _TILES)
    yield f'<div class="tiles">{tiles}</div>'
    yield f'<h2>Trends and persistence</h2><div class="charts">{_trends(report)}</div>'
    yield f'<h2>Where it helps</h2><div class="charts">{_comparisons(report)}</div>'
    yield f'<h2>Who uses it</h2><div class="charts">{_people(report.people)}</div>'
    if report.experiment is not None:
        lines = "".join(f"<p>{escape(line)}</p>" for line in experiment_lines(report.experiment))
        yield f"<h2>{escape(report.experiment.name)}</h2>{lines}"
        yield from map(_comparison, report.experiment.comparisons)
    if report.comparison is not None:
        yield _comparison(report.comparison)
    yield "<h2>All figures</h2>" + _all_figures(report.overall)


def _tile(name: str, figure: Figure) -> str:
    range_ = interval(name, figure)
    return (
        f'<div class="tile"><span class="quiet">{escape(title(name))}</span>'
        f"<b>{value(name, figure.value)}</b>"
        f'<span class="quiet">{range_}{" · " if range_ else ""}'
        f'<span class="n">n {figure.n:,}</span></span></div>'
    )


def _trends(report: Report) -> str:
    by_day = report.groups["by_day"]
    windows = [
        Series(label, [report.overall[f"{name}_{window}"] for window in WINDOWS_S])
        for label, name in _PERSISTENCE.items()
    ]
    charts = [
        _lines(
            heading,
            [day[5:] for day in by_day],
            [
                Series(label, [figures.get(name, _NOTHING) for figures in by_day.values()])
                for label, name in names.items()
            ],
            kind,
        )
        for heading, kind, names in _TRENDS
    ]
    places = [f"{window} s" for window in WINDOWS_S]
    persistence = _lines("Persistence of accepted text", places, windows, "share", WINDOWS_S)
    charts.insert(1, persistence)
    return "".join(charts)


def _lines(
    heading: str,
    places: Sequence[str],
    series: Sequence[Series],
    kind: Unit,
    at: Sequence[float] | None = None,
) -> str:
    rows = [
        (f"{one.name}, {place}", kind, figure)
        for one in series
        for place, figure in zip(places, one.figures, strict=True)
    ]
    return _figure(heading, line_chart(heading, places, series, partial(_tick, kind), at), rows)


def _tick(kind: Unit, number: float) -> str:
    if kind == "share":
        return f"{100 * number:.0f} %"
    return f"{number:.1f}" if kind == "ratio" else number_in(kind, number)


def _comparisons(report: Report) -> str:
    parts = []
    for grouping, groups in report.groups.items():
        if grouping != "by_day" and len(groups) > (grouping in _OFTEN_ONE):
            rows = [(name, figures["codecompose"]) for name, figures in groups.items()]
            by = heading_of(grouping)
            parts.append(_bars(f"Acceptance{' ' if by[:3] == 'by ' else ', '}{by}", rows, "share"))
    for name, metric, kind in _SPEED_BARS:
        rows = [(name, f[metric]) for name, f in report.groups["by_draft_source"].items()]
        if rows:
            parts.append(_bars(name, rows, kind))
    for name, figures in report.groups["by_model"].items():
        rows = [(t.removeprefix("Latency, "), figures[key]) for key, t in LATENCY_TITLES.items()]
        parts.append(_bars(f"Latency, {name}", rows, "ms"))
    if report.finish_reasons:
        parts.append(_bars("How requests ended", list(report.finish_reasons.items()), "share"))
    return "".join(parts)


def _people(found: People) -> str:
    active = [Series("People", [Figure(count, count) for count in found.by_day.values()])]
    chart = _lines("Active people by day", [day[5:] for day in found.by_day], active, "count")
    rows = [tuple(map(escape, row)) for row in people_cells(found)]
    return f"{chart}<figure><h3>People</h3>{_table(('', '', '95 % interval'), rows)}</figure>"


def _bars(heading: str, rows: Sequence[tuple[str, Figure]], kind: Unit) -> str:
    """The groups with the most observations; the terminal and `--json` have them all."""
    rows = sorted(rows, key=lambda row: -row[1].n)[:_MOST_BARS]
    chart = bar_chart(heading, rows, partial(number_in, kind))
    return _figure(heading, chart, [(name, kind, figure) for name, figure in rows])


def _figure(heading: str, chart: str, rows: Sequence[tuple[str, Unit, Figure]]) -> str:
    table = _table(
        ("", "value", "low", "high", "n"),
        (
            (
                escape(name),
                *(number_in(kind, number) for number in (figure.value, figure.low, figure.high)),
                f"{figure.n:,}",
            )
            for name, kind, figure in rows
        ),
    )
    return (
        f"<figure><h3>{escape(heading)}</h3>{chart}<details><summary>Numbers</summary>"
        f"{table}</details></figure>"
    )


def _table(head: Sequence[str], rows: Iterable[Sequence[str]], kind: str = "") -> str:
    """A table of cells that are HTML already; the first of a row names it."""
    heads = "".join(f'<th scope="col">{name}</th>' for name in head)
    lines = (
        f'<tr><th scope="row">{first}</th>'
        + "".join(
            f'<td data-name="{n}">{cell}</td>' for n, cell in zip(head[1:], rest, strict=True)
        )
        + "</tr>"
        for first, *rest in rows
    )
    return (
        f'<div class="scroll"><table class="{kind}"><thead><tr>{heads}</tr></thead>'
        f"<tbody>{''.join(lines)}</tbody></table></div>"
    )


def _comparison(comparison: Comparison) -> str:
    a, b = escape(comparison.arm_a), escape(comparison.arm_b)
    head = ("metric", a, b, "difference", "low", "high", "p")
    rows = ((escape(name), *numbers) for name, *numbers in comparison_cells(comparison))
    return (
        f"<h2>{b} against {a}</h2><p class='quiet'>{comparison.users_b:,} against "
        f"{comparison.users_a:,} users; p is corrected for all metrics but the primary one (Holm). "
        f"{escape(comparison.power)}</p>{_table(head, rows)}"
    )


def _all_figures(figures: Figures) -> str:
    head = ("metric", "value", "95 % interval", "n", "people", "censored", "inferred")
    rows = ((escape(title(name)), *cells(name, figure)) for name, figure in figures.items())
    return _table(head, rows, "all")
