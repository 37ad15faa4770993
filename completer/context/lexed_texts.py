"""Where comments and strings of a document begin, kept while somebody types in it.

Whether a caret stands in a string depends on all of the text before it. A document is lexed as a
whole when it is first seen, and from the first changed block on when it comes again. Of its text
only hashes are kept.
"""

import threading
from collections import OrderedDict
from collections.abc import Hashable
from dataclasses import dataclass, field

from completer.context.lexical import Lexeme, tokens

MOST = 1 << 19
"""At least so many characters are lexed, and at most twice as many; longer files are data."""

_BLOCK = 4096
_LOOKAHEAD = 4  # characters: no mark is longer, so a token's end depends on no more behind it
_DOCUMENTS = 64


@dataclass(slots=True)
class _Lexed:
    """A document's blocks by their hashes, and from where to go on at the end of each.

    `resume[i]` is in no token, and what is before it does not depend on what is behind block i.
    """

    hashes: list[int] = field(default_factory=list)
    resume: list[int] = field(default_factory=list)

    def last_token(self, text: str, language: str | None) -> Lexeme | None:
        """Lex what has changed; return the last token that begins in `text`."""
        blocks = range(0, len(text) - _BLOCK + 1, _BLOCK)
        hashes = [hash(text[start : start + _BLOCK]) for start in blocks]
        del self.resume[_equal(self.hashes, hashes) :]
        self.hashes = hashes
        settled = self.resume[-1] if self.resume else 0
        last: Lexeme | None = None
        for last in tokens(text, language, settled):
            self._settle(settled, min(len(hashes), (last.end + _LOOKAHEAD) // _BLOCK))
            settled = last.end
        self._settle(settled, len(hashes))
        return last

    def _settle(self, settled: int, blocks: int) -> None:
        """Go on from `settled` at the end of each of so many blocks that has no place yet."""
        self.resume += [settled] * (blocks - len(self.resume))


class LexedTexts:
    """Remembers how documents were lexed. May be used from any thread."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._known: OrderedDict[Hashable, _Lexed] = OrderedDict()

    def open_token(self, document: Hashable, text: str, language: str | None) -> Lexeme | None:
        """Return the comment or string that `text`, the beginning of a document, ends in."""
        key, beyond = (document, language), max(0, len(text) - MOST) // MOST * MOST
        with self._lock:
            lexed = self._known.setdefault(key, _Lexed())
            self._known.move_to_end(key)
            if len(self._known) > _DOCUMENTS:
                self._known.popitem(last=False)
            last = lexed.last_token(text[beyond:], language)
        return last if last is not None and last.covers(len(text) - beyond) else None

    def forget(self) -> None:
        """Know no document."""
        with self._lock:
            self._known.clear()


def _equal(one: list[int], two: list[int]) -> int:
    """Return how many of the first elements are equal."""
    pairs = enumerate(zip(one, two, strict=False))
    return next((number for number, (a, b) in pairs if a != b), min(len(one), len(two)))
