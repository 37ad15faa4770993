"""The tokens that go on with one of some names: names as a trie over a tokenizer's tokens."""

import re
from collections import OrderedDict, defaultdict
from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray

Mask = NDArray[np.bool_]

_WORD = re.compile(r"\w*")
_HAS_WORD = re.compile(r"\w")
_REMEMBERED = 256  # masks of as many bytes as the vocabulary has tokens


class NameTokens:
    """Which of a vocabulary's tokens may come where a name is being written.

    pieces: [V] the text of each token; special ones have none. encode: how text becomes tokens.
    May be used from any thread.
    """

    def __init__(self, pieces: Sequence[str], encode: Callable[[str], Sequence[int]]) -> None:
        self.pieces = pieces
        self._encode = encode
        self._inside: defaultdict[str, list[int]] = defaultdict(list)
        """Tokens that are all word, by their text."""
        self._last: defaultdict[str, list[int]] = defaultdict(list)
        """Tokens that begin as a word and go on as something else, by the word."""
        for token, piece in enumerate(pieces):
            word = _begins_as(piece)
            (self._inside if word == piece else self._last)[word].append(token)
        self._spaced: defaultdict[str, list[int]] = defaultdict(list)
        """Words behind spaces, by the word."""
        for token, piece in enumerate(pieces):
            if piece.startswith(" ") and (word := piece.lstrip(" ")) == _begins_as(word):
                self._spaced[word].append(token)
        wordless = [token for token, piece in enumerate(pieces) if not _HAS_WORD.search(piece)]
        self._wordless = self._mask(wordless)
        # A special token ends a name as a bracket does: it ends the text.
        self._behind = self._mask([*self._last.pop("", []), *self._inside.pop("", [])])
        self._known: OrderedDict[tuple[frozenset[str], str], Mask] = OrderedDict()

    def going_on(self, names: frozenset[str], typed: str) -> Mask:
        """Return which tokens [V] go on from `typed` to one of `names`, or end it where it is one.

        All false if no name begins as `typed` does.
        """
        key = names, typed
        mask = self._known.get(key)
        if mask is None:
            mask = self._known[key] = self._going_on(names, typed)
            if len(self._known) > _REMEMBERED:
                self._known.popitem(last=False)
        return mask

    def beginning(self, names: frozenset[str]) -> Mask:
        """Return which tokens [V] begin one of `names`, or stand before it: spaces, brackets."""
        begun = {name[:length] for name in names for length in range(1, len(name) + 1)}
        spaced = [token for text in begun for token in self._spaced.get(text, ())]
        return self.going_on(names, "") | self._mask(spaced) | self._wordless

    def spell(self, text: str) -> Sequence[int]:
        """Return the tokens of a text; none where they would not join to it."""
        ids = self._encode(text)
        return ids if "".join(self.pieces[token] for token in ids) == text else ()

    def _going_on(self, names: frozenset[str], typed: str) -> Mask:
        rests = [name[len(typed) :] for name in names if name.startswith(typed)]
        begun = {rest[:length] for rest in rests for length in range(1, len(rest) + 1)}
        found = [token for text in begun for token in self._inside.get(text, ())]
        found += [token for rest in rests for token in self._last.get(rest, ())]
        mask = self._mask(found)
        return mask | self._behind if "" in rests else mask

    def _mask(self, tokens: Sequence[int]) -> Mask:
        mask = np.zeros(len(self.pieces), np.bool_)
        mask[tokens] = True
        return mask


def _begins_as(piece: str) -> str:
    word = _WORD.match(piece)
    return word[0] if word else ""
