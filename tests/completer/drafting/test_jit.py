"""Kernels are compiled once for integers of all kinds, and leave arrays' references alone."""

import sys
from enum import IntEnum

import numba
import numpy as np
import pytest

from completer.drafting.jit import kernel


class Place(IntEnum):
    FIFTH = 4
    SIXTH = 5


def pick(values, index):
    if index < 0:
        return 0
    return values[index]


@pytest.fixture
def compiled(tmp_path, monkeypatch):
    """`pick` as a kernel of which nothing has been saved by an earlier run."""
    monkeypatch.setattr(numba.config, "CACHE_DIR", str(tmp_path))
    return kernel(pick)


def test_one_version_is_compiled_for_all_integers(compiled):
    @kernel
    def pick_often(values, narrow):
        return (
            compiled(values, narrow[0])
            + compiled(values, 1)
            + compiled(values, -1)
            + compiled(values, len(values) - 1)
            + compiled(values, Place.FIFTH)
            + compiled(values, Place.SIXTH)
        )

    values, narrow = np.arange(10, dtype=np.int32), np.array([3], np.int8)
    assert pick_often(values, narrow) == 3 + 1 + 9 + 4 + 5
    assert len(compiled.signatures) == 1


def test_references_are_as_before(compiled):
    values = np.arange(4, dtype=np.int32)
    before = sys.getrefcount(values)
    for _ in range(100):
        compiled(values, 2)
    assert sys.getrefcount(values) == before
