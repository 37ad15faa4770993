"""Calibration error and Brier skill, worked out by hand."""

import numpy as np
import pytest

from completer.stopping.reliability import Bin, bins, brier_skill, calibration_error, reliability


def test_bins_have_equal_mass_and_ascend():
    predicted = np.linspace(0, 1, 150)
    found = bins(predicted, np.ones(150))

    assert [each.n for each in found] == [10] * 15
    assert [each.predicted for each in found] == sorted(each.predicted for each in found)
    assert {each.observed for each in found} == {1.0}


def test_the_calibration_error_is_the_mean_distance_from_the_diagonal():
    found = [Bin(30, 0.2, 0.3), Bin(10, 0.8, 0.6)]

    assert calibration_error(found) == pytest.approx((30 * 0.1 + 10 * 0.2) / 40)


def test_brier_skill_compares_with_the_base_rate():
    right = np.array([1.0, 0, 0, 0])

    assert brier_skill(right, right) == 1.0
    assert brier_skill(np.full(4, 0.25), right) == pytest.approx(0.0)
    # 0.25 * (0.2**2 + 0.2**2 + 0 + 0) against 0.25 * 0.75
    assert brier_skill(np.array([0.8, 0.2, 0, 0]), right) == pytest.approx(1 - 0.02 / 0.1875)
    assert brier_skill(np.zeros(3), np.zeros(3)) == 0.0


def test_weights_count_as_repetitions():
    predicted, right = np.array([0.1, 0.4, 0.9]), np.array([0.0, 1.0, 1.0])
    times = np.array([3, 1, 2])

    assert brier_skill(predicted, right, times) == pytest.approx(
        brier_skill(predicted.repeat(times), right.repeat(times))
    )


def test_what_a_well_calibrated_predictor_looks_like():
    rng = np.random.default_rng(0)
    predicted = rng.beta(1, 4, 20_000)
    right = (rng.random(20_000) < predicted).astype(float)
    found = reliability(predicted, right)

    assert found["ece"] < 0.02
    assert found["n_right"] == right.sum()
    assert 0.05 < found["brier_skill"] < 0.5
    assert reliability(predicted**2, right)["ece"] > 0.05
