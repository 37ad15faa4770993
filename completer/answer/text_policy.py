"""Rules about text for an engine that sees ids: stop strings, where a line or a block ends.

One `TextPolicy` accompanies one generation. It decodes what has been generated, decides where the
text ends, and knows how much of it can no longer change, which is what may be streamed. Where a
secret begins, the text ends in any case.
"""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from completer.answer.blocks import BlockEnd
from completer.answer.suffix_overlap import SuffixOverlap
from completer.context.lexical import is_telling
from completer.engine.stop_policy import Stop, TokenSignals
from completer.secrets.answer_guard import AnswerGuard

TELLING = 4  # different characters; "0, 0, 0, 0" and rulers are no loops
LONG = 40  # characters of rounds that are no assignments: "None, None, None, None" is code
LONGEST_PERIOD = 4  # lines
_LOOP = re.compile(r"(.{4,48}?)\1{2,}", re.DOTALL)
_RECENT = 1_024  # characters; whatever was complete before has ended the text
INCOMPLETE = "�"  # what decoding gives for the first bytes of a character


@dataclass(slots=True)
class TextPolicy:
    """Ends a text at the first of: a stop string, a rule in `ends`, the text behind the caret.

    `ends` are functions that return the offset at which a text has to end, or `None`. Where a text
    ends as what follows the caret begins, `overlap` says how much of that is cut off. `withheld`
    says that it ended because `guard` saw a secret. With `notes` the tokens' `probabilities` are
    kept.
    """

    decode: Callable[[Sequence[int]], str]
    stop: Sequence[str] = ()
    ends: Sequence[Callable[[str], int | None]] = ()
    guard: AnswerGuard | None = None
    overlap: SuffixOverlap | None = None
    notes: bool = False
    probabilities: list[float] = field(default_factory=list, init=False)
    text: str = field(default="", init=False)
    withheld: bool = field(default=False, init=False)
    _released: int = field(default=0, init=False)
    _ended: bool = field(default=False, init=False)

    @property
    def wants_signals(self) -> bool:
        """Whether it reads probabilities: the text alone decides, but they may be kept."""
        return self.notes

    def after_token(
        self, ids: Sequence[int], signals: TokenSignals | None, *, ended: bool
    ) -> Stop | None:
        """Decode all tokens so far and look for the end."""
        if self.notes and signals is not None:
            self.probabilities.append(signals.probability)
        self.text = self.decode(ids).rstrip(INCOMPLETE)
        end = self._find_end(self.text)
        secret = self.guard.find(self.text[:end]) if self.guard else None
        if secret is not None:
            self.withheld = True
            return Stop("secret", self.cut(ids, secret))
        return None if end is None else Stop("stop", self.cut(ids, end))

    def cut(self, ids: Sequence[int], end: int) -> int:
        """End the text at a character; return how many of the tokens `ids` it takes to write it."""
        self.text = self.text[:end]
        self._ended = True
        return self._tokens_for(ids, end)

    def release(self, *, final: bool = False, upto: int | None = None) -> str:
        """Return the text that became certain since the last call; all of it when `final`.

        Until the text has ended, nothing behind the character `upto` is certain.
        """
        if final:
            self._finish()
        certain = len(self.text)
        if not (final or self._ended):
            certain -= self._could_still_be_cut()
            certain = certain if upto is None else min(certain, upto)
        if self.guard is not None and not (final or self.withheld):
            certain = min(certain, self.guard.settled(self.text))
        piece = self.text[self._released : certain]
        self._released = max(self._released, certain)
        return piece

    def _finish(self) -> None:
        """Where the text ends with what follows the caret, or inside of a secret, end it before."""
        if self.overlap is not None:
            self.text = self.text[: max(self._released, self.overlap.end(self.text))]
        secret = self.guard.find_at_end(self.text) if self.guard else None
        if secret is not None:
            self.text, self.withheld = self.text[:secret], True

    def _find_end(self, text: str) -> int | None:
        found = [text.find(string) for string in self.stop]
        ends = [at for at in found if at >= 0]
        rules = (*self.ends, *([self.overlap.certain] if self.overlap else []))
        ends += [end for rule in rules if (end := rule(text)) is not None]
        return min(ends, default=None)

    def _could_still_be_cut(self) -> int:
        """Length of the longest end of the text that may begin a stop string or the suffix."""
        begun = [_begun(string, self.text) for string in self.stop]
        begun += [self.overlap.begun(self.text)] if self.overlap else []
        return max(begun, default=0)

    def _tokens_for(self, ids: Sequence[int], end: int) -> int:
        """How many tokens it takes to write the first `end` characters."""
        keep = len(ids)
        while keep > 0 and len(self.decode(ids[: keep - 1]).rstrip(INCOMPLETE)) >= end:
            keep -= 1
        return keep


def _begun(string: str, text: str) -> int:
    """Length of the longest end of `text` with which `string` begins, but for all of it."""
    end = text[1 - len(string) :] if len(string) > 1 else ""
    while end and not string.startswith(end):
        next_start = end.find(string[0], 1)
        end = end[next_start:] if next_start > 0 else ""
    return len(end)


def line_end(text: str) -> int | None:
    """End a single-line completion at its first line break after something visible.

    >>> line_end("x = 1\\ny"), line_end("\\n    return"), line_end("x")
    (5, None, None)
    """
    start = len(text) - len(text.lstrip())
    newline = text.find("\n", start)
    return newline if newline >= 0 else None


def repetition_end(text: str) -> int | None:
    """End a text that says one thing again and again after the first time: small models get caught.

    >>> repetition_end("f(a, b, a, b, a, b, a, b, a, b, a, b, a, b, ")
    8
    >>> repetition_end("x.pop()\\nx.pop()\\nx.pop()\\n")
    7
    """
    recent = max(0, len(text) - _RECENT)
    loops = (_end_of_loop(text, found) for found in _LOOP.finditer(text, recent))
    ends = [end for end in (*loops, _end_of_lines(text)) if end is not None]
    return min(ends, default=None)


def _end_of_loop(text: str, found: re.Match[str]) -> int | None:
    """Return where the first round ends, if what goes round is no list of equal values."""
    unit, start = found[1], found.start()
    rounds = (found.end() - start) // len(unit)
    if len(set(unit)) < TELLING or (rounds * len(unit) < LONG and "=" not in unit):
        return None
    while text[start - len(unit) : start] == unit:
        start -= len(unit)
    return start + len(unit)


def _end_of_lines(text: str) -> int | None:
    """Return where lines end that are said again, all of them, until there are three of each."""
    recent = text.rfind("\n", 0, max(0, len(text) - _RECENT)) + 1
    lines = text[recent:].split("\n")[:-1]
    for period in range(1, LONGEST_PERIOD + 1):
        for start in range(len(lines) - 3 * period + 1):
            unit = lines[start : start + period]
            if lines[start : start + 3 * period] == unit * 3 and is_telling(" ".join(unit)):
                return recent + len("\n".join(lines[: start + period]))
    return None


def block_end(block: BlockEnd, max_lines: int) -> Callable[[str], int | None]:
    """Make the rule that ends a completion with the block that it began, or after `max_lines`."""

    def rule(text: str) -> int | None:
        too_long = _end_of_line(text, max_lines)
        end = min(block.find(text), len(text) if too_long is None else too_long)
        return end if end < len(text) else None

    return rule


def _end_of_line(text: str, number: int) -> int | None:
    """Offset of the `number`-th line break, `None` when there are fewer."""
    at = -1
    for _ in range(number):
        at = text.find("\n", at + 1)
        if at < 0:
            return None
    return at
