"""The static part: every position of a corpus, sorted by the tokens that stand before it.

A suffix array read backwards. Row r names a position i of the text; rows are in order of text[i-1],
then text[i-2], and so on, so that all places whose context ends in the same tokens stand side by
side, longer matches nested within shorter ones: one search finds every order of context at once.

Text: int32, token id + 1; 0 separates files and equals nothing; a negative value is a dead token
(its file was changed or deleted) that keeps its place in the order but is never proposed. text[0]
is a separator.

Sorting is by packed keys (the last few tokens in 64 bits, radix sort), then by prefix doubling
within what is still equal (Manber and Myers 1990; Larsson and Sadakane 1999), which ends at `DEPTH`
tokens. The doubling tells on its way, for free, in which power of two two neighbours part; the keys
tell it exactly. Every sixteenth key is kept: a search among these stays in the processor's caches,
where one among the rows would miss them at every step.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numba import njit
from numpy.typing import NDArray

from completer.drafting.jit import kernel

DEPTH = 64
"""Contexts are sorted, and matched, by at most this many tokens."""

POSITION, FOLLOWER = range(2)
"""Columns of a row: the position that it names; the stored token there in the lower bits, above
these the code of the level that it shares with the row before, and a sign if the token is dead."""
_TOKEN_BITS, _CODE_MASK = 27, 15
_TOKEN_MASK, _DEAD = (1 << _TOKEN_BITS) - 1, -(1 << 31)

FENCE_SHIFT = 4
"""Every 2 ** FENCE_SHIFT rows, one's key is kept."""

_DIGIT = 11
_INSERTION_MAX = 24

Int32s = NDArray[np.int32]
UInt8s = NDArray[np.uint8]
UInt64s = NDArray[np.uint64]


class SortedText(NamedTuple):
    """The arrays of a suffix array, as the kernels see them."""

    text: Int32s
    """[n] token id + 1; 0 separates; negative is dead."""
    rows: Int32s
    """[n, 2] positions sorted by context, each with the token that stands there and how many tokens
    rows r - 1 and r have in common: read from neighbouring rows, not from all over the text."""
    ranks: Int32s
    """[n] the row of each position."""
    starts: Int32s
    """[vocabulary + 2] contexts that end in token id t are rows `starts[t + 1]:starts[t + 2]`."""
    fences: UInt64s
    """[ceil(n / 16)] the packed contexts of rows 0, 16, 32, ..."""


@dataclass(frozen=True, slots=True)
class SuffixArray:
    """A text, its positions in context order, and where each token's contexts begin."""

    parts: SortedText

    @classmethod
    def build(cls, text: Int32s, vocabulary_size: int) -> "SuffixArray":
        """Sort `text` (as described above); releases the lock while it does.

        Raises ValueError if `text` does not begin with a separator or holds ids beyond the
        vocabulary.
        """
        if not len(text) or text[0] != 0:
            raise ValueError("a text begins with a separator (0)")
        if int(text.max()) > vocabulary_size:
            raise ValueError(f"token ids reach beyond the vocabulary of {vocabulary_size}")
        order, shared, fences = sort_contexts(text, vocabulary_size)
        rows, ranks = np.empty((len(text), 2), np.int32), np.empty(len(text), np.int32)
        _fill_rows(text, order, shared, rows, ranks)
        starts = count_starts(text, vocabulary_size)
        return cls(SortedText(text, rows, ranks, starts, fences))

    @classmethod
    def empty(cls, vocabulary_size: int) -> "SuffixArray":
        """Return the array over no files, as `build` would; nothing is compiled for it."""
        starts = np.ones(vocabulary_size + 2, np.int32)
        starts[0] = 0
        only = np.zeros(1, np.int32)
        no_fence = np.zeros(1, np.uint64)
        return cls(SortedText(only, np.zeros((1, 2), np.int32), only.copy(), starts, no_fence))

    @property
    def text(self) -> Int32s:
        """[n] token id + 1; 0 separates; negative is dead."""
        return self.parts.text

    def kill(self, begin: int, end: int) -> None:
        """Let the tokens at positions [begin, end) not be proposed any more."""
        _set_alive(self.parts, begin, end, -1)

    def revive(self, begin: int, end: int) -> None:
        """Let them be proposed again."""
        _set_alive(self.parts, begin, end, 1)

    @property
    def nbytes(self) -> int:
        """Bytes held."""
        return sum(part.nbytes for part in self.parts)

    def __len__(self) -> int:
        return len(self.parts.text)


def join_streams(streams: Sequence[Int32s]) -> tuple[Int32s, list[int]]:
    """Join token streams into one text; return it, and where each begins in it, and its end.

    The text has a separator before every stream and one at the end.
    """
    bounds = np.cumsum([1, *(len(stream) + 1 for stream in streams)]).tolist()
    text = np.zeros(bounds[-1], np.int32)
    for begin, stream in zip(bounds, streams, strict=False):
        np.add(stream, 1, out=text[begin : begin + len(stream)])
    return text, bounds


