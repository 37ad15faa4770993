"""Where has this context stood before? Gathers occurrences of a context, longest matches first.

An occurrence is a row of four integers: a cursor on the token that followed, the kind of place it
stands in, how many tokens of context it shares, and that stored token; beside it a weight, the
number of places it stands for. All places of the longest match are taken; of shorter, more frequent
ones an even sample over their range of rows, each weighted by what it stands for.
"""

from enum import IntEnum

import numpy as np
from numpy.typing import NDArray

from completer.drafting.jit import kernel
from completer.drafting.searching import (
    common_length,
    find_row,
    first_matching,
    past_matching,
    row_length,
)
from completer.drafting.suffix_array import (
    POSITION,
    SortedText,
    follower_at,
    level_at,
    level_of,
    packing,
)
from completer.drafting.suffix_tree import (
    AFTER,
    BEFORE,
    DRAFT_BIT,
    RECENT_BIT,
    STREAM,
    TOKEN,
    common_context,
    find,
)

Int32s = NDArray[np.int32]
Float32s = NDArray[np.float32]


class Found(IntEnum):
    """Columns of an occurrence."""

    CURSOR = 0
    KIND = 1
    LENGTH = 2
    TOKEN = 3


class Seen(IntEnum):
    """What a session sees of a tree, as an array of two."""

    HIDDEN = 0
    """The number of the text that it does not see: its document's, of which it has a copy."""
    DRAFTING = 1
    """Whether it sees texts that are only drafted from."""


_MIN_SAMPLE = 8
_PASSED_OVER = 8
"""At most so many places are passed over for each that there is room for."""
_SHORTEST = 3
"""Shorter matches are left out where the longest one is of `enough` tokens."""


@kernel
def gather_static(
    array: SortedText,
    context: Int32s,
    hint: int,
    known: int,
    kind: int,
    room: int,
    enough: int,
    hidden_begin: int,
    hidden_end: int,
    found: Int32s,
    weights: Float32s,
    count: int,
) -> int:
    """Add up to `room` occurrences of `context` in a suffix array; return the new count.

    Positions in [hidden_begin, hidden_end) count as dead.

    Goes outwards from where the context belongs, one level of its length after the other. `hint` is
    a position whose context matches best, on `known` tokens, if one is known; otherwise 0. Where
    `enough` tokens match, the shortest matches, many and wide apart, are left out.
    """
    if len(context) == 0 or context[0] + 1 >= len(array.starts):
        return count
    rows = array.rows
    first, last = array.starts[context[0]], array.starts[context[0] + 1]
    if first == last:
        return count
    _, packed = packing(len(array.starts) - 2)
    if hint:
        low = array.ranks[hint]
        above = level_of(known, packed)
        below = min(above, level_at(rows, low)) if low > first else 0
    else:
        low = find_row(array, context, first, last)
        below = level_of(row_length(array, low - 1, context), packed) if low > first else 0
        above = level_of(row_length(array, low, context), packed) if low < last else 0
    high = low
    end = count + room
    least = _SHORTEST if max(below, above) >= enough else 1
    while count < end and max(below, above) >= least:
        level = max(below, above)
        new_low, new_high = (first, last) if level == 1 else (low, high)
        if level > 1 and below == level:
            new_low = first_matching(array, first, low - 1, context, level)
        if level > 1 and above == level:
            new_high = past_matching(array, high + 1, last, context, level)
        count = _sample(
            array,
            new_low,
            low,
            high,
            new_high,
            context,
            level,
            level < packed,
            kind,
            end,
            hidden_begin,
            hidden_end,
            found,
            weights,
            count,
        )
        if new_low < low:
            low, below = new_low, level_at(rows, new_low) if new_low > first else 0
        if new_high > high:
            high, above = new_high, level_at(rows, new_high) if new_high < last else 0
    return count


@kernel
def _sample(
    array: SortedText,
    new_low: int,
    low: int,
    high: int,
    new_high: int,
    context: Int32s,
    level: int,
    exact: bool,
    kind: int,
    end: int,
    hidden_begin: int,
    hidden_end: int,
    found: Int32s,
    weights: Float32s,
    count: int,
) -> int:
    """Add an even sample of rows [new_low, low) and [high, new_high); return the new count.

    level: how many tokens all of them match, exactly or at least.
    """
    text, rows = array.text, array.rows
    fresh = (low - new_low) + (new_high - high)
    sample = min(fresh, max(_MIN_SAMPLE, (end - count) // 2), end - count)
    for k in range(sample):
        row = new_low + (k if sample == fresh else (k * fresh + fresh // 2) // sample)
        if row >= low:
            row += high - low
        position, token = rows[row, POSITION], follower_at(rows, row)
        if token > 0 and not hidden_begin <= position < hidden_end:
            length = level if exact else common_length(text, position, context, level)
            found[count, Found.CURSOR], found[count, Found.KIND] = position, kind
            found[count, Found.TOKEN], found[count, Found.LENGTH] = token, length
            weights[count] = fresh / sample
            count += 1
    return count


@kernel
def gather_live(
    nodes: Int32s,
    context: Int32s,
    hint: int,
    known: int,
    kind: int,
    room: int,
    view: Int32s,
    found: Int32s,
    weights: Float32s,
    count: int,
) -> int:
    """Add the up to `room` occurrences of `context` nearest in a live tree; return the new count.

    `hint` is a node whose context matches best, on `known` tokens, if one is known; otherwise 0.
    view: [2] what is seen of the tree: see `Seen`.
    """
    if hint:
        before, after = nodes[hint, BEFORE], hint
        above = known
    else:
        before, after = find(nodes, context)
        above = common_context(nodes, after, context) if after else 0
    below = common_context(nodes, before, context) if before else 0
    end, looks = count + room, _PASSED_OVER * room
    while count < end and looks and (below or above):
        if below > above:
            node, length = before, below
            before = nodes[before, BEFORE]
            below = common_context(nodes, before, context[:below]) if before else 0
        else:
            node, length = after, above
            after = nodes[after, AFTER]
            above = common_context(nodes, after, context[:above]) if after else 0
        stream = nodes[node, STREAM] & ~RECENT_BIT
        if stream & DRAFT_BIT and not view[Seen.DRAFTING]:
            continue  # as if it were not there: no bound is spent on it either
        looks -= 1
        if stream != view[Seen.HIDDEN]:
            found[count, Found.CURSOR], found[count, Found.KIND] = node, kind
            found[count, Found.TOKEN], found[count, Found.LENGTH] = nodes[node, TOKEN], length
            weights[count] = 1.0
            count += 1
    return count


@kernel
def order_by_length(found: Int32s, count: int, heads: Int32s, links: Int32s) -> int:
    """Chain the occurrences, longest match first; return the first (-1: none).

    `links[i]` is the occurrence after i; `heads` is room for one entry per length.
    """
    heads[:] = -1
    for i in range(count - 1, -1, -1):
        length = found[i, Found.LENGTH]
        links[i] = heads[length]
        heads[length] = i
    first, last = -1, -1
    for length in range(len(heads) - 1, 0, -1):
        i = heads[length]
        if i < 0:
            continue
        if last < 0:
            first = i
        else:
            links[last] = i
        while links[i] >= 0:
            i = links[i]
        last = i
    return first
