"""How far two texts are apart, and where in a long text a short one best fits.

Distances are Levenshtein's, by Myers's bit vectors (1999) as Hyyrö states them (2003): a column of
the table of distances is two integers of a bit for each unit of the pattern.
"""

from __future__ import annotations

import re
from array import array
from collections import Counter
from collections.abc import Hashable, Iterator, Sequence
from dataclasses import dataclass
from typing import Final

Units = Sequence[Hashable]
"""A text's characters, or numbers that stand for its parts."""

_LEXEME: Final = re.compile(r"\w+|[^\w\s]")
_MOST_CELLS: Final = 50_000_000  # of the table of distances: a quarter of a second


@dataclass(frozen=True, slots=True)
class Alignment:
    """Where a needle best fits: `haystack[start:end]`, at this distance."""

    start: int
    end: int
    distance: int


def utf16_units(text: str) -> array[int]:
    """The text's UTF-16 code units."""
    return array("H", text.encode("utf-16-le", "surrogatepass"))


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
    if not one or not other or len(one) * len(other) > _MOST_CELLS:
        return max(len(one), len(other))
    one, other = sorted((one, other), key=len, reverse=True)
    *_, distance = _distances(one, other, anchored=True)
    return distance


def _without_common_ends(one: Units, other: Units) -> tuple[Units, Units]:
    start = _shared(zip(one, other, strict=False))
    one, other = one[start:], other[start:]
    end = _shared(zip(reversed(one), reversed(other), strict=False))
    return one[: len(one) - end], other[: len(other) - end]


def _shared(pairs: Iterator[tuple[Hashable, Hashable]]) -> int:
    count = 0
    for one, other in pairs:
        if one != other:
            break
        count += 1
    return count


def _distances(pattern: Units, text: Units, *, anchored: bool) -> Iterator[int]:
    """Yield, for each end in `text` from 0 on, how far `pattern` is from what ends there.

    That is all of the text before it if `anchored`, else the part that is closest. There must be a
    pattern.
    """
    every, last = (1 << len(pattern)) - 1, 1 << (len(pattern) - 1)
    places: dict[Hashable, int] = {}
    for index, unit in enumerate(pattern):
        places[unit] = places.get(unit, 0) | 1 << index
    rises, falls, distance = every, 0, len(pattern)  # down a column, one bit a row
    yield distance
    for unit in text:
        equal = places.get(unit, 0)
        same = (((equal & rises) + rises) ^ rises) | equal | falls  # as diagonally before
        more, less = falls | ~(same | rises) & every, rises & same  # than in the column before
        distance += bool(more & last) - bool(less & last)
        more, less = (more << 1 | anchored) & every, less << 1 & every
        rises, falls = less | ~(same | more) & every, more & same
        yield distance


def best_alignment(needle: str, haystack: str) -> Alignment:
    """The part of `haystack` closest to `needle` (Sellers 1980), the leftmost end among equals.

    Of the parts that end there, the longest.
    """
    exact = haystack.find(needle)
    if exact >= 0:
        return Alignment(exact, exact + len(needle), 0)
    ends = enumerate(_distances(needle, haystack, anchored=False))
    end, distance = min(ends, key=lambda found: found[1])
    reach = haystack[max(0, end - len(needle) - distance) : end][::-1]
    starts = enumerate(_distances(needle[::-1], reach, anchored=True))
    length = max(length for length, far in starts if far == distance)
    return Alignment(end - length, end, distance)


def lexemes(text: str) -> list[str]:
    """Words and single signs; white space separates and is left out."""
    return [found[0] for found in _LEXEME.finditer(text)]  # `findall` would hold up other threads


def lexeme_distance(before: str, after: str) -> tuple[int, int]:
    """Levenshtein's distance over lexemes, and the number of lexemes of `before`."""
    codes: dict[str, int] = {}
    was, now = (
        [codes.setdefault(word, len(codes)) for word in lexemes(text)] for text in (before, after)
    )
    return levenshtein(was, now), len(was)


def four_gram_share(before: str, after: str) -> float | None:
    """The share of `before`'s runs of four characters that `after` has; None below four."""
    was = Counter(_four_grams(before))
    now = Counter(gram for gram in _four_grams(after) if gram in was)
    return (was & now).total() / was.total() if was else None


def _four_grams(text: str) -> Iterator[str]:
    return (text[i : i + 4] for i in range(len(text) - 3))