def sort_contexts(text: Int32s, vocabulary_size: int) -> tuple[Int32s, UInt8s, UInt64s]:
    """Sort the positions of `text` by the `DEPTH` tokens before them (ties in any order).

    Returns the positions, how many tokens each has in common with the one before it, rounded down
    by `level_of` (at most `DEPTH`), and the fences.
    """
    n = len(text)
    bits, packed = packing(vocabulary_size)
    keys, spare_keys = np.empty(n, np.uint64), np.empty(n, np.uint64)
    rows, ranks = np.empty(n, np.int32), np.empty(n, np.int32)
    _pack_contexts(text, bits, packed, keys)
    if _sort_keys(keys, spare_keys, rows, ranks, packed * bits):
        keys, spare_keys, rows, ranks = spare_keys, keys, ranks, rows
    shared = np.empty(n + 1, np.uint8)
    _compare_keys(keys, bits, packed, shared)
    fences = keys[:: 1 << FENCE_SHIFT].copy()
    groups = np.empty((n // 2 + 1, 2), np.int32)
    count = _rank_keys(keys, rows, ranks, groups)
    depth, buffer, spare = packed, spare_keys.view(np.int64), keys.view(np.int32)[: n // 2 * 2]
    spare = spare.reshape(-1, 2)
    while depth < DEPTH and count:
        parts = _refine_groups(rows, ranks, shared, depth, groups[:count], spare, buffer)
        _rank_groups(rows, ranks, shared, groups[:count])
        count = parts
        groups, spare = spare, groups
        depth *= 2
    return rows, shared, fences


@kernel
def packing(vocabulary_size: int) -> tuple[int, int]:
    """Return how many bits a stored token takes in a key, and how many tokens are in one."""
    bits = 1
    while vocabulary_size >> bits:
        bits += 1
    return bits, (4 if 4 * bits <= 64 else 2)


@kernel
def level_of(length: int, packed: int) -> int:
    """Return the largest level that is not above `length`: 0, all below `packed`, powers of two."""
    if length < packed:
        return length
    power = packed
    while 2 * power <= length:
        power *= 2
    return power


@njit(cache=True, nogil=True)
def count_starts(text: Int32s, vocabulary_size: int) -> Int32s:
    """Return where each stored token's contexts begin among the rows: [vocabulary_size + 2]."""
    starts = np.zeros(vocabulary_size + 2, np.int32)
    starts[1] = 1  # position 0 has no context: it sorts with those after a separator
    for i in range(len(text) - 1):
        starts[abs(text[i]) + 1] += 1
    for token in range(vocabulary_size + 1):
        starts[token + 1] += starts[token]
    return starts


@kernel
def _fill_rows(text: Int32s, order: Int32s, shared: UInt8s, rows: Int32s, ranks: Int32s) -> None:
    for row in range(len(order)):
        position = order[row]
        token, code = np.int64(text[position]), code_of(shared[row])
        rows[row, POSITION] = position
        rows[row, FOLLOWER] = code << _TOKEN_BITS | abs(token) | (_DEAD if token < 0 else 0)
        ranks[position] = row


@kernel
def code_of(level: int) -> int:
    """Return the code of a level (see `level_of`), from 0 to 8: the larger, the larger."""
    return min(level, 4) + (level > 4) + (level > 8) + (level > 16) + (level > 32)


@kernel
def code_at(rows: Int32s, row: int) -> int:
    """Return the code of the level that rows row - 1 and row share."""
    return int(rows[row, FOLLOWER] >> _TOKEN_BITS) & _CODE_MASK


@kernel
def level_at(rows: Int32s, row: int) -> int:
    """Return how many tokens rows row - 1 and row have in common, as `level_of` rounds it."""
    code = code_at(rows, row)
    return code if code <= 4 else 1 << (code - 2)


@kernel
def follower_at(rows: Int32s, row: int) -> int:
    """Return the stored token at a row's position; 0 for one that is dead."""
    follower = int(rows[row, FOLLOWER])
    return follower & _TOKEN_MASK if follower >= 0 else 0


@kernel
def _set_alive(parts: SortedText, begin: int, end: int, sign: int) -> None:
    for position in range(begin, end):
        parts.text[position] = sign * abs(parts.text[position])
        row = parts.ranks[position]
        follower = parts.rows[row, FOLLOWER] & ~_DEAD
        parts.rows[row, FOLLOWER] = follower | _DEAD if sign < 0 else follower


@kernel
def _pack_contexts(text: Int32s, bits: int, packed: int, keys: UInt64s) -> None:
    """Write per position its last `packed` tokens as one key, the nearest in the highest bits."""
    top, step = np.uint64((packed - 1) * bits), np.uint64(bits)
    key = np.uint64(0)
    for i in range(len(text)):
        keys[i] = key
        token = np.uint64(abs(text[i]))
        key = (key >> step) | (token << top)
        if token == 0:  # nothing matches across files: do not sort by it
            key = np.uint64(0)


@njit(cache=True, nogil=True)
def _sort_keys(
    keys: UInt64s, other_keys: UInt64s, rows: Int32s, other_rows: Int32s, bits: int
) -> bool:
    """Radix-sort `keys` of `bits` bits from the least digit on, and number them in `rows`.

    The others are room as large. Returns whether the result is in them.
    """
    n, digits = len(keys), (bits + _DIGIT - 1) // _DIGIT
    mask, width = np.uint64((1 << _DIGIT) - 1), np.uint64(_DIGIT)
    places = np.zeros((digits, 1 << _DIGIT), np.int64)
    for i in range(n):
        rows[i] = i
        key = keys[i]
        for digit in range(digits):
            places[digit, np.int64(key & mask)] += 1
            key >>= width
    for digit in range(digits):
        shift, at, begin = np.uint64(digit * _DIGIT), places[digit], np.int64(0)
        for each in range(len(at)):
            begin += at[each]
            at[each] = begin - at[each]
        for i in range(n):
            value = np.int64((keys[i] >> shift) & mask)
            place = at[value]
            at[value] += 1
            other_keys[place] = keys[i]
            other_rows[place] = rows[i]
        keys, other_keys = other_keys, keys
        rows, other_rows = other_rows, rows
    return digits % 2 == 1


@kernel
def _compare_keys(keys: UInt64s, bits: int, packed: int, shared: UInt8s) -> None:
    """Write how many tokens neighbouring keys share, or `DEPTH` where they are equal."""
    shared[0] = shared[-1] = 0
    for i in range(1, len(keys)):
        difference = keys[i] ^ keys[i - 1]
        shared[i] = DEPTH
        if difference:
            length, rest = 0, np.uint64((packed - 1) * bits)
            while not difference >> rest:
                length += 1
                rest -= np.uint64(bits)
            shared[i] = length


@kernel
def _rank_keys(keys: UInt64s, rows: Int32s, ranks: Int32s, groups: Int32s) -> int:
    """Write positions' ranks by sorted key, and the groups [low, high) of equals; count these."""
    n = len(keys)
    count = low = 0
    for i in range(1, n + 1):
        if i < n and keys[i] == keys[low]:
            continue
        for j in range(low, i):
            ranks[rows[j]] = low
        if i - low > 1:
            groups[count, 0], groups[count, 1] = low, i
            count += 1
        low = i
    return count


@njit(cache=True, nogil=True)
def _refine_groups(
    rows: Int32s,
    ranks: Int32s,
    shared: UInt8s,
    depth: int,
    groups: Int32s,
    remaining: Int32s,
    buffer: NDArray[np.int64],
) -> int:
    """Sort each group, equal on `depth` tokens, by the rank of what stands `depth` tokens earlier.

    Writes the groups still equal on 2 * depth tokens to `remaining` and returns their number.
    """
    count = 0
    for group in range(len(groups)):
        low, size = groups[group, 0], groups[group, 1] - groups[group, 0]
        for j in range(size):
            position = np.int64(rows[low + j])
            rank = np.int64(ranks[position - depth]) if position >= depth else np.int64(0)
            buffer[j] = (rank << 32) | position
        _sort(buffer[:size])
        for j in range(size):
            rows[low + j] = buffer[j] & 0xFFFFFFFF
        first = 0
        for j in range(1, size + 1):
            if j < size and buffer[j] >> 32 == buffer[first] >> 32:
                continue
            if j < size:
                shared[low + j] = depth
            if j - first > 1:
                remaining[count, 0], remaining[count, 1] = low + first, low + j
                count += 1
            first = j
    return count


@njit(cache=True, nogil=True)
def _rank_groups(rows: Int32s, ranks: Int32s, shared: UInt8s, groups: Int32s) -> None:
    """Rank the positions of refined groups anew: only when all are, so that depths stay exact."""
    for group in range(len(groups)):
        first = groups[group, 0]
        for row in range(groups[group, 0], groups[group, 1]):
            if shared[row] < DEPTH:
                first = row
            ranks[rows[row]] = first


@njit(cache=True, nogil=True)
def _sort(values: NDArray[np.int64]) -> None:
    """Sort in place; most groups are small, where insertion is quickest.

    Numba's sort takes quadratic time over some orders that texts full of repetitions come in, such
    as an ascending one with its smallest values last. Mixed first, none of them are left.
    """
    if len(values) > _INSERTION_MAX:
        _mix(values)
        values.sort()
        return
    for i in range(1, len(values)):
        value, j = values[i], i - 1
        while j >= 0 and values[j] > value:
            values[j + 1] = values[j]
            j -= 1
        values[j + 1] = value


@njit(cache=True, nogil=True)
def _mix(values: NDArray[np.int64]) -> None:
    """Put `values` into an order that does not depend on the one that they are in."""
    state = np.uint64(88172645463325252)
    for i in range(len(values) - 1, 0, -1):
        state ^= state << np.uint64(13)
        state ^= state >> np.uint64(7)
        state ^= state << np.uint64(17)
        j = np.int64(state % np.uint64(i + 1))
        values[i], values[j] = values[j], values[i]
