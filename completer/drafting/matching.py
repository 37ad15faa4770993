"""Where has this context stood before? Gathers occurrences of a context, longest matches first.

An occurrence is a row of three integers: a cursor on the token that followed, the kind of place it
stands in, and how many tokens of context it shares; beside it a weight, the number of places it
stands for. All places of the longest match are taken; of shorter, more frequent ones an even sample
over their range of rows, each weighted by what it stands for.
"""

import numpy as np
from numba import njit
from numpy.typing import NDArray

from completer.drafting.suffix_array import RANKS, ROWS, TEXT
from completer.drafting.suffix_tree import AFTER, BEFORE, common_context, find, find_near

Int32s = NDArray[np.int32]
Float32s = NDArray[np.float32]
UInt8s = NDArray[np.uint8]

CURSOR, KIND, LENGTH = range(3)
"""Columns of an occurrence."""

REPOSITORY, LIVE, DEPENDENCIES, SAVED = range(4)
"""Kinds of places; the first three equal the `Source` of the same name."""
KINDS = 4

_MIN_SAMPLE = 8
_NEARBY_ROWS = 256


@njit(cache=True, nogil=True)
def common_length(text: Int32s, position: int, context: Int32s) -> int:
    """Return how many tokens before `position` equal `context` (stored tokens, nearest first)."""
    length = 0
    while length < len(context) and abs(text[position - 1 - length]) == context[length]:
        length += 1  # text[0] is a separator: the walk ends there at the latest
    return length


@njit(cache=True, nogil=True)
def find_row(text: Int32s, rows: Int32s, low: int, high: int, context: Int32s, hint: int) -> int:
    """Return the first of rows [low, high) that does not come before `context`.

    `hint` is a row to gallop from, where one near the place is known; otherwise -1.
    """
    if hint >= 0:
        low, high = _bracket(text, rows, low, high, context, hint)
    while low < high:
        middle = (low + high) >> 1
        if comes_before(text, rows[middle], context):
            low = middle + 1
        else:
            high = middle
    return low


@njit(cache=True, nogil=True)
def comes_before(text: Int32s, position: int, context: Int32s) -> bool:
    """Whether the tokens before `position` sort before `context`."""
    length = common_length(text, position, context)
    return length < len(context) and abs(text[position - 1 - length]) < context[length]


@njit(cache=True, nogil=True)
def _bracket(
    text: Int32s, rows: Int32s, low: int, high: int, context: Int32s, hint: int
) -> tuple[int, int]:
    """Narrow [low, high) down to where `context` belongs, in steps that double from `hint` on."""
    step = 1
    if comes_before(text, rows[hint], context):
        low = hint + 1
        while low + step <= high and comes_before(text, rows[low + step - 1], context):
            low += step
            step <<= 1
        return low, min(high, low + step - 1)
    high = hint
    while high - step >= low and not comes_before(text, rows[high - step], context):
        high -= step
        step <<= 1
    return max(low, high - step + 1), high


@njit(cache=True, nogil=True)
def first_matching(
    columns: Int32s, shared: UInt8s, low: int, high: int, context: Int32s, length: int
) -> int:
    """Return the first row of [low, high] from which on all match `length` tokens; `high` does.

    `length` is a power of two. Nearby rows are told by `shared`; then the search gallops.
    """
    for _ in range(_NEARBY_ROWS):
        if high == low or shared[high] < length:
            return high
        high -= 1
    text, rows = columns[TEXT], columns[ROWS]
    step = _NEARBY_ROWS
    while high - step >= low and matches(text, rows[high - step], context, length):
        high -= step
        step <<= 1
    low = max(low, high - step + 1)
    while low < high:
        middle = (low + high) >> 1
        if matches(text, rows[middle], context, length):
            high = middle
        else:
            low = middle + 1
    return high


@njit(cache=True, nogil=True)
def past_matching(
    columns: Int32s, shared: UInt8s, low: int, high: int, context: Int32s, length: int
) -> int:
    """Return the end of the run of rows that match `length` tokens, as row low - 1 does; <= `high`.

    `length` is a power of two. Nearby rows are told by `shared`; then the search gallops.
    """
    for _ in range(_NEARBY_ROWS):
        if low == high or shared[low] < length:
            return low
        low += 1
    text, rows = columns[TEXT], columns[ROWS]
    step = _NEARBY_ROWS
    while low + step <= high and matches(text, rows[low + step - 1], context, length):
        low += step
        step <<= 1
    high = min(high, low + step - 1)
    while low < high:
        middle = (low + high) >> 1
        if matches(text, rows[middle], context, length):
            low = middle + 1
        else:
            high = middle
    return low


