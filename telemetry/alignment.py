"""How far two texts are apart, and where in a long text a short one best fits.

Distances are Levenshtein's. One row of the dynamic programme is one vectorised step: the minimum
over deletions along a row is a running minimum once the column number is taken off.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

Units = NDArray[np.uint32]

_LEXEME: Final = re.compile(r"\w+|[^\w\s]")
_LENGTH_BITS: Final = 32  # a start fits below this, a distance above
_MOST_CELLS: Final = 50_000_000  # of the table of distances: a quarter of a second


@dataclass(frozen=True, slots=True)
class Alignment:
    """Where a needle best fits: `haystack[start:end]`, at this distance."""

    start: int
    end: int
    distance: int


def code_points(text: str) -> Units:
    """The text's code points as numbers, `[len(text)]`."""
    return np.frombuffer(text.encode("utf-32-le", "surrogatepass"), dtype=np.uint32)


def utf16_units(text: str) -> Units:
    """The text's UTF-16 code units as numbers."""
    units = np.frombuffer(text.encode("utf-16-le", "surrogatepass"), dtype=np.uint16)
    return units.astype(np.uint32)


def utf16_length(text: str) -> int:
    """The number of UTF-16 code units, in which clients and the store count."""
    return len(text) if text.isascii() else len(text.encode("utf-16-le", "surrogatepass")) // 2


def utf16_prefix(text: str, units: int) -> str:
    """The first `units` UTF-16 code units of a text, without half a character at the end."""
    if text.isascii():
        return text[:units]
    return text.encode("utf-16-le", "surrogatepass")[: 2 * units].decode("utf-16-le", "ignore")


def levenshtein(one: Units, other: Units) -> int:
    """The fewest insertions, deletions and substitutions between two sequences.

    Where too much differs to find the fewest, as many as it takes to replace all that differs.
    """
    one, other = _without_common_ends(one, other)
    if len(one) * len(other) > _MOST_CELLS:
        return max(len(one), len(other))
    one, other = sorted((one, other), key=len)  # a step for each unit of the shorter
    columns = np.arange(len(other) + 1, dtype=np.int64)
    row = columns.copy()
    for index, unit in enumerate(one):
        step = np.empty_like(row)
        step[0] = index + 1
        np.minimum(row[1:] + 1, row[:-1] + (other != unit), out=step[1:])
        row = np.minimum.accumulate(step - columns) + columns
    return int(row[-1])


def _without_common_ends(one: Units, other: Units) -> tuple[Units, Units]:
    shared = min(len(one), len(other))
    differs = np.flatnonzero(one[:shared] != other[:shared])
    start = int(differs[0]) if len(differs) else shared
    one, other = one[start:], other[start:]
    shared = min(len(one), len(other))
    differs = np.flatnonzero(one[::-1][:shared] != other[::-1][:shared])
    end = int(differs[0]) if len(differs) else shared
    return one[: len(one) - end], other[: len(other) - end]


def best_alignment(needle: str, haystack: str) -> Alignment:
    """The part of `haystack` closest to `needle` (Sellers 1980), the leftmost end among equals."""
    exact = haystack.find(needle)
    if exact >= 0:
        return Alignment(exact, exact + len(needle), 0)
    text = code_points(haystack)
    columns = np.arange(len(text) + 1, dtype=np.int64)
    one = np.int64(1 << _LENGTH_BITS)
    # A cell holds distance and start of the best alignment that ends there, the distance above:
    # comparing cells compares distances, and a start travels along with its alignment.
    row = columns.copy()
    for unit in code_points(needle):
        step = np.empty_like(row)
        step[0] = row[0] + one
        np.minimum(row[1:] + one, row[:-1] + (text != unit) * one, out=step[1:])
        row = np.minimum.accumulate(step - columns * one) + columns * one
    end = int(np.argmin(row >> _LENGTH_BITS))
    cell = int(row[end])
    return Alignment(cell & ((1 << _LENGTH_BITS) - 1), end, cell >> _LENGTH_BITS)


def lexemes(text: str) -> list[str]:
    """Words and single signs; white space separates and is left out."""
    return [found[0] for found in _LEXEME.finditer(text)]  # `findall` would hold up other threads


def lexeme_distance(before: str, after: str) -> tuple[int, int]:
    """Levenshtein's distance over lexemes, and the number of lexemes of `before`."""
    codes: dict[str, int] = {}
    was, now = (
        np.array([codes.setdefault(word, len(codes)) for word in lexemes(text)], dtype=np.uint32)
        for text in (before, after)
    )
    return levenshtein(was, now), len(was)


def four_gram_share(before: str, after: str) -> float | None:
    """The share of `before`'s runs of four characters that `after` has; None below four."""
    was = Counter(_four_grams(before))
    now = Counter(gram for gram in _four_grams(after) if gram in was)
    return (was & now).total() / was.total() if was else None


def _four_grams(text: str) -> Iterator[str]:
    return (text[i : i + 4] for i in range(len(text) - 3))
