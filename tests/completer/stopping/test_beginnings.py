"""Where a completion could be cut back to, and how these places are described."""

import math

import pytest

from completer.engine.stop_policy import TokenSignals
from completer.request import Confidence
from completer.stopping.beginnings import describe, most_promising, places
from completer.stopping.features import CaretFeatures

CARET = CaretFeatures(
    column=4, place=1, statement=5, in_text=False, inside_line=False, several_lines=False
)


@pytest.mark.parametrize(
    ("text", "beginnings"),
    [
        ("path, mode)", ["path", "path, mode"]),
        ("open(path, mode), more", ["open(path, mode)"]),
        ("reader.close()", []),
        ('get("a, b", c) or 1', ['get("a, b", c)']),
        ("a), f(b), c", ["a", "a)", "a), f(b)"]),
        ("value\n    return value", ["value"]),
        ("x  ", []),
        ("", []),
        ("'a' + b", ["'a'"]),
    ],
)
def test_places_are_where_something_ends_that_nothing_is_done_with(text, beginnings):
    assert [text[:place] for place in places(text, "python")] == beginnings


def test_places_of_a_line_that_never_ends_are_few():
    assert len(list(places("a, " * 10_000, "python"))) == 24


def signals(*probabilities):
    return [
        TokenSignals(
            probability=each, margin=0.1, entropy=1 - each, model=each, repository=each / 2
        )
        for each in probabilities
    ]


def test_what_describes_a_place():
    found = describe(4, "path, mode)", [4, 6, 10, 11], signals(0.9, 0.5, 0.8, 0.7), CARET)

    assert (found["tokens"], found["characters"]) == (1, 4)
    assert found["log_probability"] == found["lowest_log_probability"] == math.log(0.9)
    assert found["following_log_probability"] == math.log(0.5)
    assert found["following_entropy"] == 0.5
    assert found["lowest_repository"] == 0.45
    assert (found["following"], found["inside_token"]) == (1, False)
    assert found["place"] == 1


def test_a_place_inside_of_a_token():
    found = describe(6, "f(a, b), c", [1, 8, 10], signals(0.9, 0.5, 0.8), CARET)

    assert found["tokens"] == 2
    assert found["inside_token"]
    assert found["following_log_probability"] == math.log(0.8)


def test_what_describes_a_place_holds_while_the_text_goes_on():
    early = describe(4, "path, mode", [4, 6, 10], signals(0.9, 0.5, 0.8), CARET)

    assert early == describe(4, "path, mode)", [4, 6, 10, 11], signals(0.9, 0.5, 0.8, 0.7), CARET)


def beginning(length, probability):
    return Confidence(probability=probability, propensity=1.0, text_length=length, features={})


@pytest.mark.parametrize(
    ("probabilities", "promising"),
    [
        ((0.5, 0.45), 10),  # 0.5 of 14, 0.45 of 20
        ((0.5, 0.3), 4),
        ((0.08, 0.2), 10),
        ((0.08, 0.09), None),
    ],
)
def test_the_most_promising_beginning(probabilities, promising):
    beginnings = [
        Confidence(probability=probability, propensity=1.0, text_length=length, features={})
        for length, probability in zip((4, 10), probabilities, strict=True)
    ]
    found = most_promising("path, mode)", 0.1, beginnings)

    assert (found and found.text_length) == promising
