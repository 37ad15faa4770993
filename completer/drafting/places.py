"""The texts that are drafted from, and what stands at a place in one of them.

A place is a cursor and the kind of text that it points into: a position of a suffix array, or a
node of a suffix tree.
"""

from enum import IntEnum
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from completer.drafting.jit import kernel
from completer.drafting.suffix_array import SortedText
from completer.drafting.suffix_tree import NEXT, RECENT_BIT, STREAM, TOKEN
from completer.drafting.tree import DraftSource

Int32s = NDArray[np.int32]
Float64s = NDArray[np.float64]
Float32s = NDArray[np.float32]


class TextKind(IntEnum):
    """Which of the texts a place is in; see the fields of `Texts`.

    The first two kinds come first because alignments are with these only (`aligning`).
    """

    REPOSITORY = 0
    OWN = 1
    DEPENDENCIES = 2
    SAVED = 3
    OPEN = 4


KINDS = len(TextKind)


class Texts(NamedTuple):
    """Everything that can be drafted from, as the kernels see it."""

    own: Int32s
    """The session's own copy of its document, and what it generates (`suffix_tree`)."""
    live: Int32s
    """Open documents and accepted completions (`suffix_tree`)."""
    saved: Int32s
    """Files saved since the repository was sorted (`suffix_tree`)."""
    repository: SortedText
    """The repository (`suffix_array`)."""
    dependencies: SortedText
    """Installed packages (`suffix_array`)."""
    recycled: Int32s
    """The table of `recycling`."""
    factors: Float64s
    """The factors of `calibration`."""
    coverage: Float32s
    """The weights of `coverage.predict_covered`."""


@kernel
def token_at(texts: Texts, cursor: int, kind: int) -> int:
    """Return the stored token at a place: 0 where a text ends, negative where it is dead."""
    if kind == TextKind.OWN:
        return int(texts.own[cursor, TOKEN])
    if kind == TextKind.OPEN:
        return int(texts.live[cursor, TOKEN])
    if kind == TextKind.SAVED:
        return int(texts.saved[cursor, TOKEN])
    array = texts.repository if kind == TextKind.REPOSITORY else texts.dependencies
    return int(array.text[cursor])


@kernel
def step_on(texts: Texts, cursor: int, kind: int) -> int:
    """Return the cursor of the token after the one at a place; 0 for none, or no place."""
    if kind == TextKind.OWN:
        return int(texts.own[cursor, NEXT])
    if kind == TextKind.OPEN:
        return int(texts.live[cursor, NEXT])
    if kind == TextKind.SAVED:
        return int(texts.saved[cursor, NEXT])
    return cursor + 1 if cursor else 0


@kernel
def origin_of(texts: Texts, cursor: int, kind: int, suffix_stream: int) -> int:
    """Return the `DraftSource` of a place."""
    if kind == TextKind.OWN and texts.own[cursor, STREAM] == suffix_stream:
        return DraftSource.SUFFIX
    return source_of(kind)


@kernel
def source_of(kind: int) -> int:
    """Return the `DraftSource` that a kind of place is of."""
    if kind in (TextKind.OWN, TextKind.OPEN):
        return DraftSource.LIVE
    return DraftSource.DEPENDENCIES if kind == TextKind.DEPENDENCIES else DraftSource.REPOSITORY


@kernel
def is_recent(texts: Texts, cursor: int) -> bool:
    """Whether a place in the session's own text is shortly before the caret."""
    return bool(texts.own[cursor, STREAM] & RECENT_BIT)
