"""Intervals hold the truth as often as they say, and nothing differs from itself more than it may.

Small here; `python -m benchmarks intervals` draws thousands.
"""

import numpy as np
import pytest

from benchmarks.intervals import coverage, false_positives, run, table
from benchmarks.simulation.people import draw_population
from telemetry.report.metrics import METRICS


@pytest.fixture(scope="module")
def population():
    return draw_population(np.random.default_rng(1))


def test_a_database_is_some_of_the_population(population):
    people = population.draw(np.random.default_rng(0), 12)
    assert all(len(of_each) == 12 for of_each in people.values())
    # nobody simulated has chats or lacks commits: the sums that stay 0 belong to known metrics
    empty = {name for name, of_each in population.sums.items() if not of_each.any()}
    assert {name for name in empty if "_" not in name} == {"chat"}
    assert population.truth()["acceptance"] == pytest.approx(2.2 / 9.2, abs=0.003)


def test_ten_people_and_more_have_intervals(population):
    rng = np.random.default_rng(0)
    found = coverage(rng, population, 12, databases=2)
    assert len(found) > len(METRICS) - 5
    assert coverage(rng, population, 9, databases=2) == {}


@pytest.mark.slow
@pytest.mark.parametrize(("people", "least"), [(10, 0.90), (30, 0.93), (178, 0.93)])
def test_intervals_hold_the_truth_as_often_as_they_say(population, people, least):
    """200 databases: bounds are three standard errors (1.5 points each) wider."""
    found = coverage(np.random.default_rng(2), population, people, databases=200)
    for name in ("acceptance", "codecompose", "wcar", "saved", "mostly_unchanged_300"):
        assert found[name] >= least - 0.046, name
        assert found[name] <= 1.0 if people < 30 else found[name] <= 0.97 + 0.036, name


@pytest.mark.slow
def test_the_same_against_the_same_seldom_differs(population):
    found = false_positives(np.random.default_rng(3), population, 30, databases=200)
    assert found["primary"] <= 0.06 + 0.05
    assert found["others"] <= 0.06 + 0.05


def test_the_table_has_a_column_for_each_number_of_people():
    result = run(databases=1)
    assert [cell["people"] for cell in result["cells"]] == [10, 30, 178]
    assert len(table(result).columns) == 4


def test_one_metric_alone_and_people_who_write_and_accept_much():
    result = run(databases=2, metric="acceptance", correlation=0.5)
    assert [set(cell["coverage"]) <= {"acceptance"} for cell in result["cells"]] == [True] * 3
    assert "primary" not in result["cells"][0]
    assert table(result).row_count == 1


def test_who_writes_more_accepts_more_if_asked_for():
    more, alike = (
        draw_population(np.random.default_rng(0), 20_000, correlation).truth()["acceptance"]
        for correlation in (0.5, 0.0)
    )
    assert more > 1.2 * alike
