"""Kernels are compiled once for integers of all kinds, and leave arrays' references alone."""

import sys
from enum import IntEnum

import numpy as np

from completer.drafting.jit import kernel


@kernel
def pick(values, index):
    if index < 0:
        return 0
    return values[index]


class Place(IntEnum):
    FIFTH = 4
    SIXTH = 5


@kernel
def pick_often(values, narrow):
    return (
        pick(values, narrow[0])
        + pick(values, 1)
        + pick(values, -1)
        + pick(values, len(values) - 1)
        + pick(values, Place.FIFTH)
        + pick(values, Place.SIXTH)
    )


def test_one_version_is_compiled_for_all_integers():
    values, narrow = np.arange(10, dtype=np.int32), np.array([3], np.int8)
    assert pick_often(values, narrow) == 3 + 1 + 9 + 4 + 5
    assert len(pick.signatures) == 1


def test_references_are_as_before():
    values = np.arange(4, dtype=np.int32)
    before = sys.getrefcount(values)
    for _ in range(100):
        pick(values, 2)
    assert sys.getrefcount(values) == before
