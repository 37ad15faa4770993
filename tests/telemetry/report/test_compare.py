"""A/B arms, and whether they differ."""

import numpy as np
import pytest

from telemetry.report.compare import holm, people_needed
from telemetry.report.metrics import BY_NAME


@pytest.fixture
def arms(book):
    """Twenty users an arm; of four suggestions `b` takes two, `a` one, every fourth one more."""
    for arm, taken in (("a", 1), ("b", 2)):
        for number in range(20):
            book.session(f"{arm}{number}")
            for turn in range(4):
                book.opportunity(arm=arm)
                book.suggestion()
                if turn < taken + (number % 4 == 0):
                    book.accept()
    return book


def test_a_difference_is_told_with_its_interval_and_p_value(arms):
    comparison = arms.report(compare_arms=("a", "b")).comparison
    assert (comparison.users_a, comparison.users_b) == (20, 20)
    row = comparison.metrics["acceptance"]
    assert (row.a, row.b, row.difference) == (25 / 80, 45 / 80, 1 / 4)
    assert row.p_value < 0.001
    assert 0.1 < row.low < 1 / 4 < row.high < 0.4


def test_where_all_of_an_arm_agree_each_counts_as_one_case(book):
    for arm, taken in (("a", 1), ("b", 2)):
        for number in range(20):
            book.session(f"{arm}{number}")
            for turn in range(4):
                book.opportunity(arm=arm)
                book.suggestion()
                if turn < taken:
                    book.accept()
    row = book.report(compare_arms=("a", "b")).comparison.metrics["acceptance"]
    assert row.difference == 1 / 4
    assert row.p_value > 0.05


def test_the_same_against_the_same_is_no_difference(arms):
    row = arms.report(compare_arms=("a", "a")).comparison.metrics["cpo"]
    assert row.difference == 0
    assert row.p_value == 1.0


def test_users_are_what_counts(book):
    """One user of ten makes nearly all events: nothing can be told."""
    for arm in ("a", "b"):
        for number in range(10):
            book.session(f"{arm}{number}")
            for _ in range(200 if number == 0 else 2):
                book.opportunity(arm=arm)
                book.suggestion()
                if number == 0 and arm == "b":
                    book.accept()
    row = book.report(compare_arms=("a", "b")).comparison.metrics["acceptance"]
    assert row.difference > 0.9
    assert row.low < 0
    assert row.p_value > 0.05


def test_below_ten_people_a_difference_has_neither_interval_nor_p_value(book):
    for arm in ("a", "b"):
        for number in range(9):
            book.session(f"{arm}{number}")
            book.opportunity(arm=arm)
            book.suggestion()
    comparison = book.report(compare_arms=("a", "b")).comparison
    row = comparison.metrics["acceptance"]
    assert (row.difference, row.low, row.p_value) == (0, None, None)
    assert comparison.needed is None
    assert "Too few people" in comparison.power


def test_only_the_primary_metric_is_as_it_is(arms):
    as_primary, as_other = (
        arms.report(compare_arms=("a", "b"), primary=name).comparison.metrics["acceptance"].p_value
        for name in ("acceptance", "cpo")
    )
    assert as_other > 5 * as_primary


def test_holms_correction():
    """Holm 1979: 0.01 of three, 0.02 of two, 0.04 of one, never falling."""
    corrected = holm({"a": 0.04, "b": 0.01, "c": 0.015})
    assert corrected == pytest.approx({"b": 0.03, "c": 0.03, "a": 0.04})
    assert holm({"a": 0.6, "b": 0.7}) == {"a": 1.0, "b": 1.0}


def test_how_many_people_it_takes():
    rng = np.random.default_rng(0)
    of_arm = {"full": rng.binomial(100, rng.beta(2.2, 7, 4_000)), "shown": np.full(4_000, 100)}
    needed = people_needed(of_arm, of_arm, BY_NAME["acceptance"])
    shares = of_arm["full"] / 100
    # two means (n = 2 s² 7.849 / d²) for 80 % power at 5 %
    expected = 2 * shares.var(ddof=1) * 7.849 / (0.05 * shares.mean()) ** 2
    assert needed == pytest.approx(expected, rel=0.01)


def test_the_comparison_says_how_many_people_it_takes(book):
    for arm in ("a", "b"):
        for number in range(12):
            book.session(f"{arm}{number}")
            for turn in range(4):
                book.opportunity(arm=arm, day=number % 3)
                book.suggestion()
                if turn <= number % 3:
                    book.accept()
    comparison = book.report(compare_arms=("a", "b")).comparison
    assert comparison.needed > 100
    assert f"each arm needs {comparison.needed:,} people for 3 days" in comparison.power


def test_no_such_metric(arms):
    with pytest.raises(ValueError, match="no metric 'fun'; there are: codecompose"):
        arms.report(compare_arms=("a", "b"), primary="fun")


def test_an_arm_without_data_is_an_error_that_names_those_with(arms):
    with pytest.raises(ValueError, match="no arm 'c' in the telemetry; there are: a, b"):
        arms.report(compare_arms=("a", "c"))
