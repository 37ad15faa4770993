"""Takes secrets out of what a request brings, with each key that is pressed.

Most of a document was looked at before: what was found in a line is remembered with the line.
Nothing is looked at that a prompt has no room for, and what is not looked at is not handed on.
"""

from collections.abc import Iterator
from dataclasses import replace
from functools import lru_cache

from completer.request import CompletionRequest
from completer.secrets.finding import cut, find_in_lines, without_secrets
from completer.secrets.keys import private_keys
from completer.secrets.ranges import Range, merged

_LINES = 4_096
_LONGEST_LINE = 400  # characters; longer ones are looked at each time, to bound what is held
_SNIPPETS = 64
_BEYOND = 8_192  # characters beyond the prompt's, in which a private key may begin or end


class RequestCleaner:
    """Cleans requests. May be used from several threads."""

    def __init__(self) -> None:
        self._in_line = lru_cache(_LINES)(_in_line)
        self._snippet = lru_cache(_SNIPPETS)(without_secrets)

    def forget(self) -> None:
        """Forget the texts that were looked at before."""
        self._in_line.cache_clear()
        self._snippet.cache_clear()

    def clean(self, request: CompletionRequest, reach: int) -> CompletionRequest:
        """Return a request without secrets, for a prompt of `reach` characters on either side.

        Line breaks alone are left of what stands beyond: how lines count stays as it is.
        """
        prefix, suffix = self._document(request.prefix, request.suffix, reach + _BEYOND)
        snippets = tuple(replace(each, text=self._snippet(each.text)) for each in request.snippets)
        return replace(request, prefix=prefix, suffix=suffix, snippets=snippets)

    def _document(self, prefix: str, suffix: str, reach: int) -> tuple[str, str]:
        """Look at both sides as one text: a secret may go on behind the caret."""
        begin = _line_begin(prefix, len(prefix) - reach)
        before, after = prefix[begin:], suffix[:reach]
        ranges = merged([*private_keys(before + after), *self._in_lines(before + after)])
        caret = len(before)
        left = [(start, min(end, caret)) for start, end in ranges if start < caret]
        right = [(max(0, start - caret), end - caret) for start, end in ranges if end > caret]
        return "\n" * prefix.count("\n", 0, begin) + cut(before, left), cut(after, right)

    def _in_lines(self, text: str) -> Iterator[Range]:
        position = 0
        for line in text.split("\n"):
            known = len(line) <= _LONGEST_LINE
            for begin, end in self._in_line(line) if known else find_in_lines(line):
                yield position + begin, position + end
            position += len(line) + 1


def _in_line(line: str) -> tuple[Range, ...]:
    return tuple(find_in_lines(line))


def _line_begin(text: str, position: int) -> int:
    """Return where the line at `position` begins, or `position` if that is far from there."""
    if position <= 0:
        return 0
    return text.rfind("\n", max(0, position - _BEYOND), position) + 1 or position
