"""The live part: texts that change with every key, kept in context order while they change.

The same order as in `suffix_array`, held in a treap (Seidel and Aragon 1996) instead of an array:
one node per token, sorted by the tokens before it. Texts are linked lists of nodes, so that an edit
splices; only the tokens changed and the `DEPTH` tokens after them (whose contexts reach into the
change) are taken out and sorted in again. Appending a token costs one search of the tree, removing
a text leaves nothing behind.

`nodes` is [capacity, 8] int32; node 0 is no node: its token, 0, equals nothing. Columns: see the
constants.
"""

import numpy as np
from numpy.typing import NDArray

from completer.drafting.jit import kernel
from completer.drafting.suffix_array import DEPTH

Int32s = NDArray[np.int32]

TOKEN, PREVIOUS, NEXT, LEFT, RIGHT, BEFORE, AFTER, STREAM = range(8)
"""Token id + 1; neighbours in the text; children in the treap; neighbours in context order; whose
text it is."""

RECENT_BIT, DRAFT_BIT = 1, 2
"""Streams are numbered in steps of `STREAM_STEP`. The bits below say that a node is recent in its
stream; that the stream may be drafted from, but has no say in what is expected."""
STREAM_STEP = 4
BYTES_PER_TOKEN = 32
ROOT = 1
"""Columns of node 0 that hold the tree's root, the first node that is free again (the others by
NEXT; 0: none), and the first that was never used."""
FREE = 5
UNUSED = 6


def new_nodes(capacity: int) -> Int32s:
    """Return an empty tree for `capacity` tokens (at least 1)."""
    nodes = np.zeros((capacity + 1, 8), np.int32)
    nodes[0, UNUSED] = 1
    return nodes


def grow_nodes(nodes: Int32s, capacity: int) -> Int32s:
    """Return the same tree with room for `capacity` tokens; only what it holds is written."""
    if capacity < len(nodes):
        return nodes
    grown, used = np.zeros((capacity + 1, 8), np.int32), nodes[0, UNUSED]
    grown[:used] = nodes[:used]
    return grown


@kernel
def append(nodes: Int32s, last: int, tokens: Int32s, stream: int) -> int:
    """Append token ids after node `last` (0 for a new text); return the new last node.

    The tree must have room: the caller counts.
    """
    for token in tokens:
        node = nodes[0, FREE]
        if node:
            nodes[0, FREE] = nodes[node, NEXT]
        else:
            node = nodes[0, UNUSED]
            nodes[0, UNUSED] += 1
        nodes[node, TOKEN] = token + 1
        nodes[node, PREVIOUS] = last
        nodes[node, NEXT] = 0
        nodes[node, STREAM] = stream
        if last:
            nodes[last, NEXT] = node
        insert(nodes, node)
        last = node
    return last


@kernel
def rewrite(
    nodes: Int32s, head: int, tail: int, length: int, tokens: Int32s, stream: int
) -> tuple[int, int]:
    """Make the text of `length` tokens from `head` to `tail` read `tokens`; return its new ends.

    Only what lies between the common beginning and end is touched, and `DEPTH` tokens after it.
    """
    left, first, kept = 0, head, 0
    while kept < min(length, len(tokens)) and nodes[first, TOKEN] == tokens[kept] + 1:
        left, first = first, nodes[first, NEXT]
        kept += 1
    right, last, end = 0, tail, len(tokens)
    while (
        end > kept
        and length - kept > len(tokens) - end
        and nodes[last, TOKEN] == tokens[end - 1] + 1
    ):
        right, last = last, nodes[last, PREVIOUS]
        end -= 1
    removed = length - kept - (len(tokens) - end)
    if removed == 0 and end == kept:
        return head, tail
    _remove_run(nodes, right, DEPTH)
    _remove_run(nodes, first, removed)
    _free_run(nodes, first, removed)
    if left:
        nodes[left, NEXT] = 0
    last = append(nodes, left, tokens[kept:end], stream)
    if last:
        nodes[last, NEXT] = right
    if right:
        nodes[right, PREVIOUS] = last
        _insert_run(nodes, right, DEPTH)
    new_head = head if left else (first_of(nodes, last, end - kept) if end > kept else right)
    return new_head, tail if right else last


@kernel
def first_of(nodes: Int32s, last: int, count: int) -> int:
    """Return the first of `count` nodes that end in `last`."""
    for _ in range(count - 1):
        last = nodes[last, PREVIOUS]
    return last


@kernel
def mark(nodes: Int32s, last: int, count: int, stream: int) -> int:
    """Write a stream's number to the `count` nodes that end in `last`; return the first of them."""
    first = last
    for _ in range(count):
        if not last:
            break
        nodes[last, STREAM] = stream
        first, last = last, nodes[last, PREVIOUS]
    return int(first)


@kernel
def cut(nodes: Int32s, last: int, count: int) -> int:
    """Remove the `count` tokens that end a text with node `last`; return the new last node."""
    first = first_of(nodes, last, count)
    kept = nodes[first, PREVIOUS]
    _remove_run(nodes, first, count)
    _free_run(nodes, first, count)
    if kept:
        nodes[kept, NEXT] = 0
    return int(kept)


