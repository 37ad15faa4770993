"""A context in the tokens that its text has in the repository, though a caret once cut it in two.

After "ret" + "u" a model says "rn", and so says the text in three tokens that the repository has in
one. The end of the context that the caret cut stays open, as text, and is encoded anew with each
token generated, until the tokenizer's tokens are the generated ones again. From there on it grows
token by token, as any context.
"""

from collections.abc import Iterable
from copy import copy

import numpy as np
from numpy.typing import NDArray

from completer.drafting.healing import INCOMPLETE, Healer

Int32s = NDArray[np.int32]

_MOST_OPEN = 24
"""Generated tokens after which the text is settled as it stands: encoding must stay cheap."""


class CanonicalContext:
    """A growing context: tokens that are settled, then an open end that may yet be encoded anew.

    context: the tokens before the caret. healer: None if they are to be taken as they are.

    What is settled depends on the tokens alone, not on the steps in which they came.
    """

    def __init__(self, context: Int32s, healer: Healer | None) -> None:
        count, self.open_text = healer.unfinished(context) if healer is not None else (0, "")
        self.length = len(context) - count
        self.taken_off = context[self.length :]
        """The tokens at the end of the context in whose place the open end is."""
        self.tokens = np.zeros(len(context) + 512, np.int32)
        """[:length] are settled; what is behind them is free for `write`."""
        self.tokens[: self.length] = context[: self.length]
        self._healer = healer
        self._generated = 0

    def extend(self, token: int) -> Int32s:
        """Append a generated token; return the tokens that are settled by it."""
        if not self.open_text:
            self.reserve(1)[self.length] = token
            self.length += 1
            return self.tokens[self.length - 1 : self.length]
        settled = self._settle(token)
        end = self.write(settled)
        begin, self.length = self.length, end
        return self.tokens[begin:end]

    def write(self, tokens: Iterable[int]) -> int:
        """Write tokens behind the settled ones, for a look ahead; return the length with them."""
        ids = np.fromiter(tokens, np.int32)
        end = self.length + len(ids)
        self.reserve(len(ids))[self.length : end] = ids
        return end

    def reserve(self, count: int) -> Int32s:
        """Return `tokens` with room for so many more behind the settled ones."""
        if self.length + count > len(self.tokens):
            self.tokens = np.concatenate((self.tokens, np.zeros(self.length + count, np.int32)))
        return self.tokens

    def branch(self) -> "CanonicalContext":
        """Return a context that grows from here on its own, to be dropped before this one grows."""
        return copy(self)

    def _settle(self, token: int) -> Iterable[int]:
        assert self._healer is not None  # noqa: S101
        piece = self._healer.piece(token)
        if INCOMPLETE in piece:  # half a character is no text to encode
            return self._close((*self._healer.encode(self.open_text), token))
        self.open_text += piece
        self._generated += 1
        ids = self._healer.encode(self.open_text)
        in_step = ids[-1] == token and not piece[0].isalnum()
        return self._close(ids) if in_step or self._generated == _MOST_OPEN else ()

    def _close(self, tokens: Iterable[int]) -> Iterable[int]:
        self.open_text = ""
        return tokens
