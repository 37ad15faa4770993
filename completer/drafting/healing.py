"""Token healing: drafts where the caret stands inside a word.

"retu" may be two tokens, though the repository only knows " return", one token: contexts that end
in such pieces match nothing. So the match goes back to the last boundary that is safe, before the
unfinished word, and of the tokens that may follow there only those count that begin with what is
typed. What is drafted is the rest of such a token, then what follows it in the repository.
"""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Int32s = NDArray[np.int32]

_MAX_PIECES = 8
_WORD_PIECE = re.compile(r"\w+")
_WORD_START = re.compile(r"\W\w+")


@dataclass(frozen=True, slots=True)
class Healer:
    """What healing has to know of a tokenizer: the text of each id, and how to encode text."""

    pieces: Sequence[str]
    encode: Callable[[str], Sequence[int]]

    def unfinished(self, context: Int32s) -> tuple[int, str]:
        """Return how many tokens at the end of `context` make up an unfinished word, and its text.

        A word begins with the token that opens it (" retu" with its space, "retu" after a "(").
        """
        word = ""
        for count in range(1, min(_MAX_PIECES, len(context)) + 1):
            piece = self.pieces[int(context[-count])]
            if _WORD_START.fullmatch(piece):
                return count, piece + word
            if not _WORD_PIECE.fullmatch(piece):
                return count - 1, word
            word = piece + word
        return 0, ""

    def completions(self, word: str, tokens: Int32s) -> NDArray[np.bool_]:
        """Say which of `tokens` begin with `word` and go on."""
        pieces = self.pieces
        fits = (pieces[t].startswith(word) and len(pieces[t]) > len(word) for t in tokens.tolist())
        return np.fromiter(fits, np.bool_, len(tokens))

    def rest(self, word: str, token: int) -> Int32s:
        """Return the token ids of what `token` adds to `word`."""
        return np.asarray(self.encode(self.pieces[token][len(word) :]), np.int32)
