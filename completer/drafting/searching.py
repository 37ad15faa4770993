"""Finds a context's place among the rows of a suffix array, and how far its matches reach.

A step of a search among rows reads the text at a place that no cache holds. So a search goes
through the fences first, and reads the text of the few rows between two of them only.
"""

import numpy as np
from numpy.typing import NDArray

from completer.drafting.jit import kernel
from completer.drafting.suffix_array import (
    FENCE_SHIFT,
    POSITION,
    SortedText,
    code_at,
    code_of,
    packing,
)

Int32s = NDArray[np.int32]
UInt8s = NDArray[np.uint8]
UInt64s = NDArray[np.uint64]

_NEARBY_ROWS = 64


@kernel
def common_length(text: Int32s, position: int, context: Int32s, length: int) -> int:
    """Return how many tokens before `position` equal `context` (stored tokens, nearest first).

    The first `length` are known to.
    """
    while length < len(context) and abs(text[position - 1 - length]) == context[length]:
        length += 1  # text[0] is a separator: the walk ends there at the latest
    return length


@kernel
def row_length(array: SortedText, row: int, context: Int32s) -> int:
    """Return how many tokens before a row's position equal `context`."""
    return common_length(array.text, array.rows[row, POSITION], context, 0)


@kernel
def pack(context: Int32s, bits: int, packed: int) -> np.uint64:
    """Return the key of a context: its nearest token in the highest bits, 0 where it ends."""
    key = np.uint64(0)
    for i in range(packed):
        key <<= np.uint64(bits)
        if i < len(context):
            key |= np.uint64(context[i])
    return key


@kernel
def find_row(array: SortedText, context: Int32s, low: int, high: int) -> int:
    """Return the first of rows [low, high) that does not come before `context`."""
    text, rows, fences = array.text, array.rows, array.fences
    bits, packed = packing(len(array.starts) - 2)
    key = pack(context, bits, packed)
    shift = np.uint64(0)
    after = first_fence(fences, key, shift, low, high)
    beyond = after
    while beyond << FENCE_SHIFT < high and fences[beyond] == key:
        beyond += 1
    low, high = max(low, (after - 1 << FENCE_SHIFT) + 1), min(high, beyond << FENCE_SHIFT)
    while low < high:
        middle = (low + high) >> 1
        if comes_before(text, rows[middle, POSITION], context):
            low = middle + 1
        else:
            high = middle
    return low


@kernel
def first_fence(fences: UInt64s, key: np.uint64, shift: np.uint64, low: int, high: int) -> int:
    """Return the first fence within rows [low, high) that is not below `key`, but for `shift` bits.

    Returns the first fence not within these rows if all are below.
    """
    first = (low + (1 << FENCE_SHIFT) - 1) >> FENCE_SHIFT
    last = max(first, (high + (1 << FENCE_SHIFT) - 1) >> FENCE_SHIFT)
    while first < last:
        middle = (first + last) >> 1
        if fences[middle] >> shift < key >> shift:
            first = middle + 1
        else:
            last = middle
    return first


@kernel
def comes_before(text: Int32s, position: int, context: Int32s) -> bool:
    """Whether the tokens before `position` sort before `context`."""
    length = common_length(text, position, context, 0)
    return length < len(context) and abs(text[position - 1 - length]) < context[length]


@kernel
def first_matching(array: SortedText, low: int, high: int, context: Int32s, length: int) -> int:
    """Return the first row of [low, high] from which on all match `length` tokens; `high` does.

    `length` is a level. Rows nearby are told by their levels; farther ones by fences, or the text.
    """
    rows, code = array.rows, code_of(length)
    for _ in range(_NEARBY_ROWS):
        if high == low or code_at(rows, high) < code:
            return high
        high -= 1
    bits, packed = packing(len(array.starts) - 2)
    if length <= packed:
        shift = np.uint64((packed - length) * bits)
        fence = first_fence(array.fences, pack(context, bits, packed), shift, low, high)
        high = min(high, fence << FENCE_SHIFT)
    else:
        high = _gallop_down(array, low, high, context, length)
    while high > low and code_at(rows, high) >= code:
        high -= 1
    return high


@kernel
def past_matching(array: SortedText, low: int, high: int, context: Int32s, length: int) -> int:
    """Return the end of the run of rows that match `length` tokens, as row low - 1 does; <= `high`.

    `length` is a level. Rows nearby are told by their levels; farther ones by fences, or the text.
    """
    rows, code = array.rows, code_of(length)
    for _ in range(_NEARBY_ROWS):
        if low == high or code_at(rows, low) < code:
            return low
        low += 1
    bits, packed = packing(len(array.starts) - 2)
    if length <= packed:
        shift = np.uint64((packed - length) * bits)
        beyond = ((pack(context, bits, packed) >> shift) + np.uint64(1)) << shift
        fence = first_fence(array.fences, beyond, shift, low, high)
        low = max(low, (fence - 1 << FENCE_SHIFT) + 1)
    else:
        low = _gallop_up(array, low, high, context, length)
    while low < high and code_at(rows, low) >= code:
        low += 1
    return low


@kernel
def _gallop_down(array: SortedText, low: int, high: int, context: Int32s, length: int) -> int:
    """Return the first row of [low, high] that matches, as `high` does, by reading the text."""
    step = _NEARBY_ROWS
    while high - step >= low and _matches(array, high - step, context, length):
        high -= step
        step <<= 1
    low = max(low, high - step + 1)
    while low < high:
        middle = (low + high) >> 1
        if _matches(array, middle, context, length):
            high = middle
        else:
            low = middle + 1
    return high


@kernel
def _gallop_up(array: SortedText, low: int, high: int, context: Int32s, length: int) -> int:
    """Return the first row of [low, high] that does not match, by reading the text."""
    step = _NEARBY_ROWS
    while low + step <= high and _matches(array, low + step - 1, context, length):
        low += step
        step <<= 1
    high = min(high, low + step - 1)
    while low < high:
        middle = (low + high) >> 1
        if _matches(array, middle, context, length):
            low = middle + 1
        else:
            high = middle
    return low


@kernel
def _matches(array: SortedText, row: int, context: Int32s, length: int) -> bool:
    """Whether the `length` tokens before a row's position equal those of `context`."""
    return row_length(array, row, context[:length]) == length
