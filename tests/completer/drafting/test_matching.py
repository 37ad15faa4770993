from collections import Counter

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from completer.drafting import matching as m
from completer.drafting import suffix_tree as tree
from completer.drafting.matching import Found
from completer.drafting.places import TextKind
from completer.drafting.suffix_array import SuffixArray, join_streams
from tests.completer.drafting.reference import hard_texts, occurrences, tokens

ROOM = 4096


def gather(array, pattern, hint=0, known=0, room=ROOM, enough=99, hidden=(0, 0)):
    found, weights = np.zeros((room, 4), np.int32), np.zeros(room, np.float32)
    count = m.gather_static(
        array.parts, pattern[::-1] + np.int32(1), hint, known, TextKind.REPOSITORY, room,
        enough, *hidden, found, weights, 0,
    )  # fmt: skip
    return found[:count], weights[:count]


def counted(array, found, weights):
    counts = Counter()
    for (_, _, length, token), weight in zip(found.tolist(), weights.tolist(), strict=True):
        counts[length, token - 1] += weight
    assert np.array_equal(array.text[found[:, Found.CURSOR]], found[:, Found.TOKEN])
    return counts


@settings(max_examples=150, deadline=None)
@given(st.lists(tokens(max_size=30), min_size=1, max_size=4), tokens(max_size=12))
def test_all_occurrences_are_gathered_with_their_lengths(streams, pattern):
    array = SuffixArray.build(join_streams(streams)[0], 3)
    assert counted(array, *gather(array, pattern)) == occurrences(streams, pattern.tolist())


@settings(max_examples=60, deadline=None)
@given(tokens(max_size=40), tokens(max_size=12))
def test_a_hint_changes_nothing_but_the_time(ids, pattern):
    """Where all occurrences have room; a sample may be another one."""
    array = SuffixArray.build(join_streams([ids])[0], 3)
    truth, weights = gather(array, pattern, room=ROOM)
    if not len(truth):
        return
    for hint, _, known, _ in truth[truth[:, Found.LENGTH] == truth[:, Found.LENGTH].max()].tolist():
        found = gather(array, pattern, hint, known, ROOM)
        assert counted(array, *found) == counted(array, truth, weights)


@pytest.mark.parametrize("name", ["one token", "fibonacci", "thue-morse", "random"])
def test_a_sample_stands_for_all_occurrences(name):
    ids = hard_texts(3000)[name]
    array = SuffixArray.build(join_streams([ids])[0], 4)
    found, weights = gather(array, ids[1000:1064], room=24)
    assert len(found) <= 24
    truth = occurrences([ids], ids[1000:1064].tolist())
    assert found[:, Found.LENGTH].max() == max(length for length, _ in truth)
    assert weights.sum() <= sum(truth.values())


def test_the_shortest_matches_are_left_out_where_enough_tokens_match():
    ids = hard_texts(300)["random"]
    array = SuffixArray.build(join_streams([ids])[0], 4)
    everything, some = (gather(array, ids[90:100], enough=enough)[0] for enough in (99, 8))
    assert everything[:, Found.LENGTH].min() == 1
    assert sorted(some.tolist()) == sorted(
        row.tolist() for row in everything if row[Found.LENGTH] > 2
    )


def test_dead_tokens_are_not_found():
    array = SuffixArray.build(join_streams([np.array([0, 1, 2, 0, 1, 0], np.int32)])[0], 3)
    array.kill(3, 4)
    found, _ = gather(array, np.array([0, 1], np.int32))
    assert [int(array.text[cursor]) - 1 for cursor in found[:, Found.CURSOR]] == [0]


def test_positions_that_a_session_does_not_see_are_as_dead_ones():
    array = SuffixArray.build(join_streams([np.array([0, 1, 2, 0, 1, 0], np.int32)])[0], 3)
    hidden, _ = gather(array, np.array([0, 1], np.int32), hidden=(3, 4))
    array.kill(3, 4)
    dead, _ = gather(array, np.array([0, 1], np.int32))
    assert hidden.tolist() == dead.tolist()


@settings(max_examples=100, deadline=None)
@given(tokens(max_size=40), tokens(max_size=12))
def test_the_live_tree_gives_the_same_occurrences(ids, pattern):
    found = gather_live(ids, pattern)
    assert Counter(map(tuple, found[:, 1:].tolist())) == occurrences([ids], pattern.tolist())
    if len(found):
        hint, known, _ = found[found[:, 1].argmax()].tolist()
        again = gather_live(ids, pattern, hint, known)
        assert sorted(again.tolist()) == sorted(found.tolist())


@settings(max_examples=100, deadline=None)
@given(tokens(max_size=30), tokens(max_size=30), tokens(max_size=12))
def test_texts_that_a_session_does_not_see_change_nothing(ids, others, pattern):
    alone = gather_live(ids, pattern)
    beside = {16: others, 24 + tree.DRAFT_BIT: others}
    found = gather_live(ids, pattern, view=np.array([16, 0], np.int32), beside=beside)
    assert sorted(found[:, 1:].tolist()) == sorted(alone[:, 1:].tolist())


def test_what_is_only_drafted_from_is_seen_by_a_draft():
    ids, nothing = np.array([0, 1, 2], np.int32), np.zeros(0, np.int32)
    for drafting in (0, 1):
        view = np.array([0, drafting], np.int32)
        beside = {8 + tree.DRAFT_BIT: ids}
        assert len(gather_live(nothing, ids[:2], view=view, beside=beside)) == drafting


def gather_live(ids, pattern, hint=0, known=0, *, view=None, beside=None):
    """Cursor, length and following token of each occurrence in `ids`, with texts beside it."""
    nodes = tree.new_nodes(128)
    tree.append(nodes, 0, ids, 8)
    for number, other in (beside or {}).items():
        tree.append(nodes, 0, other, number)
    view = np.zeros(2, np.int32) if view is None else view
    found, weights = np.zeros((ROOM, 4), np.int32), np.zeros(ROOM, np.float32)
    context = pattern[::-1] + np.int32(1)
    count = m.gather_live(nodes, context, hint, known, TextKind.OPEN, ROOM, view, found, weights, 0)
    found = found[:count]
    assert np.array_equal(nodes[found[:, Found.CURSOR], tree.TOKEN], found[:, Found.TOKEN])
    return np.column_stack(
        (found[:, Found.CURSOR], found[:, Found.LENGTH], found[:, Found.TOKEN] - 1)
    )


def test_occurrences_are_chained_longest_first():
    found = np.array([[0, 0, 2, 1], [0, 0, 5, 1], [0, 0, 2, 1], [0, 0, 64, 1]], np.int32)
    heads, links = np.zeros(65, np.int32), np.zeros(4, np.int32)
    chain, at = [], m.order_by_length(found, 4, heads, links)
    while at >= 0:
        chain.append(at)
        at = links[at]
    assert chain == [3, 1, 0, 2]
