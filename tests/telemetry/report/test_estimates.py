"""Estimates over people, against scipy, against worked examples and against what they promise."""

import numpy as np
import pytest
from scipy import stats

from telemetry.report.estimates import (
    Estimate,
    difference,
    estimate,
    share_interval,
    t_95,
    t_interval,
    two_sided_p,
)


@pytest.mark.parametrize("freedom", [1.0, 1.7, 4.0, 29.0, 500.0, 10_000.0])
def test_students_t_is_scipys(freedom):
    assert t_95(freedom) == pytest.approx(stats.t.ppf(0.975, freedom), rel=3e-4)
    for value in (0.5, 2.0, 4.0):
        p = two_sided_p(Estimate(value, 1.0, freedom, 30))
        assert p == pytest.approx(2 * stats.t.sf(value, freedom), rel=5e-3)


def test_people_who_weigh_the_same_give_the_textbooks_mean():
    values = np.array([0.1, 0.2, 0.25, 0.4, 0.3])
    found = estimate(20 * values, np.full(5, 20))
    assert found.value == pytest.approx(0.25)
    # of five, as far from it as four would be: residuals are those of a ratio without their person
    error = stats.sem(values) * np.sqrt(5 / 4)
    assert (found.error, found.freedom) == (pytest.approx(error), pytest.approx(4))
    textbook = stats.t.interval(0.95, 4, 0.25, error)
    assert t_interval(found) == pytest.approx(textbook, rel=1e-4)


def test_the_error_is_that_of_leaving_each_person_out():
    rng = np.random.default_rng(0)
    below = rng.integers(1, 500, 12)
    above = rng.binomial(below, rng.beta(2, 5, 12))
    found = estimate(above, below)
    without = [(above.sum() - y) / (below.sum() - x) for y, x in zip(above, below, strict=True)]
    # with r' the ratio without a person of weight h, (r - r') is the residual over (1 - h)
    assert found.error**2 == pytest.approx(sum((found.value - ratio) ** 2 for ratio in without))


def test_one_who_makes_nearly_everything_leaves_little_freedom():
    even = estimate(np.full(30, 2), np.full(30, 10))
    uneven = estimate(np.full(30, 2), np.array([3_000, *[10] * 29]))
    assert even.freedom == pytest.approx(29)
    assert uneven.freedom < 1.3


@pytest.mark.parametrize("others", [1, 2, 10])
@pytest.mark.parametrize("share", 10.0 ** -np.arange(1, 16))
def test_however_nearly_one_makes_everything_there_is_a_figure(share, others):
    below = np.array([1.0, *[share / others] * others])
    found = estimate(below * np.linspace(0.2, 0.8, others + 1), below)

    assert 1 <= found.freedom < (1.02 if share < 0.1 else 3.0)
    assert np.isfinite(found.error)


def test_degrees_of_freedom_are_between_those_of_two_schools():
    """Bell and McCaffrey's written with matrices; Kish's from the weights."""
    weights = np.random.default_rng(0).lognormal(0, 1, 15)
    h = weights / weights.sum()
    residuals = np.eye(15) - np.outer(np.ones(15), h)
    product = np.diag(h**2 / (1 - h) ** 2) @ residuals @ residuals.T
    bell_mccaffrey = np.trace(product) ** 2 / np.trace(product @ product)
    kish = 1 / (h**2).sum() - 1
    found = estimate(weights * np.random.default_rng(1).random(15), weights)
    assert found.freedom == pytest.approx(np.sqrt(bell_mccaffrey * kish))


def test_people_without_anything_do_not_count():
    found = estimate(np.array([1.0, 0, 2]), np.array([4.0, 0, 4]))
    assert found.people == 2
    assert estimate(np.zeros(3), np.zeros(3)) is None
    assert not found.is_known


def test_where_all_agree_each_counts_as_one_case():
    low, high = share_interval(estimate(np.zeros(20), np.full(20, 50)))
    assert low == 0
    assert 0.1 < high < 0.25  # Wilson's for 0 of 20 with the normal distribution is 0.161
    low, high = share_interval(estimate(np.full(20, 50), np.full(20, 50)))
    assert (0.75 < low < 0.9, high) == (True, 1.0)


def test_rounding_is_no_difference_between_people():
    found = estimate(np.full(21, 3.0), np.full(21, 7.0))
    assert found.error == 0
    assert share_interval(found)[0] < 0.3


def test_with_independent_cases_the_interval_of_a_share_is_nearly_wilsons():
    """Newcombe 1998, table I, method 3: 81 of 263 give 0.2553 to 0.3662."""
    cases = np.array([1.0] * 81 + [0.0] * 182)
    assert share_interval(estimate(cases, np.ones(263))) == pytest.approx(
        (0.2553, 0.3662), abs=2e-3
    )


def test_a_difference_is_welchs():
    rng = np.random.default_rng(3)
    a, b = rng.normal(1, 1, 15), rng.normal(1.5, 3, 25)
    found = difference(estimate(a, np.ones(15)), estimate(b, np.ones(25)))
    variances = a.var() / 14 * 15 / 14, b.var() / 24 * 25 / 24
    expected = sum(variances) ** 2 / (variances[0] ** 2 / 14 + variances[1] ** 2 / 24)
    assert found.error**2 == pytest.approx(sum(variances))
    assert found.freedom == pytest.approx(expected)
    p = 2 * stats.t.sf(abs(found.value) / found.error, expected)
    assert two_sided_p(found) == pytest.approx(p, rel=1e-4)


def test_without_any_error_only_no_difference_is_none():
    assert two_sided_p(Estimate(0.0, 0.0, 1.0, 10)) == 1.0
    assert two_sided_p(Estimate(0.1, 0.0, 1.0, 10)) == 0.0
