"""Charts are well-formed, true to the figures, and safe to put into a page."""

from itertools import pairwise
from xml.etree import ElementTree

import pytest

from telemetry.report.charts import WIDTH, Series, bar_chart, line_chart
from telemetry.report.statistics import Figure


def show(number):
    return f"{number:.2f}"


def elements(svg, kind):
    return list(ElementTree.fromstring(svg).iter(kind))


def points(svg):
    (line,) = elements(svg, "polyline")
    return [tuple(map(float, point.split(","))) for point in line.get("points", "").split()]


def test_a_line_goes_up_where_figures_do():
    figures = [Figure(value, 10, value - 0.1, value + 0.1) for value in (0.2, 0.4, 0.3)]
    svg = line_chart("t", ["a", "b", "c"], [Series("s", figures)], show)
    (x1, y1), (x2, y2), (x3, y3) = points(svg)
    assert x1 < x2 < x3 <= WIDTH
    assert y2 < y3 < y1  # SVG's y grows downwards
    assert len(elements(svg, "polygon")) == 1


def test_unknown_values_are_left_out_of_the_line():
    figures = [Figure(0.2, 1), Figure(None, 0), Figure(0.3, 1)]
    svg = line_chart("t", ["a", "b", "c"], [Series("s", figures)], show)
    assert len(points(svg)) == 2


def test_a_chart_of_nothing_is_a_chart():
    assert elements(line_chart("t", [], [], show), "polyline") == []
    assert elements(bar_chart("t", [], show), "rect") == []


def test_bars_are_as_long_as_their_figures():
    svg = bar_chart("t", [("one", Figure(0.2, 5)), ("two", Figure(0.4, 5, 0.3, 0.5))], show)
    one, two = (float(bar.get("width", "")) for bar in elements(svg, "rect"))
    assert two == pytest.approx(2 * one, rel=0.01)
    assert len(elements(svg, "line")) == 1  # the whisker


def test_many_places_are_labelled_without_overlap():
    days = [f"01-{day:02}" for day in range(90)]
    series = [Series("s", [Figure(0.1, 1)] * 90)]
    labels = [
        float(text.get("x", ""))
        for text in elements(line_chart("t", days, series, show), "text")
        if text.get("text-anchor") == "middle"
    ]
    assert len(labels) > 3
    assert min(b - a for a, b in pairwise(labels)) > 35


def test_names_are_escaped():
    svg = bar_chart("<t>", [("<script>alert(1)</script>", Figure(0.2, 5))], show)
    assert "<script>" not in svg
    assert ElementTree.fromstring(svg).get("aria-label") == "<t>"


def test_places_lie_where_they_are_on_the_axis():
    series = [Series("s", [Figure(0.1, 1)] * 3)]
    (x1, _), (x2, _), (x3, _) = points(line_chart("t", list("abc"), series, show, (0, 30, 900)))
    assert (x2 - x1) / (x3 - x1) == pytest.approx(30 / 900, abs=0.001)
