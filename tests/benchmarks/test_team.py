"""What is measured of clones of a team's repository."""

import sys

import pytest

from benchmarks.team import CHANGED, run, table
from tests.completer.remote.machines import write

pytestmark = pytest.mark.slow


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells of memory so")
def test_clones_tokenise_what_they_changed(tmp_path):
    root = write(tmp_path / "all", {f"m{n}.py": f"value_{n} = {n}\n" * 50 for n in range(4)})
    result = run(corpus=root, tokens=10_000, rounds=1)
    alone, unchanged, one, all_of_them = result["rows"]
    assert len(CHANGED) == 3
    assert unchanged["tokenised"] == 0
    assert 0 < one["tokenised"] < alone["tokenised"] < all_of_them["tokenised"]
    assert table(result).row_count == 4
