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
from telemetry.report.compare import Comparison
from telemetry.report.metrics import (
    HEADLINE,
    HEADLINE_WINDOWS,
    LATENCY_TITLES,
    METRICS,
    Unit,
    heading_of,
    number_in,
    title,
    value,
)
from telemetry.report.statistics import Figure, cells, interval
from telemetry.report.sums import UNCLUSTERED
from telemetry.report.terminal import warnings
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
_TITLE: Final = "Code completion report"
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
    tiles = "".join(_tile(name, report.overall[name]) for name in _TILES)
    yield f'<div class="tiles">{tiles}</div>'
    yield f'<h2>Trends and persistence</h2><div class="charts">{_trends(report)}</div>'
    yield f'<h2>Where it helps</h2><div class="charts">{_comparisons(report)}</div>'
    if report.comparison is not None:
        yield _experiment(report.comparison)
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
    days = [day[5:] for day in by_day]
    acceptance = [
        _series("Shown ≥ 750 ms", by_day.values(), "codecompose"),
        _series("By characters", by_day.values(), "wcar"),
    ]
    share_written = [_series("Accepted / all written", by_day.values(), "google")]
    latency = [
        _series(label, by_day.values(), name)
        for label, name in zip(("p50", "p90", "p99"), LATENCY_TITLES, strict=True)
    ]
    speculation = [_series("Tokens per step", by_day.values(), "tokens_per_step")]
    drafts = [_series("Accepted / drafted", by_day.values(), "draft_acceptance")]
    return "".join(
        [
            _lines("Acceptance by day", days, acceptance, "share"),
            _lines("Persistence of accepted text", _windows(), _persistence(report), "share"),
            _lines("Share of characters from completions", days, share_written, "share"),
            _lines("Latency by day", days, latency, "ms"),
            _lines("Tokens per verification step", days, speculation, "ratio"),
            _lines("Drafted tokens that were accepted", days, drafts, "share"),
        ]
    )


def _series(label: str, groups: Iterable[Figures], name: str) -> Series:
    return Series(label, [figures.get(name, _NOTHING) for figures in groups])


def _windows() -> list[str]:
    return [f"{window} s" for window in WINDOWS_S]


def _persistence(report: Report) -> list[Series]:
    names = {
        "Unchanged": "unchanged",
        "Mostly": "mostly_unchanged",
        "In code": "still_in_code",
        "Untouched": "arc_ratio",
    }
    return [
        Series(label, [report.overall[f"{name}_{window}"] for window in WINDOWS_S])
        for label, name in names.items()
    ]


def _lines(heading: str, places: Sequence[str], series: Sequence[Series], kind: Unit) -> str:
    rows = [
        (f"{one.name}, {place}", kind, figure)
        for one in series
        for place, figure in zip(places, one.figures, strict=True)
    ]
    return _figure(heading, line_chart(heading, places, series, partial(_tick, kind)), rows)


def _tick(kind: Unit, number: float) -> str:
    if kind == "ratio":
        return f"{number:.1f}"
    return f"{100 * number:.0f} %" if kind == "share" else f"{number:,.0f} ms"


def _comparisons(report: Report) -> str:
    parts = []
    for grouping, groups in report.groups.items():
        if grouping != "by_day" and len(groups) > (grouping in UNCLUSTERED):  # most have but one
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


def _bars(heading: str, rows: Sequence[tuple[str, Figure]], kind: Unit) -> str:
    """The groups with the most observations; the terminal and `--json` have them all."""
    rows = sorted(rows, key=lambda row: -row[1].n)[:_MOST_BARS]
    chart = bar_chart(heading, rows, partial(number_in, kind))
    return _figure(heading, chart, [(name, kind, figure) for name, figure in rows])


def _figure(heading: str, chart: str, rows: Sequence[tuple[str, Unit, Figure]]) -> str:
    cells = "".join(
        f"<tr><td>{escape(name)}</td><td>{_number(kind, figure.value)}</td>"
        f"<td>{_number(kind, figure.low)}</td><td>{_number(kind, figure.high)}</td>"
        f"<td>{figure.n:,}</td></tr>"
        for name, kind, figure in rows
    )
    return (
        f"<figure><h3>{escape(heading)}</h3>{chart}<details><summary>Numbers</summary>"
        f'<div class="scroll"><table><tr><th></th><th>value</th><th>low</th><th>high</th>'
        f"<th>n</th></tr>{cells}</table></div></details></figure>"
    )


def _number(kind: Unit, number: float | None) -> str:
    return "–" if number is None else number_in(kind, number)


def _experiment(comparison: Comparison) -> str:
    rows = []
    for metric in METRICS:
        row = comparison.metrics[metric.name]
        if row.difference is not None:
            numbers = (row.a, row.b, row.difference, row.low, row.high)
            cells = "".join(f"<td>{value(metric.name, number)}</td>" for number in numbers)
            p_value = "–" if row.p_value is None else f"{row.p_value:.3f}"
            rows.append(f"<tr><td>{escape(metric.title)}</td>{cells}<td>{p_value}</td></tr>")
    a, b = escape(comparison.arm_a), escape(comparison.arm_b)
    return (
        f"<h2>{b} against {a}</h2><p class='quiet'>{comparison.users_b:,} against "
        f"{comparison.users_a:,} users; the bootstrap draws users.</p>"
        f'<div class="scroll"><table><tr><th>metric</th><th>{a}</th><th>{b}</th>'
        f"<th>difference</th><th>low</th><th>high</th><th>p</th></tr>{''.join(rows)}</table></div>"
    )


def _all_figures(figures: Figures) -> str:
    rows = "".join(
        f"<tr><td>{escape(title(name))}</td>"
        + "".join(f"<td>{cell}</td>" for cell in cells(name, figure))
        + "</tr>"
        for name, figure in figures.items()
    )
    return (
        '<div class="scroll"><table><tr><th>metric</th><th>value</th><th>95 % interval</th>'
        f"<th>n</th><th>censored</th><th>inferred</th></tr>{rows}</table></div>"
    )
