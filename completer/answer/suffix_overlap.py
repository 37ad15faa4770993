"""Where an answer runs on into the text behind the caret.

A model that has said what was missing often goes on with what stands there already. A text that
ends as the suffix begins is cut where that begins, unless the brackets and quotes of the line say
that the text has to have them itself.
"""

import re
from collections.abc import Iterator
from itertools import islice

from completer.context.brackets import BRACKET, OPENED_BY, partners, unmatched
from completer.context.lexical import blank_out, is_telling, pairs_brackets, tokens
from completer.context.surroundings import Surroundings

_CLOSERS = re.compile(r"[)\]}\s]*")
_MARKS = re.compile(r"[)\]}'\"`\s]*")
_CLOSER = re.compile(r"""\s*("{3}|'{3})|[ \t]*([)\]}'"`])""")
_ENDS_WEIGHED = 8
_LINES_COMPARED = 3


class SuffixOverlap:
    """Compares answers with the text behind one caret.

    Lines of answers may end with `\\r\\n`; offsets are those of the answer as it is.
    """

    def __init__(self, around: Surroundings) -> None:
        self._language = around.language
        self._after = around.after
        self._rest = around.rest
        said = len(around.after) - len(around.after.lstrip())
        self._next = around.after[: around.after.find("\n", said) % (len(around.after) + 1)]
        self._lead = around.lead
        self._line = len(around.lead) - len(around.line)
        closer = _CLOSER.match(around.after)
        self._closer = closer[1] or closer[2] if closer else None
        self._pairs = pairs_brackets(around.language) and around.where == "code"
        self._may_close = around.closable if self._pairs else 0
        rest = around.rest.strip()
        self._tells = bool(rest and (is_telling(rest) or _MARKS.fullmatch(rest)))
        self._unmistakable = _first_lines(around.after)

    def certain(self, text: str) -> int | None:
        """Return where a text has run on for certain, however it goes on; `None` if it has not.

        It wrote whole lines of the suffix, or ended its first line with the rest of the caret's.
        """
        plain = text.replace("\r\n", "\n")
        first, line_end, _ = plain.partition("\n")
        first = first.rstrip()
        if line_end and self._tells and first.endswith(self._rest.rstrip()):
            end = self._end(first)
            if end < len(first):
                return _offset(text, end)
        found = plain.find(self._unmistakable) if self._unmistakable else -1
        return None if found < 0 else _offset(text, found)

    def begun(self, text: str) -> int:
        """Return how many characters at the end of a text may turn out to be the suffix."""
        plain = text.replace("\r\n", "\n")
        longest = next(self._overlaps(plain), len(plain))
        return len(text) - _offset(text, longest)

    def end(self, text: str) -> int:
        """Return how much of a finished text does not stand behind the caret already."""
        certain = self.certain(text)
        return _offset(text, self._end(text.replace("\r\n", "\n"))) if certain is None else certain

    def _end(self, text: str) -> int:
        """Choose where a text ends that may have run on up to its end, or closed a string."""
        ends = [*islice(self._overlaps(text), _ENDS_WEIGHED), len(text)]
        overlap = text[ends[0] :].strip()
        if _MARKS.fullmatch(overlap) is None:
            return ends[0]
        if overlap and _CLOSERS.fullmatch(overlap):  # they may be its own: the less is cut
            ends.reverse()
        ends += self._closed_again(text)
        return min(ends, key=lambda end: self._faults(text[:end]))

    def _overlaps(self, text: str) -> Iterator[int]:
        """Yield where a text goes on as the suffix begins, up to its end; the longest first."""
        if not self._after:
            return
        start = max(0, len(text) - len(self._after)) - 1
        while (start := text.find(self._after[0], start + 1)) >= 0:
            if self._after.startswith(text[start:]):
                yield start

    def _closed_again(self, text: str) -> Iterator[int]:
        """Yield where a text writes the bracket or quote that the suffix begins with."""
        if self._closer is not None:
            for found in islice(re.finditer(re.escape(self._closer), text), _ENDS_WEIGHED):
                yield found.start()

    def _faults(self, text: str) -> int:
        """Count what is closed twice, or never, in the caret's line with `text` in it."""
        line, caret = self._lead + text + self._next, len(self._lead)
        end = caret + len(text)
        found = list(tokens(line, self._language))
        inside = [each for each in found if each.covers(caret) or each.covers(end)]
        faults = len([each for each in found if each.kind == "string" and not each.closing])
        faults += sum(_unopened(line[max(each.start, self._line) : each.end]) for each in inside)
        code = blank_out(line, found)
        if not self._pairs:
            return faults + _unopened(code)
        if any(each.covers(end) for each in inside):
            return faults
        return faults + self._unpaired(code[caret:end], code[end : end + len(self._rest)])

    def _unpaired(self, code: str, rest: str) -> int:
        """Count what the code of an answer closes too much, and what it owes the line's rest."""
        left_open, closed = unmatched(code)
        too_many = len(closed) - len(left_open) > max(0, self._may_close)
        owed = unmatched(rest)[1][: max(0, -self._may_close)]
        return 2 * too_many + len(owed) - partners(left_open, owed)


def _unopened(text: str) -> int:
    """Count the brackets that close nothing, each kind by itself, and a double quote too many."""
    unopened, opened = 0, dict.fromkeys(OPENED_BY.values(), 0)
    for found in BRACKET.finditer(text):
        opening = OPENED_BY.get(found[0])
        if opening is None:
            opened[found[0]] += 1
        elif opened[opening]:
            opened[opening] -= 1
        else:
            unopened += 1
    return unopened + text.count('"') % 2


def _first_lines(suffix: str) -> str:
    """Return the first whole lines of a suffix that say something; nothing if they say little."""
    lines, end = 0, 0
    while lines < _LINES_COMPARED and (line_end := suffix.find("\n", end) + 1):
        lines += bool(suffix[end:line_end].strip())
        end = line_end
    certain = lines > 1 or suffix.startswith("\n")
    return suffix[:end] if certain and is_telling(suffix[:end]) else ""


def _offset(text: str, plain: int) -> int:
    r"""Return where the character number `plain` stands in a text whose lines may end in `\r\n`."""
    if "\r\n" not in text:
        return plain
    offset = 0
    for piece in text.split("\r\n"):
        if plain <= len(piece):
            return offset + plain
        plain -= len(piece) + 1
        offset += len(piece) + 2
    return len(text)