@njit(cache=True, nogil=True)
def matches(text: Int32s, position: int, context: Int32s, length: int) -> bool:
    """Whether the `length` tokens before `position` equal those of `context`."""
    return common_length(text, position, context[:length]) == length


@njit(cache=True, nogil=True)
def round_down(length: int) -> int:
    """Return the largest power of two that is not above `length`; 0 for 0."""
    power = 1
    while power <= length:
        power <<= 1
    return power >> 1


@njit(cache=True, nogil=True)
def gather_static(
    columns: Int32s,
    shared: UInt8s,
    starts: Int32s,
    context: Int32s,
    hint: int,
    kind: int,
    room: int,
    found: Int32s,
    weights: Float32s,
    count: int,
) -> int:
    """Add up to `room` occurrences of `context` in a suffix array; return the new count.

    Goes outwards from where the context belongs, one power of two of its length after the other.
    `hint` is a position whose context matches well, if one is known; otherwise 0.
    """
    if len(context) == 0 or context[0] + 1 >= len(starts):
        return count
    text, rows = columns[TEXT], columns[ROWS]
    first, last = starts[context[0]], starts[context[0] + 1]
    if first == last:
        return count
    low = find_row(text, rows, first, last, context, columns[RANKS, hint] if hint else -1)
    high = low
    below = common_length(text, rows[low - 1], context) if low > first else 0
    above = common_length(text, rows[high], context) if high < last else 0
    below, above = round_down(below), round_down(above)
    end = count + room
    while count < end and max(below, above) > 0:
        length = max(below, above)
        new_low, new_high = (first, last) if length == 1 else (low, high)
        if length > 1 and below == length:
            new_low = first_matching(columns, shared, first, low - 1, context, length)
        if length > 1 and above == length:
            new_high = past_matching(columns, shared, high + 1, last, context, length)
        count = _sample(
            text, rows, new_low, low, high, new_high, context, kind, end, found, weights, count
        )
        if new_low < low:
            low, below = new_low, shared[new_low] if new_low > first else 0
        if new_high > high:
            high, above = new_high, shared[new_high] if new_high < last else 0
    return count


@njit(cache=True, nogil=True)
def _sample(
    text: Int32s,
    rows: Int32s,
    new_low: int,
    low: int,
    high: int,
    new_high: int,
    context: Int32s,
    kind: int,
    end: int,
    found: Int32s,
    weights: Float32s,
    count: int,
) -> int:
    """Add an even sample of rows [new_low, low) and [high, new_high); return the new count."""
    fresh = (low - new_low) + (new_high - high)
    sample = min(fresh, max(_MIN_SAMPLE, (end - count) // 2), end - count)
    for k in range(sample):
        row = new_low + (k * fresh + fresh // 2) // sample
        if row >= low:
            row += high - low
        position = rows[row]
        if text[position] > 0:
            found[count, CURSOR], found[count, KIND] = position, kind
            found[count, LENGTH] = common_length(text, position, context)
            weights[count] = fresh / sample
            count += 1
    return count


@njit(cache=True, nogil=True)
def gather_live(
    nodes: Int32s,
    context: Int32s,
    hint: int,
    kind: int,
    room: int,
    found: Int32s,
    weights: Float32s,
    count: int,
) -> int:
    """Add the up to `room` occurrences of `context` nearest in a live tree; return the new count.

    `hint` is a node whose context matches well, if one is known; otherwise 0.
    """
    before, after = find_near(nodes, context, hint) if hint else find(nodes, context)
    below = common_context(nodes, before, context) if before else 0
    above = common_context(nodes, after, context) if after else 0
    end = count + room
    while count < end and (below or above):
        if below > above:
            found[count, CURSOR], found[count, LENGTH] = before, below
            before = nodes[before, BEFORE]
            below = common_context(nodes, before, context[:below]) if before else 0
        else:
            found[count, CURSOR], found[count, LENGTH] = after, above
            after = nodes[after, AFTER]
            above = common_context(nodes, after, context[:above]) if after else 0
        found[count, KIND] = kind
        weights[count] = 1.0
        count += 1
    return count


@njit(cache=True, nogil=True)
def order_by_length(found: Int32s, count: int, heads: Int32s, links: Int32s) -> int:
    """Chain the occurrences, longest match first; return the first (-1: none).

    `links[i]` is the occurrence after i; `heads` is room for one entry per length.
    """
    heads[:] = -1
    for i in range(count - 1, -1, -1):
        length = found[i, LENGTH]
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
