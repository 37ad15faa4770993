"""The benchmark of next edits, on one small package."""

import pytest

from benchmarks.next_edits import KINDS, run, table

pytestmark = pytest.mark.slow


def test_each_kind_of_edit_is_made_and_judged():
    result = run(packages="click", edits=12, seed=1)
    assert set(result) == {*KINDS, "all"}
    assert all(each["edits"] == 2 for kind, each in result.items() if kind != "all")
    assert result["all"]["offered"] > 0
    assert result["all"]["right"] >= 0.8
    assert table(result).row_count == len(KINDS) + 1
