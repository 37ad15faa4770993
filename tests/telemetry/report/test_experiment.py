"""Which arm of an experiment wins, and when that cannot be told."""

from datetime import date

import pytest

from benchmarks.simulation.simulate import simulate
from benchmarks.simulation.vocabulary import ARMS, EXPERIMENT
from telemetry.report import Plan, build
from telemetry.report.experiment import even_p
from tests.telemetry.report.conftest import DAY_MS, START_MS

ENDED = Plan("e", ("a", "b"), end=date(2022, 1, 8))
LATER = START_MS + DAY_MS


def fill(book, people, taken):
    """So many people in each arm; of four suggestions they take about so many."""
    for arm, count in people.items():
        for number in range(count):
            book.session(f"{arm}{number}")
            for index in range(4):
                book.opportunity(arm=f"e/{arm}")
                book.suggestion()
                if index < taken.get(arm, 1) + (number % 4 == 0):
                    book.accept()


def judged(book, plan=ENDED, now_ms=LATER):
    return book.report(plan=plan, now_ms=now_ms).experiment


def test_the_arm_with_more_of_the_primary_metric_wins(book):
    fill(book, {"a": 20, "b": 20}, {"b": 2})
    found = judged(book)
    assert found.people == {"a": 20, "b": 20}
    assert found.verdict.startswith("b wins. Acceptance: 56.2 % in b, 31.2 % in a;")
    assert "difference 25.0 %, 95 % interval" in found.verdict
    assert found.warnings == ()
    own = found.figures["b"]
    assert (own.value, own.n) == (0.5625, 80)
    assert 0.5 < own.low < own.value < own.high < 0.63
    (comparison,) = found.comparisons
    assert comparison.needed > 10


def test_of_a_metric_that_is_bad_the_arm_with_less_wins(book):
    fill(book, {"a": 20, "b": 20}, {"b": 2})
    for arm, undone in (("a", 0), ("b", 3)):
        for number in range(20):
            book.session(f"{arm}{number}")
            for index in range(4 + number % 2):
                book.opportunity(arm=f"e/{arm}")
                book.suggestion()
                book.accept(undone_ms=1_000 if index < undone else None)
    assert judged(book, Plan("e", ("a", "b"), "undone", date(2022, 1, 8))).verdict.startswith(
        "a wins. Undone"
    )


def test_no_difference_cannot_be_told(book):
    fill(book, {"a": 20, "b": 20}, {})
    assert judged(book).verdict.startswith("It cannot be told which arm wins. Acceptance: 31.2 %")


def test_too_few_people_cannot_tell(book):
    fill(book, {"a": 20, "b": 9}, {"b": 3})
    assert judged(book).verdict.endswith("fewer than 10 people in b.")


def test_an_arm_of_nobody_is_one_of_too_few(book):
    fill(book, {"a": 20}, {})
    found = judged(book)
    assert found.people == {"a": 20, "b": 0}
    assert found.verdict.endswith("fewer than 10 people in b.")
    assert "sizes differ" in found.warnings[0]


def test_it_is_not_read_before_it_has_ended(book):
    fill(book, {"a": 20, "b": 20}, {"b": 2})
    assert judged(book, now_ms=START_MS).verdict.startswith("Not to be read before 2022-01-09")
    stopped = judged(book, Plan("e", ("a", "b"), end=date(2022, 1, 9), stopped=True))
    assert stopped.verdict.startswith("b wins")
    assert "stopped before its end" in stopped.warnings[0]


def test_of_several_arms_each_is_compared_with_the_first_and_corrected(book):
    fill(book, {"a": 20, "b": 20, "c": 20}, {"b": 2})
    of_three = judged(book, Plan("e", ("a", "b", "c"), end=date(2022, 1, 8)))
    of_two = judged(book)
    assert [each.arm_b for each in of_three.comparisons] == ["b", "c"]
    assert of_three.verdict.startswith("b wins")
    p, alone = (found.comparisons[0].metrics["acceptance"].p_value for found in (of_three, of_two))
    assert p == pytest.approx(2 * alone)


def test_uneven_arms_are_warned_of(book):
    fill(book, {"a": 50, "b": 16}, {})
    found = judged(book)
    assert found.mismatch == pytest.approx(2.84e-5, rel=0.01)
    assert "sizes differ by more than chance" in found.warnings[0]


@pytest.mark.parametrize(
    ("counts", "p"),
    [((60, 40), 0.0455), ((100, 80, 120), 0.018316), ((10, 20, 30, 40), 0.00016974), ((5, 5), 1)],
)
def test_chi_square_as_tables_have_it(counts, p):
    assert even_p(counts) == pytest.approx(p, rel=1e-4)


def test_a_person_in_two_arms_is_warned_of(book):
    fill(book, {"a": 12, "b": 12}, {})
    book.session("a0")
    book.opportunity(arm="e/b")
    assert "1 people are in several arms" in judged(book).warnings[0]


def test_without_a_plan_the_recorded_arms_count_and_that_is_said(book):
    fill(book, {"b": 12, "control": 12}, {})
    found = judged(book, Plan("e"))
    assert list(found.people) == ["control", "b"]
    assert "not in the settings" in found.warnings[0]


def test_other_experiments_are_left_out_and_named_where_there_is_none_of_that_name(book):
    fill(book, {"a": 12, "b": 12}, {})
    book.session("eve")
    book.opportunity(arm="other/a")
    assert sum(judged(book).people.values()) == 24
    with pytest.raises(ValueError, match=r"nothing of an experiment 'x' is recorded.*e, other"):
        judged(book, Plan("x"))
    with pytest.raises(ValueError, match="no metric 'fun'"):
        judged(book, Plan("e", ("a", "b"), "fun"))


@pytest.mark.slow
@pytest.mark.parametrize(
    ("effect", "verdict"),
    [(1.0, "treatment wins."), (0.0, "It cannot be told"), (-0.7, "control wins.")],
)
def test_a_simulated_difference_is_found_and_none_is_not(tmp_path, effect, verdict):
    path = tmp_path / "a.sqlite3"
    simulate(8_000, path, seed=5, people=160, effect=effect, end_ms=LATER)
    plan = Plan(EXPERIMENT, tuple(arm.partition("/")[2] for arm in ARMS), end=date(2022, 1, 8))
    found = build(path, plan=plan, now_ms=LATER + DAY_MS).experiment
    assert found.verdict.startswith(verdict)
    assert sum(found.people.values()) == 160
    assert found.mismatch > 0.001
