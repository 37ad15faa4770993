"""The same edit again: what was done at one place or several, done where the text is alike.

Edits by example, as in Blue-Pencil (Miltner et al., "On the Fly Synthesis of Edit Suggestions",
OOPSLA 2019) and Overwatch (Zhang et al., OOPSLA 2022). An edit is which words gave way to which;
what it kept between them (`int`, where `Optional[int]` became `int | None`) may be something else
elsewhere. Where these words stand the edit may be wanted again. How likely that is, a scorecard
says, fitted to what people did between releases of packages (`benchmarks next-edit-card`): by how
many examples there are, how much a place is like them, and what like it was left as it was.
"""

import json
import math
import re
from bisect import bisect_left
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from itertools import islice, takewhile
from pathlib import Path

from tree_sitter import Node

from completer.next_edit.edits import NextEditRequest
from completer.next_edit.examples import Example, Words, around
from completer.next_edit.python_module import PythonModule
from completer.next_edit.snapshot import Candidate, Modules
from completer.stopping.scorecard import Scorecard

CARD = Path(__file__).with_name("by_example.json")
Features = dict[str, float]

_WORD = re.compile(r"[^\W\d]{3}")
_MOST_PLACES, _MOST_RATED = 200, 24
_MOST_HOLES = 2
_SHAPE = 3  # nodes of the syntax tree
_TEXT = frozenset({"string_content", "comment"})
_MOST_SURE = 5
_PLAIN = r"[^()\[\]{}\n]"
_NESTED = rf"(?:{_PLAIN}|[(\[{{]{_PLAIN}{{0,80}}[)\]}}])"
_SOMETHING = rf"((?:[^()\[\]{{}}\n,]|[(\[{{]{_NESTED}{{0,80}}[)\]}}]){{1,80}}?)"
"""What brackets may be around, two deep, in a line."""


@dataclass(frozen=True, slots=True)
class _Spot:
    """Characters that would become `new`. `like` and `unlike` count words around it that are, and
    are not, as those that all examples have around them."""

    start: int
    end: int
    new: str
    like: int
    unlike: int
    is_kept: bool


@cache
def scorecard() -> Scorecard:
    """Return what was fitted: the probability by features of `candidates`."""
    return Scorecard.from_json(json.loads(CARD.read_text("utf-8")))


def candidates(
    request: NextEditRequest, made: Sequence[Example], modules: Modules
) -> Iterator[tuple[Candidate, Features]]:
    """Yield where the latest of the examples `made` may be wanted again in the text asked about.

    With the features of that, those below the caret first.
    """
    same = [each for each in made if each.changes == made[0].changes]
    if not same or (len(same) == 1 and not _is_telling(same[0])):
        return
    spots = [each for each in _spots(request.text, same) if not _is_made(each, same, request)]
    if not spots:
        return
    shape, module = _shape_before(same[0], modules), modules.of(request.text)
    here = [each.start for each in same if each.path == request.path] or [0]
    above = sorted(each.like for each in spots if each.start < max(here))
    passed = sorted(each.like for each in spots if min(here) <= each.start < max(here))
    of_edit = _of_edit(same[0])
    ordered = sorted(spots, key=lambda each: (each.start < request.offset, each.start))
    for each in ordered[:_MOST_RATED]:
        found = _shape(module, each.start, each.end)
        if found and found[:1] == shape[:1]:  # not a word of a string where a name was changed
            lines = request.text.count("\n", *sorted((request.offset, each.start)))
            features = {
                **_likeness(each, len(same), above, passed),
                **of_edit,
                "kept": of_edit["kept"] * (1 if each.is_kept else -1),
                "shape": float(_equal(found, shape)),
                "code": float(found[0].partition(",")[0] not in _TEXT),
                "lines": math.log2(1 + lines),
            }
            yield Candidate(request.path, each.start, each.end, each.new, "made again"), features


def _likeness(
    spot: _Spot, examples: int, above: Sequence[int], passed: Sequence[int]
) -> dict[str, float]:
    """Return how like the examples a place is, and what as like it was left as it was.

    `above` and `passed` are the counts of alike words, in order, of places above the last example
    and between the first and the last of them.
    """
    is_sure = not spot.unlike and not _at_least(passed, spot.like)
    return {
        "examples": float(examples),
        "share": examples / (examples + _at_least(above, spot.like)),
        "sure": float(min(examples, _MOST_SURE)) if is_sure else 0.0,
        "like": float(spot.like),
        "unlike": float(spot.unlike),
    }


