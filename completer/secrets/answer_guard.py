"""Watches an answer while it is written: nothing that becomes a secret is given away."""

from collections.abc import Iterable

from completer.secrets.finding import find_in_lines
from completer.secrets.keys import private_keys
from completer.secrets.ranges import Range
from completer.secrets.tokens import tokens

_REACH = 2_048  # characters around the caret that may tell what an answer is
_KEY_BEGINS = ("-----BEGIN ", "PuTTY-User-Key-File-")
_HEAD_OF_KEY = 400  # characters from the first mark of a private key to what tells that it is one
_QUOTES = ('"', "'", "`")
_ENDS_OF_WORDS = (*_QUOTES, " ", "\n", "\t", "\r")
_TOKEN = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_+/=.:@%~!#^&*-"  # noqa: S105
_BEGUN = 12  # characters that tell a token which is cut off
_REST = "1" * 100  # what every kind of token could go on with


class AnswerGuard:
    """Follows one answer between `prefix` and `suffix`; each call brings all of it so far."""

    def __init__(self, prefix: str, suffix: str) -> None:
        self._before, self._after = prefix[-_REACH:], suffix[:_REACH]
        self._looked_at = 0

    def find(self, text: str) -> int | None:
        """Return where in the answer `text` a secret begins, `None` if there is none."""
        known, caret = self._before + text, len(self._before)
        line = known.rfind("\n", 0, caret + self._looked_at) + 1
        ranges = [*private_keys(known), *_moved(find_in_lines(known[line:]), line)]
        self._looked_at = len(text)
        return _first(ranges, caret, len(known))

    def find_at_end(self, text: str) -> int | None:
        """Look once more at an answer that ends here: with what follows it, and cut off."""
        if not text:
            return None
        known, caret = self._before + text, len(self._before)
        line = known.rfind("\n") + 1
        rest = self._after.partition("\n")[0]
        cut_off = [
            each for each in tokens(known[line:] + _REST) if len(known) - line - each[0] >= _BEGUN
        ]
        ranges = [*find_in_lines(known[line:] + rest), *cut_off]
        return _first(_moved(ranges, line), caret, len(known))

    def settled(self, text: str) -> int:
        """How many characters of the answer are no part of a secret, whatever comes next."""
        known = self._before + text
        held = len(known) - len(_open_word(known))
        for mark in _KEY_BEGINS:
            begun = known.rfind(mark, max(0, len(known) - _HEAD_OF_KEY))
            held = min(held, begun) if begun >= 0 else held
        return max(0, held - len(self._before))


def _open_word(text: str) -> str:
    """Return the end of a text that may go on as one secret."""
    before = max(text.rfind(end) for end in _ENDS_OF_WORDS)
    word = text[before + 1 :]
    if "://" in word or text[before : before + 1] in _QUOTES:
        return word
    return word[len(word.rstrip(_TOKEN)) :]


def _moved(ranges: Iterable[Range], by: int) -> list[Range]:
    return [(begin + by, end + by) for begin, end in ranges]


def _first(ranges: Iterable[Range], begin: int, end: int) -> int | None:
    """Return where the first range begins that reaches into [begin, end), counted from `begin`."""
    found = [max(0, each[0] - begin) for each in ranges if each[1] > begin and each[0] < end]
    return min(found, default=None)
