"""Who is drawn for an experiment: always the same, evenly, and by the key alone."""

import math

import pytest

from telemetry.assignment import Assignment
from telemetry.privacy import KEY_FILE, Pseudonyms, make_key, opt_out_list
from telemetry.sessions import login_name

PEOPLE = [f"person {number}" for number in range(4_000)]


@pytest.fixture
def assignment(tmp_path):
    return Assignment(tmp_path / "telemetry")


def test_draws_are_uniform_and_independent_of_each_other():
    draws = [Pseudonyms(b"k" * 32).draw("one", person) for person in PEOPLE]
    for each in zip(*draws, strict=True):
        counts = [sum(part / 10 <= draw < (part + 1) / 10 for draw in each) for part in range(10)]
        # chi-square with 9 degrees of freedom: 27.9 at p = 0.001
        assert sum((count - 400) ** 2 / 400 for count in counts) < 27.9
    assert abs(correlation(*zip(*draws, strict=True))) < 4 / math.sqrt(len(PEOPLE))


def test_a_person_is_drawn_the_same_by_another_process(assignment, tmp_path):
    again = Assignment(tmp_path / "telemetry")
    assert [assignment.draw("one", p) for p in PEOPLE[:99]] == [
        again.draw("one", p) for p in PEOPLE[:99]
    ]


@pytest.mark.parametrize("other", [(b"k" * 32, "two"), (b"x" * 32, "one")])
def test_another_experiment_or_another_key_draws_independently(other):
    key, experiment = other
    own = [Pseudonyms(b"k" * 32).draw("one", person)[1] for person in PEOPLE]
    others = [Pseudonyms(key).draw(experiment, person)[1] for person in PEOPLE]
    assert abs(correlation(own, others)) < 4 / math.sqrt(len(PEOPLE))


def test_installations_that_share_a_key_draw_alike(tmp_path):
    make_key(tmp_path / "team.key")
    first, second = (Assignment(tmp_path / n, tmp_path / "team.key") for n in ("a", "b"))
    assert first.draw("one", "ada") == second.draw("one", "ada")
    assert first.draw("one", "ada") != Assignment(tmp_path / "a").draw("one", "ada")


def test_who_is_not_named_is_who_runs_the_process(assignment):
    assert assignment.draw("one", "") == assignment.draw("one", login_name())


def test_who_has_opted_out_takes_no_part_from_then_on(assignment, tmp_path):
    drawn = assignment.draw("one", "ada")
    assert drawn is not None
    opt_out_list(tmp_path / "telemetry").add(user="ada")  # as another process does
    assert assignment.draw("one", "ada") is None
    assert assignment.draw("one", "bob") is not None
    opt_out_list(tmp_path / "telemetry").remove(user="ada")
    assert assignment.draw("one", "ada") == drawn


def test_without_a_key_nobody_takes_part(tmp_path, caplog):
    (tmp_path / KEY_FILE).write_text("somebody else's")
    assert Assignment(tmp_path).draw("one", "ada") is None
    assert Assignment(tmp_path, tmp_path / "gone.key").draw("one", "ada") is None
    assert "nobody takes part" in caplog.text


def correlation(one, other):
    mean, other_mean = sum(one) / len(one), sum(other) / len(other)
    products = ((a - mean) * (b - other_mean) for a, b in zip(one, other, strict=True))
    spread, other_spread = (
        math.sqrt(sum((value - middle) ** 2 for value in values))
        for values, middle in ((one, mean), (other, other_mean))
    )
    return sum(products) / spread / other_spread
