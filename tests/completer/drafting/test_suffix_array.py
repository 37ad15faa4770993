import time

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from completer.drafting.suffix_array import (
    DEPTH,
    POSITION,
    SuffixArray,
    follower_at,
    join_streams,
    level_at,
    level_of,
    packing,
)
from tests.completer.drafting.reference import context_of, hard_texts, tokens


def check_order(array):
    text, rows = array.text, array.parts.rows[:, POSITION].tolist()
    assert sorted(rows) == list(range(len(text)))
    contexts = [context_of(text, position) for position in rows]
    assert contexts == sorted(contexts)
    _, packed = packing(len(array.parts.starts) - 2)
    for row in range(1, len(rows)):
        a, b = contexts[row - 1], contexts[row]
        common = next((i for i, (x, y) in enumerate(zip(a, b, strict=False)) if x != y), None)
        if common is not None:
            assert level_at(array.parts.rows, row) == level_of(common, packed)


@settings(max_examples=100, deadline=None)
@given(st.lists(tokens(), max_size=4))
def test_contexts_are_in_order_whatever_the_text(streams):
    check_order(SuffixArray.build(join_streams(streams)[0], 3))


@pytest.mark.parametrize("name", hard_texts(8))
def test_contexts_of_hard_texts_are_in_order(name):
    check_order(SuffixArray.build(join_streams([hard_texts(300)[name]])[0], 8))


@settings(max_examples=20, deadline=None)
@given(st.lists(st.integers(0, 150_000), max_size=60))
def test_contexts_over_a_large_vocabulary_are_in_order(ids):
    check_order(SuffixArray.build(join_streams([np.array(ids * 2, np.int32)])[0], 150_001))


def test_a_million_times_the_same_token_is_sorted():
    array = SuffixArray.build(join_streams([np.zeros(1 << 20, np.int32)])[0], 1)
    assert np.array_equal(np.sort(array.parts.rows[:, POSITION]), np.arange(len(array)))
    last = range(len(array) - 999, len(array))
    assert all(level_at(array.parts.rows, row) == DEPTH for row in last)


def test_starts_bound_the_contexts_that_end_in_a_token():
    array = SuffixArray.build(join_streams([np.array([2, 0, 2, 1, 2], np.int32)])[0], 3)
    for token in range(3):
        block = array.parts.rows[:, POSITION][
            array.parts.starts[token + 1] : array.parts.starts[token + 2]
        ]
        assert sorted(block) == [i + 1 for i in range(len(array) - 1) if array.text[i] == token + 1]


def test_each_position_knows_its_row():
    array = SuffixArray.build(join_streams([hard_texts(200)["random"]])[0], 4)
    assert np.array_equal(array.parts.ranks[array.parts.rows[:, POSITION]], np.arange(len(array)))


def test_each_row_knows_the_token_at_its_position_dead_or_alive():
    array = SuffixArray.build(join_streams([hard_texts(200)["random"]])[0], 4)
    array.kill(50, 90)
    array.revive(60, 70)
    assert np.array_equal(np.flatnonzero(array.text < 0), [*range(50, 60), *range(70, 90)])
    found = [follower_at(array.parts.rows, row) for row in range(len(array))]
    assert found == np.maximum(array.text[array.parts.rows[:, POSITION]], 0).tolist()


def test_streams_are_joined_with_separators():
    text, bounds = join_streams([np.array([5, 6], np.int32), np.array([7], np.int32)])
    assert text.tolist() == [0, 6, 7, 0, 8, 0]
    assert bounds == [1, 4, 6]


@pytest.mark.parametrize(("text", "words"), [([1], "begins with"), ([0, 9], "vocabulary")])
def test_texts_that_cannot_be_sorted_are_refused(text, words):
    with pytest.raises(ValueError, match=words):
        SuffixArray.build(np.array(text, np.int32), 3)


def test_repetitions_in_several_files_are_sorted_in_about_linear_time():
    """Such files come as one ascending run with its smallest values last: quadratic, unmixed."""

    def seconds(length):
        head = np.tile(np.array([3, 4, 5, 6], np.int32), 500)
        text, _ = join_streams([np.concatenate([head, np.full(length, 7, np.int32)])] * 4)
        began = time.process_time()
        SuffixArray.build(text, 20)
        return time.process_time() - began

    seconds(1_000)
    assert seconds(80_000) < 24 * max(seconds(10_000), 0.01)


@pytest.mark.parametrize("vocabulary", [1, 64, 9000])
def test_the_array_over_nothing_is_the_one_that_would_be_built(vocabulary):
    empty, built = (
        SuffixArray.empty(vocabulary),
        SuffixArray.build(np.zeros(1, np.int32), vocabulary),
    )

    for one, other in zip(empty.parts, built.parts, strict=True):
        assert one.dtype == other.dtype
        np.testing.assert_array_equal(one, other)
