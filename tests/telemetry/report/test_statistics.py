"""What is said of a figure: its interval over people, and why there is none."""

import numpy as np
import pytest

from telemetry.report.metrics import BY_NAME, SUMS
from telemetry.report.statistics import FEW, Figure, figure, interval, latency_figures, proportion


def sums(people, **more):
    by_user = {name: np.zeros(people) for name in SUMS} | more
    return {name: float(values.sum()) for name, values in by_user.items()}, by_user


def acceptance(full, shown):
    totals, by_user = sums(len(full), full=np.array(full), shown=np.array(shown))
    return figure(BY_NAME["acceptance"], totals, by_user)


def test_below_ten_people_there_is_a_value_and_no_interval():
    found = acceptance([1] * 9, [5] * 9)
    assert (found.value, found.n, found.people) == (0.2, 45, 9)
    assert (found.low, found.high) == (None, None)
    assert interval("acceptance", found) == FEW == "< 10 people"


def test_from_ten_people_on_there_is_one():
    found = acceptance([1, 2] * 5, [5] * 10)
    assert 0 < found.low < found.value == 0.3 < found.high < 1


def test_a_ratio_has_one_that_does_not_go_below_0():
    accepted = np.array([5_000, *[0] * 11])
    totals, by_user = sums(12, accepted_len=accepted, opportunities=np.full(12, 100))
    found = figure(BY_NAME["cpo"], totals, by_user)
    assert found.low == 0
    assert found.high > found.value == 5_000 / 1_200


def test_people_who_all_do_the_same_say_nothing_about_a_ratio():
    totals, by_user = sums(12, accepted_len=np.full(12, 500), opportunities=np.full(12, 100))
    found = figure(BY_NAME["cpo"], totals, by_user)
    assert (found.value, found.low, found.people) == (5, None, 12)
    assert interval("cpo", found) == ""


def test_a_share_that_is_more_than_all_has_an_interval_around_it():
    """Who deletes what they type has more accepted than typed."""
    totals, by_user = sums(12, ai=np.arange(90, 210, 10), typed=np.full(12, 100))
    found = figure(BY_NAME["saved"], totals, by_user)
    assert 1 < found.low < found.value < found.high


def test_what_is_not_kept_by_user_has_no_interval():
    totals, _ = sums(12, full=np.full(12, 5), shown=np.full(12, 10))
    assert figure(BY_NAME["acceptance"], totals, {}) == Figure(0.5, 120)


def test_a_share_of_others():
    found = proportion(np.arange(12), np.full(12, 12))
    assert (found.value, found.n, found.people) == (66 / 144, 66, 12)
    assert found.low < found.value < found.high
    assert proportion(np.zeros(3), np.zeros(3)).value is None


def test_a_percentiles_interval_is_as_wide_as_people_differ():
    rng = np.random.default_rng(0)
    users = rng.integers(1, 41, 8_000)
    of_users = rng.lognormal(3, 0.5, 41)
    for base, wide in ((np.full(41, 20.0), False), (of_users, True)):
        times = base[users] * rng.lognormal(0, 0.2, 8_000)
        order = np.argsort(times)
        p50 = latency_figures(times[order], users[order])["latency_p50_ms"]
        assert p50.people == 40
        assert p50.value == pytest.approx(np.median(times))
        assert p50.low < p50.value < p50.high
        assert ((p50.high - p50.low) / p50.value > 0.15) == wide


def test_few_people_have_no_interval_of_latency():
    found = latency_figures(np.arange(100.0), np.ones(100, dtype=int))["latency_p90_ms"]
    assert (found.value, found.low, found.people) == (pytest.approx(89.1), None, 1)
