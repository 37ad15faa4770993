from itertools import pairwise

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from completer.drafting import suffix_tree as tree
from tests.completer.drafting.reference import hard_texts, tokens


def in_order(nodes):
    """The tree's nodes by an in-order walk."""
    result, stack, at = [], [], nodes[0, tree.ROOT]
    while stack or at:
        while at:
            stack.append(at)
            at = nodes[at, tree.LEFT]
        at = stack.pop()
        result.append(int(at))
        at = nodes[at, tree.RIGHT]
    return result


def context_of(nodes, node):
    context, at = [], nodes[node, tree.PREVIOUS]
    while at and len(context) < 64:
        context.append(int(nodes[at, tree.TOKEN]))
        at = nodes[at, tree.PREVIOUS]
    return context


def text_of(nodes, head):
    text = []
    while head:
        text.append(int(nodes[head, tree.TOKEN]) - 1)
        head = nodes[head, tree.NEXT]
    return text


def check(nodes, texts):
    order = in_order(nodes)
    assert len(order) == sum(map(len, texts))
    contexts = [context_of(nodes, node) for node in order]
    assert contexts == sorted(contexts)
    for before, after in pairwise(order):
        assert nodes[before, tree.AFTER] == after
        assert nodes[after, tree.BEFORE] == before


@settings(max_examples=60, deadline=None)
@given(st.lists(tokens(max_size=90), min_size=1, max_size=6))
def test_rewriting_leaves_what_a_fresh_tree_would_hold(versions):
    nodes, head, tail, length = tree.new_nodes(100), 0, 0, 0
    for ids in versions:
        head, tail = tree.rewrite(nodes, head, tail, length, ids, 2)
        length = len(ids)
        assert text_of(nodes, head) == ids.tolist()
        check(nodes, [ids])


@settings(max_examples=60, deadline=None)
@given(tokens(max_size=80), st.integers(0, 80))
def test_cutting_takes_back_what_was_appended(ids, count):
    nodes = tree.new_nodes(100)
    count = min(count, len(ids))
    last = tree.append(nodes, 0, ids, 2)
    last = tree.cut(nodes, last, count) if count else last
    check(nodes, [ids[: len(ids) - count]])
    assert (last == 0) == (count == len(ids))


@settings(max_examples=60, deadline=None)
@given(tokens(), tokens(max_size=8))
def test_a_context_is_found_between_its_neighbours(ids, pattern):
    nodes = tree.new_nodes(100)
    tree.append(nodes, 0, ids, 2)
    context = pattern + np.int32(1)
    before, after = tree.find(nodes, context)
    if before:
        assert context_of(nodes, before) < context.tolist()
    if after:
        assert context_of(nodes, after) >= context.tolist()


def test_hard_texts_are_held_in_order():
    for ids in hard_texts(400).values():
        nodes = tree.new_nodes(500)
        tree.append(nodes, 0, ids, 2)
        check(nodes, [ids])


def test_a_tree_grows_without_losing_anything():
    nodes = tree.new_nodes(3)
    last = tree.append(nodes, 0, np.array([1, 2, 1], np.int32), 2)
    nodes = tree.grow_nodes(nodes, 50)
    tree.append(nodes, last, np.arange(40, dtype=np.int32), 2)
    check(nodes, [[1, 2, 1, *range(40)]])
