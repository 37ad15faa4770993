"""Intervals and p-values against published values, brute force and each other."""

import random
from math import comb

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from completer.evaluation.statistics import Pairs, difference_interval, mcnemar, wilson

some_pairs = st.builds(Pairs, *(st.integers(0, 40) for _ in range(4))).filter(lambda p: p.n > 0)


def test_wilson_gives_published_values():
    # Newcombe 1998, "Two-sided confidence intervals for the single proportion", table I, method 3
    assert wilson(81, 263) == pytest.approx((0.2553, 0.3662), abs=5e-5)
    assert wilson(15, 148) == pytest.approx((0.0624, 0.1605), abs=5e-5)
    assert wilson(0, 20) == pytest.approx((0.0, 0.1611), abs=5e-5)
    assert wilson(1, 29) == pytest.approx((0.0061, 0.1718), abs=5e-5)


def test_wilson_is_symmetric_and_stays_within_bounds():
    low, high = wilson(3, 3)
    assert high == 1.0
    assert wilson(0, 3) == pytest.approx((0.0, 1 - low))


def test_the_difference_has_its_published_interval():
    # Newcombe 1998, "Improved confidence intervals for the difference between binomial
    # proportions based on paired data", method 10
    assert difference_interval(Pairs(36, 12, 2, 0)) == pytest.approx((0.0569, 0.3404), abs=5e-5)


def test_mcnemar_is_the_binomial_test_of_those_that_differ():
    assert mcnemar(Pairs(50, 1, 9, 40)) == pytest.approx(2 * (1 + 10) / 2**10)
    assert mcnemar(Pairs(50, 9, 1, 40)) == mcnemar(Pairs(0, 1, 9, 0))
    assert mcnemar(Pairs(50, 5, 5, 40)) == 1.0
    assert mcnemar(Pairs(50, 0, 0, 40)) == 1.0
    assert mcnemar(Pairs(0, 900, 1100, 0)) < 1e-4


@given(st.integers(0, 30), st.integers(0, 30))
@settings(deadline=None, max_examples=50)
def test_mcnemar_sums_everything_as_unlikely(first, second):
    n = first + second
    likely = [comb(n, k) / 2**n for k in range(n + 1)]
    expected = sum(p for p in likely if p <= likely[first] * (1 + 1e-9))
    assert mcnemar(Pairs(1, first, second, 1)) == pytest.approx(expected)


@given(some_pairs)
@settings(deadline=None, max_examples=100)
def test_the_interval_holds_the_difference_and_turns_with_it(pairs):
    low, high = difference_interval(pairs)
    turned = Pairs(pairs.both, pairs.only_second, pairs.only_first, pairs.none)

    assert -1.0 <= low <= pairs.difference <= high <= 1.0
    assert difference_interval(turned) == pytest.approx((-high, -low))


def test_the_interval_covers_the_truth_in_about_95_of_100_cases():
    rng = random.Random(7)
    shares = {"both": 0.3, "only_first": 0.15, "only_second": 0.1, "none": 0.45}
    trials, covered = 2_000, 0
    for _ in range(trials):
        drawn = rng.choices(list(shares), list(shares.values()), k=80)
        low, high = difference_interval(Pairs(**{name: drawn.count(name) for name in shares}))
        covered += low <= shares["only_first"] - shares["only_second"] <= high

    assert 0.93 < covered / trials < 0.985
