"""The documents that are open, each as two texts of the live tree: before and after its caret.

They are split so that a document cannot match itself across the place where it is being completed.
An editor reports whole texts; a request brings what its prompt has room for, a window around the
caret: what is known beyond the window is kept, where it still fits.
"""

import numpy as np
from numpy.typing import NDArray

from completer.drafting.live_text import LiveText

Int32s = NDArray[np.int32]

_ANCHOR = 32
"""So many equal tokens place a window in a longer text."""


class OpenDocuments:
    """Splits documents at their carets and writes them into a `LiveText`. Not locked."""

    def __init__(self, live: LiveText) -> None:
        self._live = live
        self._halves: dict[str, tuple[Int32s, Int32s]] = {}

    def __contains__(self, document: str) -> bool:
        return document in self._halves

    def names(self) -> list[str]:
        """Return the names of all documents."""
        return list(self._halves)

    def read(self, document: str, tokens: Int32s) -> None:
        """Take in a whole text, split where the caret was last."""
        _, after = self._halves.get(document, (tokens, tokens[:0]))
        kept = len(tokens) - common_suffix(tokens, after)
        self._write(document, tokens[:kept], tokens[kept:])

    def split(self, document: str, before: Int32s, after: Int32s) -> None:
        """Take in what stands before and after the caret, as far as a request shows it."""
        if document in self._halves:
            known = np.concatenate(self._halves[document])
            before = np.concatenate((_beyond(known, before[:_ANCHOR]), before))
            after = np.concatenate((after, _beyond(known[::-1], after[: -_ANCHOR - 1 : -1])[::-1]))
        self._write(document, before, after)

    def forget(self, document: str) -> None:
        """Remove a document."""
        if self._halves.pop(document, None) is not None:
            self._live.drop((document, "before"))
            self._live.drop((document, "after"))

    def _write(self, document: str, before: Int32s, after: Int32s) -> None:
        self._halves[document] = before, after
        self._live.write((document, "before"), before)
        self._live.write((document, "after"), after)


def common_suffix(a: Int32s, b: Int32s) -> int:
    """Return how many tokens the ends of two texts share."""
    n = min(len(a), len(b))
    different = np.flatnonzero(a[len(a) - n :] != b[len(b) - n :])
    return n - 1 - int(different[-1]) if len(different) else n


def _beyond(known: Int32s, anchor: Int32s) -> Int32s:
    """Return what stands before `anchor` in `known`; nothing if that is not found or short."""
    if len(anchor) < _ANCHOR:
        return known[:0]
    for start in np.flatnonzero(known[: len(known) - len(anchor) + 1] == anchor[0])[::-1]:
        if np.array_equal(known[start : start + len(anchor)], anchor):
            return known[:start]
    return known[:0]
