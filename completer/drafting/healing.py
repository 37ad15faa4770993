"""Token healing: what may follow where the caret stands inside a token of the repository.

"retu" may be two tokens, though the repository only knows " return", one token: contexts that end
in such pieces match nothing. So the match goes back to the last boundary that is safe, before the
unfinished text, and marginalises over the ways in which known tokens cover that text: tokens that
together are its beginning, then one that reaches its end or beyond (Phan et al. 2024). What the
last one adds comes next.
"""

import re
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Int32s = NDArray[np.int32]
Predicted = tuple[Int32s, NDArray[np.float64]]
Predict = Callable[[Sequence[int]], Predicted]
"""Gives token ids and probabilities of what follows the safe boundary and some tokens after it."""

INCOMPLETE = "\N{REPLACEMENT CHARACTER}"
"""In the text of a token that has only some bytes of a character."""
_MAX_PIECES = 8
_WORD_PIECE = re.compile(r"\w+")
_LEAST_COVER = 0.004
"""Covers less likely than this are not looked for."""
_CHANCE = 0.2
"""How likely each character typed is where the text that comes is not known."""


@dataclass(frozen=True, slots=True)
class Cover:
    """Known tokens whose text is the unfinished text and then `rest`.

    prob: P(cover | unfinished text); those of all covers sum to one.
    """

    tokens: tuple[int, ...]
    rest: str
    prob: float


@dataclass(frozen=True, slots=True)
class Healer:
    """What healing has to know of a tokenizer: the text of each id, and how to encode text.

    Special tokens have no text: their pieces are empty.
    """

    pieces: Sequence[str]
    encode: Callable[[str], Sequence[int]]

    def piece(self, token: int) -> str:
        """Return the text of a token id; of ids that have none of their own, `INCOMPLETE`."""
        known = 0 <= token < len(self.pieces)
        return (self.pieces[token] if known else "") or INCOMPLETE

    def unfinished(self, context: Int32s) -> tuple[int, str]:
        """Return how many tokens at the end of `context` are not safe from healing, and their text.

        They are the pieces of a word, and the token in front that opens it (" retu", "(retu", " ",
        "("). None where a tokenizer's pieces do not join to the text that they encode.
        """
        text = ""
        for count in range(1, min(_MAX_PIECES, len(context)) + 1):
            piece = self.piece(int(context[-count]))
            if INCOMPLETE in piece:
                return self._if_spelled(count - 1, text)
            text = piece + text
            if count == len(context) or not _WORD_PIECE.fullmatch(piece):
                return self._if_spelled(count, text)
        return 0, ""

    def covers(self, text: str, predict: Predict) -> list[Cover]:
        """Return how known tokens cover `text`, which is not empty, from the safe boundary on.

        The last cover is the text as it stands: the more likely, the less is known there.
        """
        covers, unknown = list[Cover](), 1.0
        ways: list[tuple[tuple[int, ...], str, float]] = [((), text, 1.0)]
        for tokens, left, likely in ways:  # grows
            ids, probs = predict(tokens)
            if not tokens:
                unknown = max(_LEAST_COVER, 1.0 - float(probs.sum())) * _CHANCE ** len(text)
            for token, prob in _likely(ids, probs * likely):
                piece, way = self.piece(token), (*tokens, token)
                if piece.startswith(left):
                    covers.append(Cover(way, piece[len(left) :], prob))
                elif left.startswith(piece):
                    ways.append((way, left[len(piece) :], prob))
        covers.append(Cover(tuple(self.encode(text)), "", unknown))
        total = sum(cover.prob for cover in covers) or 1.0
        return [Cover(cover.tokens, cover.rest, cover.prob / total) for cover in covers]

    def next_tokens(self, covers: Sequence[Cover], predict: Predict) -> Predicted:
        """Return the ids that may follow the covered text, ascending, and their probabilities."""
        likely: defaultdict[int, float] = defaultdict(float)
        for cover in covers:
            if cover.rest:
                likely[self.encode(cover.rest)[0]] += cover.prob
                continue
            for token, prob in zip(*predict(cover.tokens), strict=True):
                likely[int(token)] += cover.prob * float(prob)
        ids = sorted(likely)
        return np.array(ids, np.int32), np.array([likely[token] for token in ids], np.float64)

    def _if_spelled(self, count: int, text: str) -> tuple[int, str]:
        """Check the pieces on `text` and a word more: some tokenizers' lack the space in front."""
        more = f"{text} x"
        spelled = "".join(self.piece(token) for token in self.encode(more))
        return (count, text) if count and spelled == more else (0, "")


def _likely(ids: Int32s, probs: NDArray[np.float64]) -> Iterator[tuple[int, float]]:
    kept = probs >= _LEAST_COVER
    return zip(ids[kept].tolist(), probs[kept].tolist(), strict=True)
