"""A/B arms, and whether they differ."""

import pytest


@pytest.fixture
def arms(book):
    """Twenty users an arm; those of `b` take every second suggestion, those of `a` one in four."""
    for arm, every in (("a", 4), ("b", 2)):
        for number in range(20):
            book.session(f"{arm}{number}")
            for turn in range(4):
                book.opportunity(arm=arm)
                book.suggestion()
                if (turn + number) % every == 0:
                    book.accept()
    return book


def test_a_difference_is_told_with_its_interval_and_p_value(arms):
    comparison = arms.report(compare_arms=("a", "b")).comparison
    assert (comparison.users_a, comparison.users_b) == (20, 20)
    row = comparison.metrics["acceptance"]
    assert (row.a, row.b, row.difference) == (1 / 4, 1 / 2, 1 / 4)
    assert row.p_value < 0.01
    # every user of an arm takes the same share here, so drawing users changes nothing
    assert row.low == row.high == pytest.approx(1 / 4)


def test_the_same_against_the_same_is_no_difference(arms):
    row = arms.report(compare_arms=("a", "a")).comparison.metrics["cpo"]
    assert row.difference == 0
    assert row.p_value == 1.0


def test_users_are_what_is_drawn(book):
    """One user of ten makes nearly all events: the interval must not be narrow."""
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
    assert row.low == 0.0  # draws without the one user show nothing
    assert row.p_value > 0.001


def test_an_arm_without_data_is_an_error_that_names_those_with(arms):
    with pytest.raises(ValueError, match="no arm 'c' in the telemetry; there are: a, b"):
        arms.report(compare_arms=("a", "c"))
