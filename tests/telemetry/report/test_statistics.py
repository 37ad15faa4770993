"""Intervals against published values and against what they promise."""

import numpy as np
import pytest

from telemetry.report.statistics import (
    drawn_sums,
    percentile_interval,
    quantile_interval,
    two_sided_p,
    user_draws,
    wilson,
)


@pytest.mark.parametrize(
    ("successes", "trials", "low", "high"),
    [
        # Newcombe 1998, table I, method 3 (score without continuity correction)
        (81, 263, 0.2553, 0.3662),
        (15, 148, 0.0624, 0.1605),
        (0, 20, 0.0, 0.1611),
        (1, 29, 0.0061, 0.1718),
    ],
)
def test_wilson_equals_published_intervals(successes, trials, low, high):
    assert wilson(successes, trials) == pytest.approx((low, high), abs=5e-5)


def test_wilson_stays_within_0_and_1():
    assert wilson(20, 20)[1] == 1.0
    assert wilson(21, 20)[1] == 1.0  # more accepted than shown cannot break it


def test_every_draw_takes_as_many_users_as_there_are():
    draws = user_draws(17, draws=50)
    assert draws.shape == (50, 17)
    assert (draws.sum(axis=1) == 17).all()
    assert np.array_equal(draws, user_draws(17, draws=50))


def test_drawn_sums_weigh_users_as_they_were_drawn():
    draws = np.array([[2, 0], [0, 2], [1, 1]], dtype=np.float32)
    by_user = {"a": np.array([1, 10], np.float32), "b": np.array([3, 5], np.float32)}
    sums = drawn_sums(by_user, draws)
    assert sums["a"].tolist() == [2, 20, 11]
    assert sums["b"].tolist() == [6, 10, 8]


def test_the_bootstrap_covers_the_truth_where_users_differ():
    """Of 200 samples of 40 users, about 95 % of the intervals hold the true mean."""
    rng = np.random.default_rng(1)
    draws = user_draws(40, draws=400)
    covered = 0
    for _ in range(200):
        by_user = {"a": rng.exponential(2.0, 40).astype(np.float32)}
        interval = percentile_interval(drawn_sums(by_user, draws)["a"] / 40)
        assert interval is not None
        covered += interval[0] <= 2.0 <= interval[1]
    assert 0.87 * 200 <= covered <= 200


def test_no_samples_have_no_interval():
    assert percentile_interval(np.zeros(0)) is None


def test_a_quantiles_interval_holds_it():
    value, low, high = quantile_interval(np.arange(1_000.0), 0.9)
    assert low < value < high


@pytest.mark.parametrize(("z", "p"), [(0.0, 1.0), (1.959964, 0.05), (2.575829, 0.01)])
def test_p_values_are_the_normal_distributions(z, p):
    assert two_sided_p(z, 1.0) == pytest.approx(p, abs=1e-6)


def test_p_values_without_deviation():
    assert two_sided_p(0.0, 0.0) == 1.0
    assert two_sided_p(0.1, 0.0) == 0.0
