"""How many replicas there are."""

from __future__ import annotations

import pytest

from completer.cluster.scale import Scale
from completer.errors import SettingsError


@pytest.mark.parametrize(
    ("replicas", "found"), [("3", (3, 3)), ("1:4", (1, 4)), ("0:2", (0, 2)), ("2:2", (2, 2))]
)
def test_a_number_of_replicas_is_one_or_two(replicas, found):
    scale = Scale.of(replicas)
    assert (scale.least, scale.most) == found


@pytest.mark.parametrize("replicas", ["", "0", "4:1", "-1", "a", "1:b", "1:2:3", "0:0"])
def test_what_is_no_number_is_refused(replicas):
    with pytest.raises(SettingsError):
        Scale.of(replicas)
