"""Charts as SVG text: drawn here, coloured by the page's style sheet, readable without colour.

Sizes are in the units of a box 380 wide, about the width of a phone, so that lettering keeps its
size when the page is narrow.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from html import escape
from typing import Final

from telemetry.report.statistics import Figure

Format = Callable[[float], str]

WIDTH: Final = 380
_LEFT, _RIGHT, _TOP, _BOTTOM = 46, 10, 8, 22
_LINE_HEIGHT: Final = 190
_BAR_HEIGHT: Final = 32


@dataclass(frozen=True, slots=True)
class Series:
    """A named row of figures, one for each place on the x axis."""

    name: str
    figures: Sequence[Figure]


def line_chart(
    title: str,
    places: Sequence[str],
    series: Sequence[Series],
    show: Format,
    at: Sequence[float] | None = None,
) -> str:
    """Figures over an ordered axis, with their intervals as bands.

    `at` is where the places lie, from 0; without it they are evenly spaced.
    """
    at = range(len(places)) if at is None else at
    top = _nice_top(max((_high(figure) for s in series for figure in s.figures), default=0.0))
    x = [_LEFT + (WIDTH - _LEFT - _RIGHT) * _share(place, at) for place in at]

    def y(value: float) -> float:
        return _TOP + (_LINE_HEIGHT - _TOP - _BOTTOM) * (1 - value / top)

    parts = [_grid(top, y, show), _places(places, x)]
    for index, one in enumerate(series):
        parts += [_band(index, one.figures, x, y), _line(index, one, x, y, show)]
    return _svg(title, _LINE_HEIGHT + 18, [*parts, _legend(series)])


def bar_chart(title: str, rows: Sequence[tuple[str, Figure]], show: Format) -> str:
    """Figures side by side, with their intervals as whiskers and their n beside the name."""
    top = _nice_top(max((_high(figure) for _, figure in rows), default=0.0))
    name_width, value_width = 128, 52
    scale = (WIDTH - name_width - value_width) / top
    parts = []
    for index, (name, figure) in enumerate(rows):
        middle = index * _BAR_HEIGHT + _BAR_HEIGHT / 2
        label = name if len(name) <= 18 else f"{name[:17]}…"
        parts.append(_text(0, middle - 1, label) + _text(0, middle + 10, f"n {figure.n:,}", "tick"))
        parts.append(_bar(figure, name_width, middle, scale))
        value = "–" if figure.value is None else show(figure.value)
        parts.append(_text(WIDTH, middle + 4, value, anchor="end"))
    return _svg(title, len(rows) * _BAR_HEIGHT + 4, parts)


def _bar(figure: Figure, left: float, middle: float, scale: float) -> str:
    if figure.value is None:
        return ""
    bar = (
        f'<rect class="fill0" x="{left}" y="{middle - 6:.1f}" height="12" '
        f'width="{max(figure.value * scale, 0.5):.1f}"/>'
    )
    if figure.low is None or figure.high is None:
        return bar
    return bar + _rule(left + figure.low * scale, middle, left + figure.high * scale, middle)


def _rule(x1: float, y1: float, x2: float, y2: float, kind: str = "whisker") -> str:
    return f'<line class="{kind}" x1="{x1:.1f}" y1="{y1:.1f}" x2="{x2:.1f}" y2="{y2:.1f}"/>'


def _text(x: float, y: float, text: str, kind: str = "", anchor: str = "start") -> str:
    return (
        f'<text class="{kind}" x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}">{escape(text)}</text>'
    )


def _grid(top: float, y: Callable[[float], float], show: Format) -> str:
    steps = 4 if f"{top:e}"[0] in "248" else 5  # so that the levels are round numbers too
    levels = [top * step / steps for step in range(steps + 1)]
    return "".join(
        _rule(_LEFT, y(level), WIDTH - _RIGHT, y(level), "axis")
        + _text(_LEFT - 6, y(level) + 4, show(level), "tick", "end")
        for level in levels
    )


def _places(places: Sequence[str], x: Sequence[float]) -> str:
    """As many of the x axis's labels as fit."""
    width = max((len(place) for place in places), default=1) * 6 + 14
    labels, free_from = [], -math.inf
    for place, middle in zip(places, x, strict=True):
        if middle >= free_from:
            labels.append(_text(middle, _LINE_HEIGHT - 6, place, "tick", "middle"))
            free_from = middle + width
    return "".join(labels)


def _band(
    index: int, figures: Sequence[Figure], x: Sequence[float], y: Callable[[float], float]
) -> str:
    known = [
        (at, figure.low, figure.high)
        for at, figure in zip(x, figures, strict=True)
        if figure.low is not None and figure.high is not None
    ]
    if len(known) < 2:
        return ""
    upper = [f"{at:.1f},{y(high):.1f}" for at, _, high in known]
    lower = [f"{at:.1f},{y(low):.1f}" for at, low, _ in reversed(known)]
    return f'<polygon class="band fill{index}" points="{" ".join(upper + lower)}"/>'


def _line(
    index: int, series: Series, x: Sequence[float], y: Callable[[float], float], show: Format
) -> str:
    known = [
        (at, figure)
        for at, figure in zip(x, series.figures, strict=True)
        if figure.value is not None
    ]
    points = " ".join(f"{at:.1f},{y(figure.value or 0):.1f}" for at, figure in known)
    dots = "".join(
        f'<circle class="fill{index}" cx="{at:.1f}" cy="{y(figure.value or 0):.1f}" r="2.5">'
        f"<title>{escape(series.name)}: {escape(show(figure.value or 0))}, n {figure.n:,}</title>"
        "</circle>"
        for at, figure in known
    )
    return f'<polyline class="line stroke{index}" points="{points}"/>{dots}'


def _legend(series: Sequence[Series]) -> str:
    width = (WIDTH - 8) / max(len(series), 1)
    return "".join(
        f'<line class="line stroke{i}" x1="{i * width:.1f}" y1="{_LINE_HEIGHT + 6}" '
        f'x2="{i * width + 18:.1f}" y2="{_LINE_HEIGHT + 6}"/>'
        + _text(i * width + 22, _LINE_HEIGHT + 10, one.name)
        for i, one in enumerate(series)
    )


def _svg(title: str, height: float, parts: Sequence[str]) -> str:
    return (
        f'<svg viewBox="0 0 {WIDTH} {height:.0f}" role="img" aria-label="{escape(title)}">'
        f"{''.join(parts)}</svg>"
    )


def _high(figure: Figure) -> float:
    return max(figure.value or 0.0, figure.high or 0.0)


def _share(place: float, places: Sequence[float]) -> float:
    return place / places[-1] if len(places) > 1 else 0.5


def _nice_top(highest: float) -> float:
    """The next round number above."""
    if highest <= 0:
        return 1.0
    unit = math.pow(10, math.floor(math.log10(highest)))
    return next(step * unit for step in (1, 2, 4, 5, 8, 10) if step * unit >= highest)
