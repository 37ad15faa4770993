"""The scorecard's arithmetic, and its file."""

import json
import math

import pytest

from completer.stopping.scorecard import Scale, Scorecard

CARD = Scorecard(-1.0, {"a": Scale((0.0, 2.0), (-0.5, 0.25, 1.0)), "b": Scale((), (0.5,))})


@pytest.mark.parametrize(
    ("value", "points"), [(-1, -0.5), (0.0, 0.25), (1.9, 0.25), (2.0, 1.0), (9, 1.0)]
)
def test_the_probability_is_the_logistic_of_all_points(value, points):
    expected = 1 / (1 + math.exp(-(-1.0 + points + 0.5)))

    assert CARD.probability({"a": value, "b": 0, "unused": 1}) == pytest.approx(expected)


def test_a_missing_feature_is_an_error():
    with pytest.raises(KeyError):
        CARD.probability({"a": 1})


def test_it_comes_back_from_json():
    assert Scorecard.from_json(json.loads(json.dumps(CARD.to_json()))) == CARD


@pytest.mark.parametrize(
    "scale", [{"edges": [1, 0], "points": [1, 2, 3]}, {"edges": [1], "points": [1]}]
)
def test_a_scale_that_makes_no_sense_is_refused(scale):
    with pytest.raises(ValueError, match="scale"):
        Scorecard.from_json({"intercept": 0, "features": {"a": scale}})
