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
    Cut,
    Moment,
    Predicted,
    Trace,
    at_threshold,
    choose_thresholds,
    cut_examples,
    examples,
    per_trace,
    predictions,
    traces,
)
from completer.request import Confidence, DecodeStats
from completer.stopping.controller import Rule
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
    return Trace("a.py", "x = 1", moments, right, (False,) + (True,) * lines)


def predict(*moments, cuts=()):
    return Predicted(np.array(moments), np.array(cuts))


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
    divided = per_trace(found, np.arange(3.0), np.zeros(0))
    assert [len(each.moments) for each in divided] == [2, 1]
    predicted = predictions(found, Rule(card, 0.1))
    assert [each.moments.tolist() for each in predicted] == [[0.5, 0.5], [0.5]]
    assert [len(each.cuts) for each in predicted] == [0, 0]


def test_figures_at_a_threshold():
    found = [trace(True), trace(True), trace(False, steps=5), trace(False, steps=3)]
    predicted = [
        predict(0.9, 0.9, 0.9),  # shown
        predict(0.9, 0.9, 0.1),  # lost at its last token
        predict(0.9, 0.1, 0.9, 0.9, 0.9),  # given up after two tokens of five
        predict(0.9, 0.6, 0.6),  # shown, wrong
    ]
    figures = at_threshold(found, predicted, 0.5)

    assert figures["shown_share"] == 0.5
    assert figures["precision"] == 0.5
    assert figures["precision_all"] == 0.5
    assert figures["good_lost_share"] == 0.5
    assert figures["good_lost_low"] < 0.5 < figures["good_lost_high"]
    assert figures["wrong_compute_saved_share"] == pytest.approx(3 / 8)


def test_what_is_cut_back_to_right_lines_is_shown_and_right():
    moments = (Moment({}, 0, True), Moment({}, 1, False), Moment({}, 2, False))
    cut = Trace("a.py", "x = 1\ny = 2\nz", moments, False, (False, True, False))
    figures = at_threshold([cut], [predict(0.9, 0.8, 0.1)], 0.5)

    assert figures["shown_share"] == 1.0
    assert figures["precision"] == 1.0
    assert figures["precision_all"] == 0.0


def test_the_thresholds_lose_no_more_than_they_may():
    found = [trace(True, steps=1)] * 100 + [trace(False, steps=1)] * 100
    predicted = [predict(0.05 if n < 9 else 0.2) for n in range(100)] + [predict(0.02)] * 100
    thresholds = choose_thresholds(found, predicted)

    assert 0.05 < thresholds[0] <= 0.2
    assert at_threshold(found, predicted, *thresholds)["good_lost_share"] == 0.09
    assert at_threshold(found, predicted, *thresholds)["right_characters_kept"] == 0.91
    lossy = [predict(0.001)] * 200
    assert at_threshold(found, lossy, *choose_thresholds(found, lossy))["shown_share"] == 1.0


def cut_trace(right, cut_right):
    """`name` is known to be a beginning of `name, other` from the second of three steps on."""
    moments = tuple(Moment({"tokens": tokens}, 0, right) for tokens in (1, 2, 4))
    cut = Cut(4, {"tokens": 1}, cut_right)
    return Trace("a.py", "name, other", moments, right, (False,), (cut,))


@pytest.mark.parametrize(
    ("moments", "cuts", "shown", "right", "wrong"),
    [
        ((0.9, 0.9, 0.05), (0.9,), 1.0, 4, 0),
        ((0.9, 0.05, 0.9), (0.9,), 1.0, 4, 0),
        ((0.05, 0.9, 0.9), (0.9,), 0.0, 0, 0),  # nothing is known of it yet
        ((0.9, 0.9, 0.05), (0.2,), 0.0, 0, 0),
        ((0.9, 0.9, 0.2), (0.9,), 1.0, 0, 11),
    ],
)
def test_what_is_cut_back_to_a_beginning(moments, cuts, shown, right, wrong):
    found = [cut_trace(False, True), cut_trace(True, True)]
    predicted = [predict(*moments, cuts=cuts), predict(0.9, 0.9, 0.9, cuts=cuts)]
    figures = at_threshold(found, predicted, 0.1, 0.3)

    assert figures["shown_share"] == (shown + 1) / 2
    assert figures["right_kept"] == 1 + (right > 0)
    assert figures["right_characters_kept"] == round((11 + right) / 11, 4)
    assert figures["wrong_characters_share"] == wrong / 11
    uncut = at_threshold(found, predicted, 0.1)
    assert uncut["right_kept"] == 1


def test_cuts_are_examples_too():
    beginnings = (
        Confidence(probability=None, propensity=1.0, text_length=5, features={"tokens": 1}),
        Confidence(probability=None, propensity=1.0, text_length=9, features={"tokens": 2}),
    )
    found = traces([replace(answer("total = 1", 0), beginnings=beginnings)])

    assert [each.right for each in cut_examples(found)] == [True]  # the other is all of it
    assert found[0].cuts[0].length == 5
