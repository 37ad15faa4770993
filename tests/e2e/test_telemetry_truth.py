"""What a report says of an editor that typed real files is what the editor knows to be true."""

import pytest

from tests.e2e.typist import WINDOWS, compare

pytestmark = pytest.mark.slow


@pytest.mark.parametrize("seed", [0, 3])
def test_acceptance_is_exact_and_persistence_within_two_points(tmp_path, seed):
    result = compare(tmp_path, accepts=40, seed=seed)
    assert result["shown"]["reported"] == result["shown"]["true"]
    assert result["acceptance"]["reported"] == result["acceptance"]["true"]
    for window in WINDOWS:
        found = result[f"cpr_{window}"]
        assert found["n"] == found["n_true"]
        assert found["reported"] == pytest.approx(found["true"], abs=0.02)
