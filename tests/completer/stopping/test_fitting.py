"""Fitting a scorecard finds what counts, and says what it is worth on groups it has not seen."""

import numpy as np
import pytest

from completer.errors import CompleterError
from completer.stopping.fitting import Example, fit_scorecard
from completer.stopping.reliability import reliability


def draw(n, seed=0):
    """Examples whose outcome depends on `telling` and `kind`, not on `noise`."""
    rng = np.random.default_rng(seed)
    for i in range(n):
        telling, kind = rng.normal(), int(rng.integers(3))
        odds = -1.5 + 1.5 * telling + (kind == 2)
        right = bool(rng.random() < 1 / (1 + np.exp(-odds)))
        features = {"telling": telling, "kind": kind, "noise": rng.normal(), "constant": 1.0}
        yield Example(features, right, group=f"file {i % 20}")


def test_a_fit_is_calibrated_on_what_it_has_not_seen():
    card, _ = fit_scorecard(list(draw(3000)))
    fresh = list(draw(3000, seed=1))
    predicted = np.array([card.probability(each.features) for each in fresh])
    found = reliability(predicted, np.array([float(each.right) for each in fresh]))

    assert found["ece"] < 0.045
    assert found["brier_skill"] > 0.15


def test_points_rise_with_what_counts():
    card, _ = fit_scorecard(list(draw(3000)))
    telling = card.scales["telling"].points

    assert list(telling) == sorted(telling)
    assert max(telling) - min(telling) > 5 * np.ptp(card.scales["noise"].points)
    assert card.scales["kind"].edges == (0.5, 1.5)
    assert "constant" not in card.scales


def test_predictions_for_left_out_groups_are_as_good_as_those_for_fresh_ones():
    examples = list(draw(3000))
    card, out_of_fold = fit_scorecard(examples)
    right = np.array([float(each.right) for each in examples])
    fitted = np.array([card.probability(each.features) for each in examples])

    assert len(out_of_fold) == len(examples)
    assert reliability(out_of_fold, right)["brier_skill"] > 0.1
    assert np.corrcoef(fitted, out_of_fold)[0, 1] > 0.98


def test_weights_move_the_base_rate():
    examples = list(draw(2000))
    heavier = [
        Example(each.features, each.right, each.group, 5.0 if each.right else 1.0)
        for each in examples
    ]

    assert fit_scorecard(heavier)[0].intercept > fit_scorecard(examples)[0].intercept + 1


def test_too_few_right_ones_are_not_enough():
    wrong = [Example(each.features, False, each.group) for each in draw(300)]

    with pytest.raises(CompleterError, match="0 of 300"):
        fit_scorecard(wrong)