@kernel
def _remove_run(nodes: Int32s, node: int, count: int) -> None:
    for _ in range(count):
        if not node:
            return
        remove(nodes, node)
        node = nodes[node, NEXT]


@kernel
def _insert_run(nodes: Int32s, node: int, count: int) -> None:
    for _ in range(count):
        if not node:
            return
        insert(nodes, node)
        node = nodes[node, NEXT]


@kernel
def _free_run(nodes: Int32s, node: int, count: int) -> None:
    for _ in range(count):
        following = nodes[node, NEXT]
        nodes[node, TOKEN] = 0
        nodes[node, NEXT] = nodes[0, FREE]
        nodes[0, FREE] = node
        node = following


@kernel
def insert(nodes: Int32s, node: int) -> None:
    """Sort `node` into the tree by its context."""
    parent, side, at = 0, ROOT, nodes[0, ROOT]
    before = after = 0
    priority = _priority(node)
    while at and _priority(at) >= priority:
        if _is_before(nodes, node, at):
            parent, side, after = at, LEFT, at
        else:
            parent, side, before = at, RIGHT, at
        at = nodes[at, side]
    nodes[parent, side] = node
    # what was below splits into what comes before and what comes after the new node
    low, low_side, high, high_side = node, LEFT, node, RIGHT
    while at:
        if _is_before(nodes, node, at):
            nodes[high, high_side] = at
            high, high_side, after = at, LEFT, at
            at = nodes[at, LEFT]
        else:
            nodes[low, low_side] = at
            low, low_side, before = at, RIGHT, at
            at = nodes[at, RIGHT]
    nodes[low, low_side] = 0
    nodes[high, high_side] = 0
    nodes[node, BEFORE], nodes[node, AFTER] = before, after
    if before:
        nodes[before, AFTER] = node
    if after:
        nodes[after, BEFORE] = node


@kernel
def remove(nodes: Int32s, node: int) -> None:
    """Take `node` out of the tree; its context must be what it was at `insert`."""
    parent, side, at = 0, ROOT, nodes[0, ROOT]
    while at != node:
        parent = at
        side = LEFT if _is_before(nodes, node, at) else RIGHT
        at = nodes[at, side]
    low, high = nodes[node, LEFT], nodes[node, RIGHT]
    while low and high:
        if _priority(low) >= _priority(high):
            nodes[parent, side] = low
            parent, side, low = low, RIGHT, nodes[low, RIGHT]
        else:
            nodes[parent, side] = high
            parent, side, high = high, LEFT, nodes[high, LEFT]
    nodes[parent, side] = low if low else high
    before, after = nodes[node, BEFORE], nodes[node, AFTER]
    if before:
        nodes[before, AFTER] = after
    if after:
        nodes[after, BEFORE] = before


@kernel
def _is_before(nodes: Int32s, a: int, b: int) -> bool:
    """Compare two nodes' contexts; equal ones are told apart by their number."""
    x, y = nodes[a, PREVIOUS], nodes[b, PREVIOUS]
    for _ in range(DEPTH):
        s, t = nodes[x, TOKEN], nodes[y, TOKEN]
        if s != t:
            return bool(s < t)
        if s == 0:
            break
        x, y = nodes[x, PREVIOUS], nodes[y, PREVIOUS]
    return a < b


@kernel
def _priority(node: int) -> np.uint32:
    """Return a fixed pseudo-random number per node (the finaliser of MurmurHash3)."""
    h = np.uint32(node)
    h = np.uint32((h ^ (h >> np.uint32(16))) * np.uint32(0x85EBCA6B))
    h = np.uint32((h ^ (h >> np.uint32(13))) * np.uint32(0xC2B2AE35))
    return h ^ (h >> np.uint32(16))


@kernel
def common_context(nodes: Int32s, node: int, context: Int32s) -> int:
    """Return how many tokens before `node` equal `context` (stored tokens, nearest first)."""
    length, at = 0, nodes[node, PREVIOUS]
    while length < len(context) and nodes[at, TOKEN] == context[length]:
        length += 1
        at = nodes[at, PREVIOUS]
    return length


@kernel
def find(nodes: Int32s, context: Int32s) -> tuple[int, int]:
    """Return the nodes on either side of where `context` (stored tokens, nearest first) belongs."""
    before = after = 0
    at = nodes[0, ROOT]
    while at:
        if _sorts_before(nodes, at, context):
            before, at = at, nodes[at, RIGHT]
        else:
            after, at = at, nodes[at, LEFT]
    return before, after


@kernel
def _sorts_before(nodes: Int32s, node: int, context: Int32s) -> bool:
    """Whether a node's context sorts before `context`."""
    length, at = 0, nodes[node, PREVIOUS]
    while length < len(context) and nodes[at, TOKEN] == context[length]:
        length += 1
        at = nodes[at, PREVIOUS]
    return length < len(context) and nodes[at, TOKEN] < context[length]
