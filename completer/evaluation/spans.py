"""Spans to mask: what a person at the keyboard wants filled in, drawn from files by a seed."""

import random
from bisect import bisect_right
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import accumulate

import numpy as np

from completer.evaluation.kinds import Kind
from completer.evaluation.parsed_file import ParsedFile
from completer.names.place import is_word, word_start

FEWEST_VISIBLE = 5  # characters; a shorter answer is a matter of luck
MOST_LINES = 6
_TRIES = 50  # carets looked at for each span wanted


@dataclass(frozen=True, slots=True)
class Span:
    """Characters `start:end` of a file that are taken out, to be filled in again."""

    source: ParsedFile
    kind: Kind
    start: int
    end: int

    @property
    def prefix(self) -> str:
        """The text before the caret."""
        return self.source.text[: self.start]

    @property
    def truth(self) -> str:
        """The text that was taken out."""
        return self.source.text[self.start : self.end]

    @property
    def suffix(self) -> str:
        """The text after the gap."""
        return self.source.text[self.end :]


Cut = tuple[int, int]  # first and past-last character


def draw_spans(sources: Sequence[ParsedFile], kind: Kind, count: int, seed: int) -> list[Span]:
    """Draw `count` different spans, fewer where the files do not have so many.

    The caret is uniform over the files' code characters. What it selects counts if something
    stands before it and at least `FEWEST_VISIBLE` characters of it can be seen.
    """
    rng = random.Random(f"{seed} {kind}")
    carets = [np.flatnonzero(source.is_code) for source in sources]
    ends = list(accumulate(map(len, carets)))
    spans: dict[Span, None] = {}
    for _ in range(count * _TRIES if ends and ends[-1] else 0):
        if len(spans) == count:
            break
        drawn = rng.randrange(ends[-1])
        file = bisect_right(ends, drawn)
        cut = _CUTS[kind](sources[file], int(carets[file][drawn - ends[file]]), rng)
        if cut is not None and cut[0] > 0 and _visible(sources[file].text[slice(*cut)]):
            spans.setdefault(Span(sources[file], kind, *cut))
    return list(spans)


def _rest_of_line(source: ParsedFile, caret: int, rng: random.Random) -> Cut | None:
    return caret, source.line_end(caret)


def _whole_line(source: ParsedFile, caret: int, rng: random.Random) -> Cut | None:
    """Take the caret's line behind its indentation."""
    start, end = source.line_start(caret), source.line_end(caret)
    return end - len(source.text[start:end].lstrip()), end


def _lines(source: ParsedFile, caret: int, rng: random.Random) -> Cut | None:
    """Take two lines or more behind the first one's indentation; each has code in it."""
    start, end = _whole_line(source, caret, rng) or (caret, caret)
    for _ in range(rng.randint(2, MOST_LINES) - 1):
        following = end + 1
        end = source.line_end(following)
        if not source.is_code[following:end].any():
            return None
    return start, end


def _syntax_node(source: ParsedFile, caret: int, rng: random.Random) -> Cut | None:
    """Take one of the nodes around the caret that are neither too short nor too long."""
    cuts = {
        (start, end): None
        for start, end in source.nodes_at(caret)
        if _visible(source.text[start:end])
        and source.text.count("\n", start, end) < MOST_LINES
        and source.is_code[start]
    }
    return rng.choice(list(cuts)) if cuts else None


def _attribute(source: ParsedFile, caret: int, rng: random.Random) -> Cut | None:
    """Take the rest of the line behind the dot that the caret's word begins behind."""
    start = word_start(source.text, caret)
    if not is_word(source.text[caret]) or not source.is_attribute(start):
        return None
    return start, source.line_end(caret)


_CUTS: dict[Kind, Callable[[ParsedFile, int, random.Random], Cut | None]] = {
    Kind.REST_OF_LINE: _rest_of_line,
    Kind.WHOLE_LINE: _whole_line,
    Kind.LINES: _lines,
    Kind.SYNTAX_NODE: _syntax_node,
    Kind.ATTRIBUTE: _attribute,
}


def _visible(text: str) -> bool:
    return sum(not character.isspace() for character in text) >= FEWEST_VISIBLE
