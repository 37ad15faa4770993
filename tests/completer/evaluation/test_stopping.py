"""What a threshold makes of answers, counted by hand."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from completer.evaluation.kinds import Kind
from completer.evaluation.parsed_file import ParsedFile
from completer.evaluation.run import Answer
from completer.evaluation.scoring import Score
from completer.evaluation.spans import Span
from completer.evaluation.stopping import (
    Moment,
    Trace,
    at_threshold,
    choose_threshold,
    examples,
    per_trace,
    predictions,
    traces,
)
from completer.request import Confidence, DecodeStats
from completer.stopping.scorecard import Scale, Scorecard

CODE = "total = 1\nother = 2\nthird = 3\n"
SPAN = Span(ParsedFile(Path("a.py"), "python", CODE), Kind.LINES, 0, len(CODE) - 1)


def answer(text, *lines):
    """An answer whose steps stood in these lines."""
    steps = [Confidence(probability=0.5, propensity=1.0, text_length=0, features={"lines": n})
             for n in lines]  # fmt: skip
    return Answer(SPAN, text, Score(False, 0.0), DecodeStats(), tuple(steps))


def trace(right, steps=3, lines=0):
    moments = tuple(Moment({}, lines, right) for _ in range(steps))
    return Trace("a.py", moments, right, (False,) + (True,) * lines)


def test_a_moment_is_right_if_its_line_comes_out_right():
    (found,) = traces([answer("total = 1\nother = 3\nthird = 3", 0, 0, 1, 2)])

    assert [moment.right for moment in found.moments] == [True, True, False, False]
    assert [moment.lines for moment in found.moments] == [0, 0, 1, 2]
    assert not found.right
    assert found.right_lines == (False, True, False)


def test_answers_with_nothing_to_show_are_left_out():
    assert traces([answer(" \n", 0), answer("total = 1")]) == []
    assert traces([replace(answer("total = 1", 0), text="")]) == []


def test_every_moment_is_an_example_and_predictions_find_back():
    found = traces([answer("total = 1", 0, 0), answer("total = 2", 0)])
    card = Scorecard(0.0, {"lines": Scale((), (0.0,))})

    assert [each.right for each in examples(found)] == [True, True, False]
    assert [len(each) for each in per_trace(found, np.arange(3.0))] == [2, 1]
    assert [each.tolist() for each in predictions(found, card)] == [[0.5, 0.5], [0.5]]


def test_figures_at_a_threshold():
    found = [trace(True), trace(True), trace(False, steps=5), trace(False, steps=3)]
    predicted = [
        np.array([0.9, 0.9, 0.9]),  # shown
        np.array([0.9, 0.9, 0.1]),  # lost at its last step
        np.array([0.9, 0.1, 0.9, 0.9, 0.9]),  # given up after one step of four
        np.array([0.9, 0.6, 0.6]),  # shown, wrong
    ]
    figures = at_threshold(found, predicted, 0.5)

    assert figures["shown_share"] == 0.5
    assert figures["precision"] == 0.5
    assert figures["precision_all"] == 0.5
    assert figures["good_lost_share"] == 0.5
    assert figures["good_lost_low"] < 0.5 < figures["good_lost_high"]
    assert figures["wrong_compute_saved_share"] == pytest.approx(3 / 6)


def test_what_is_cut_back_to_right_lines_is_shown_and_right():
    moments = (Moment({}, 0, True), Moment({}, 1, False), Moment({}, 2, False))
    cut = Trace("a.py", moments, False, (False, True, False))
    figures = at_threshold([cut], [np.array([0.9, 0.8, 0.1])], 0.5)

    assert figures["shown_share"] == 1.0
    assert figures["precision"] == 1.0
    assert figures["precision_all"] == 0.0


def test_the_threshold_loses_no_more_than_it_may():
    found = [trace(True, steps=1)] * 100 + [trace(False, steps=1)] * 100
    predicted = [np.array([0.05 if n < 3 else 0.2]) for n in range(100)]
    predicted += [np.array([0.02])] * 100
    threshold = choose_threshold(found, predicted)

    assert 0.05 < threshold <= 0.2
    assert at_threshold(found, predicted, threshold)["good_lost_share"] == 0.03
    assert choose_threshold(found, [np.array([0.001])] * 200) == 0.0
