"""The benchmark of alternatives, on the example repository."""

from pathlib import Path

import pytest

from benchmarks.alternatives import run, table

pytestmark = pytest.mark.slow
EXAMPLE = Path(__file__).parents[2] / "examples" / "shop"


def test_one_text_and_three_are_asked_for_at_the_same_carets():
    result = run(repo=[EXAMPLE], n=2)
    assert result["carets"] == 4
    assert 0 < result["different"] <= 1
    assert result["exact_several"] >= result["exact_one"]
    assert result["times"] > 0
    assert table(result).row_count == 3
