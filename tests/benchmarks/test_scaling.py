"""Simulated people who type, on simulated replicas with measured costs."""

import json
import re
from itertools import pairwise
from pathlib import Path

import pytest

from benchmarks.scaling import COSTS, _steps_s, run, table, typing

PAGE = (Path(__file__).parents[2] / "docs" / "benchmarks.md").read_text("utf-8")
ON_A_GPU = PAGE.split("## On a GPU")[1]


def test_costs_are_those_that_were_measured():
    """The table in the docs: tokens, then floor, packed and graphs of one sequence and sixteen."""
    for tokens in ("1", "4", "16", "64"):
        (row,) = re.findall(rf"^\| {tokens} \|(.*)\|$", ON_A_GPU, re.MULTILINE)
        graphs = [float(cell.split()[0]) for cell in row.split("|")][2::3]
        assert graphs == [COSTS["step_ms"][n][tokens] for n in ("1", "16")]
    assert f"| the engine, graphs | {COSTS['prompt_ms']} |" in ON_A_GPU


def test_steps_between_those_that_were_measured_are_between_them():
    steps = _steps_s(4)
    assert len(steps) == 17
    assert (steps[1], steps[16]) == pytest.approx((0.0041, 0.0069))
    assert list(steps) == sorted(steps)


def test_people_ask_in_order_and_an_answer_is_of_use_until_their_next_key():
    requests = typing(10, 30, seed=0)
    assert [each.at for each in requests] == sorted(each.at for each in requests)
    for person in range(10):
        own = [each for each in requests if each.person == person]
        assert all(one.until <= other.at for one, other in pairwise(own))
    assert 0.3 < len(requests) / 10 / 30 < 2


def test_more_people_are_answered_later_and_less():
    result = run(people=[4, 100], replicas=1, seconds=20)
    few, many = (row for row in result["rows"] if row["affinity"])
    assert few["p50_ms"] < many["p50_ms"]
    assert few["answered_share"] > many["answered_share"]
    assert few["busy_share"] < many["busy_share"] <= 1
    assert json.loads(json.dumps(result)) == result
    assert table(result).row_count == 4