def _spots(text: str, same: Sequence[Example]) -> Iterator[_Spot]:
    """Yield where the words stand that gave way."""
    changes = same[0].changes
    left, right = _common(each.left for each in same), _common(each.right for each in same)
    if not same[0].old.strip() and not _told(left) + _told(right):
        return
    whole = {each.kept for each in same}
    most = _told(left) + _told(right)
    for match in islice(re.finditer(_pattern(same[0], left, right), text), _MOST_PLACES):
        kept = match.groups()
        new = "".join(now + then for (_, now), then in zip(changes, (*kept, ""), strict=True))
        if not _stands(text, match.start(), match[0], new):
            ahead, behind = around(text, *match.span())
            like = _told(ahead[: _equal(ahead, left)]) + _told(behind[: _equal(behind, right)])
            yield _Spot(*match.span(), new, like, most - like, kept in whole)


def _pattern(example: Example, left: Words, right: Words) -> str:
    """Return what matches the old words; an insertion's place is between the words around it."""
    pieces = [re.escape(example.changes[0][0])]
    told = [bool(re.search(r"\w", kept)) for kept in example.kept]
    may_differ = sum(told) <= _MOST_HOLES  # or matching may take long
    for kept, has_word, (old, _) in zip(example.kept, told, example.changes[1:], strict=True):
        pieces += [
            _SOMETHING if has_word and may_differ else f"({re.escape(kept)})",
            re.escape(old),
        ]
    ahead = "" if example.changes[0][0].strip() else "".join(reversed(_nearest(left)))
    behind = "" if example.changes[-1][0].strip() else "".join(_nearest(right))
    whole = ahead + example.old + behind
    begins = r"(?<!\w)" if re.match(r"\w", whole) and not ahead else ""
    ends = r"(?!\w)" if re.search(r"\w\Z", whole) else ""
    return rf"{begins}(?<={re.escape(ahead)}){''.join(pieces)}(?={re.escape(behind)}{ends})"


def _nearest(words: Words) -> Words:
    """Return the nearest words, up to one that is not blank."""
    blank = list(takewhile(lambda each: not _is_told(each), words))
    return words[: len(blank) + 1]


def _stands(text: str, start: int, old: str, new: str) -> bool:
    """Whether the new words stand there already, with the old ones in them."""
    if not old:
        return text.startswith(new, start) or text.endswith(new, 0, start)
    at = start - max(0, new.find(old))
    return old in new and at >= 0 and text.startswith(new, at)


def _is_made(spot: _Spot, same: Sequence[Example], request: NextEditRequest) -> bool:
    return any(
        each.path == request.path and spot.start <= each.end and each.start <= spot.end
        for each in same
    )


def _is_telling(example: Example) -> bool:
    """Whether an edit is more than signs and numbers, of which one example says nothing."""
    return any(_WORD.search(old + new) for old, new in example.changes)


def _of_edit(example: Example) -> Features:
    """Return what is the same for all places: how many words give way, come and are kept."""
    old, new = ("".join(words) for words in zip(*example.changes, strict=True))
    counts = [len(re.findall(r"\w+|[^\w\s]", words)) for words in (old, new)]
    kept = sum(1 for each in example.kept if each.strip())
    return {"old": float(counts[0]), "new": float(counts[1]), "kept": float(kept)}


def _shape_before(example: Example, modules: Modules) -> tuple[str, ...]:
    start = example.start_before
    return _shape(modules.of(example.before), start, start + len(example.old))


def _shape(module: PythonModule | None, start: int, end: int) -> tuple[str, ...]:
    """Return the kinds of the nodes around characters, the smallest first, marked if it is more."""
    node: Node | None = None if module is None else module.node_at(start, end)
    if module is None or node is None:
        return ()
    found = [] if module.span(node) == (start, end) else [f"{node.type}, in part"]
    node = node.parent if found else node
    while node is not None and len(found) < _SHAPE:
        found.append(node.type)
        node = node.parent
    return tuple(found)


def _common(of: Iterable[Words]) -> Words:
    """Return the words with which all begin."""
    first, *others = of
    return first[: min((_equal(first, each) for each in others), default=len(first))]


def _equal(words: Words, others: Words) -> int:
    """Count the words that are equal, from the first on."""
    pairs = zip(words, others, strict=False)
    return sum(1 for _ in takewhile(lambda pair: pair[0] == pair[1], pairs))


def _told(words: Words) -> int:
    return sum(map(_is_told, words))


def _is_told(word: str) -> bool:
    return word == "\n" or not word.isspace()


def _at_least(ordered: Sequence[int], least: int) -> int:
    return len(ordered) - bisect_left(ordered, least)
