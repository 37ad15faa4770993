"""The text around a session's caret: its own copy of its document, which no other session sees.

It is held in two streams, before and after the caret, so that the document cannot match itself
across the place where it is being completed. What the session generates grows the first. So what is
expected depends on no other request: not on where its caret was, nor on what it generated.

What sessions in a document generated, taken by somebody or not, is kept beside it, since the model
may say it again (the outputs of SuffixDecoding, Oliaro et al. 2025): the next one there drafts from
it. It has no say in what is expected, or the model's own words would make themselves likelier.
"""

from collections import OrderedDict
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from completer.drafting.live_text import LiveText
from completer.drafting.suffix_tree import BYTES_PER_TOKEN, DRAFT_BIT

Int32s = NDArray[np.int32]

BEFORE, AFTER = "before", "after"
_MOST_BEFORE, _MOST_AFTER = 12_288, 4_096
"""Tokens of a copy: to sort in so many takes about 15 ms, when the caret jumps."""
_BYTES = (_MOST_BEFORE + _MOST_AFTER + 4_096) * BYTES_PER_TOKEN
_ANCHOR = 32
"""So many equal tokens place a window in a longer text."""
_GENERATED, _GENERATED_CONTEXT, _GENERATED_TOKENS = 16, 8, 64
"""So many generated texts are kept, each with so many tokens before the caret and behind it."""
_KEPT = 8
"""So many documents' copies stay when their session ends: the next key changes little in them."""


@dataclass(slots=True, eq=False)
class OwnText:
    """One session's copy of the text of `document`."""

    document: str
    text: LiveText = field(default_factory=lambda: LiveText(_BYTES))
    _generated: OrderedDict[bytes, None] = field(default_factory=OrderedDict)

    def write(self, before: Int32s, after: Int32s, known: Int32s | None) -> None:
        """Take in what stands around the caret, and what is `known` of the document beyond that."""
        if known is not None:
            before = np.concatenate((_beyond(known, before[:_ANCHOR]), before))
            after = np.concatenate((after, _beyond(known[::-1], after[: -_ANCHOR - 1 : -1])[::-1]))
        self.text.write(AFTER, after[:_MOST_AFTER], pinned=True)
        self.text.write(BEFORE, before[-_MOST_BEFORE:], pinned=True)
        self.text.follow(BEFORE)

    def drop_last(self, count: int) -> None:
        """Cut the last tokens off the text before the caret."""
        self.text.truncate(BEFORE, max(0, self.text.length(BEFORE) - count))

    def keep(self, tokens: Int32s, caret: int) -> None:
        """Take in what was generated behind a caret, with what stands before: to draft from."""
        generated = tokens[max(0, caret - _GENERATED_CONTEXT) : caret + _GENERATED_TOKENS]
        if len(tokens) > caret:
            name = generated.tobytes()
            self._generated[name] = None
            self._generated.move_to_end(name)
            self.text.write(name, generated, bits=DRAFT_BIT)
        if len(self._generated) > _GENERATED:
            self.text.drop(self._generated.popitem(last=False)[0])
        self.text.evicted.clear()


class OwnTexts:
    """Hands out copies, and keeps those that the next session can go on with. Not locked."""

    def __init__(self) -> None:
        self._kept: OrderedDict[str, OwnText] = OrderedDict()

    @property
    def nbytes(self) -> int:
        """Bytes of the copies that are kept; for any thread, while sessions begin and end."""
        return sum(own.text.nbytes for own in list(self._kept.values()))

    def take(
        self, document: str | None, before: Int32s, after: Int32s, known: Int32s | None
    ) -> OwnText:
        """Return a copy for a session in `document` (`None`: in none that has a name)."""
        own = self._kept.pop(document, None) if document is not None else None
        own = own or OwnText(document or "")
        own.write(before, after, known)
        return own

    def give_back(self, own: OwnText) -> None:
        """A session has ended; its copy is kept if its document has a name."""
        if own.document:
            self._kept[own.document] = own
            self._kept.move_to_end(own.document)
            while len(self._kept) > _KEPT:
                self._kept.popitem(last=False)

    def forget(self) -> None:
        """Drop all copies."""
        self._kept.clear()


def _beyond(known: Int32s, anchor: Int32s) -> Int32s:
    """Return what stands before `anchor` in `known`; nothing if that is not found or short."""
    if len(anchor) < _ANCHOR or len(known) < _ANCHOR:
        return known[:0]
    starts = np.arange(len(known) - _ANCHOR + 1)
    for place, token in enumerate(anchor):
        starts = starts[known[starts + place] == token]
    return known[: starts[-1]] if len(starts) else known[:0]
