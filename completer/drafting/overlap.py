"""How far generated text has run into the text after the caret."""

from collections.abc import Iterable, Sequence

_LIMIT = 64


class Overlap:
    """The longest end of a growing text that is a beginning of `pattern`, in constant time a token.

    The automaton of Knuth, Morris and Pratt (1977); only the pattern's first tokens are looked at.
    """

    def __init__(self, pattern: Sequence[int]) -> None:
        self._pattern = list(pattern[:_LIMIT])
        self._failure = [0] * (len(self._pattern) + 1)
        self.length = 0
        for i in range(1, len(self._pattern)):
            self._failure[i + 1] = self._next(self._failure[i], self._pattern[i])

    def extend(self, tokens: Iterable[int]) -> None:
        """Append tokens to the text."""
        for token in tokens:
            self.length = self._next(self.length, token)

    def _next(self, length: int, token: int) -> int:
        if length == len(self._pattern):
            length = self._failure[length]
        while length and self._pattern[length] != token:
            length = self._failure[length]
        return length + 1 if self._pattern and self._pattern[length] == token else 0
