"""Greedy alternatives: where they leave the likeliest text, which is one however often it is asked.

A text that says the first i tokens of the likeliest one, then another token t, begins as a share
P(first i tokens) * P(t | these) of all texts that the model would write. Alternatives leave it
where that share is largest, and are greedy from there on: so they differ, and the truth is among
them as often as can be with one token that is not the likeliest.
"""

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from completer.engine.sequence import Ranking

_CLOSING = " \t\r\n)]};,"
_HALF = math.log(0.5)


@dataclass(frozen=True, slots=True, order=True)
class Leaving:
    """The log of a share, and of what: `token` comes at `position` of the text."""

    share: float
    position: int
    token: int


def leavings(
    ids: Sequence[int],
    rankings: Sequence[Ranking],
    decode: Callable[[Sequence[int]], str],
    count: int,
    *,
    ended: bool,
) -> list[Leaving]:
    """Where to leave the text `ids`, the best first; `rankings` has what was likely at each place.

    Until the text has `ended` there are none unless the best `count` of them are known: a later
    place has at most half of the share of what was said before it.
    """
    found: list[Leaving] = []
    said = 0.0
    for position, ranking in enumerate(rankings[: len(ids) + ended]):
        likely = dict(zip(ranking.tokens, ranking.logs, strict=True))
        own = ids[position] if position < len(ids) else ranking.tokens[0]
        rest = decode(ids[position:])
        others = _others(likely, own, rest, decode)
        found += [Leaving(said + likely[token], position, token) for token in others]
        said += likely.get(own, _HALF)
    found.sort(reverse=True)
    known = len(found) >= count and found[count - 1].share >= said + _HALF
    return found if ended or known else []


def _others(
    likely: dict[int, float], own: int, rest: str, decode: Callable[[Sequence[int]], str]
) -> Iterator[int]:
    """Yield tokens that begin another text than `rest`, and than each other.

    One that only closes or ends something is no alternative, nor is one that cannot come.
    """
    begun: list[str] = []
    for token, log in likely.items():
        text = decode([token])
        if token == own or not text.strip(_CLOSING) or math.isinf(log) or rest.startswith(text):
            continue
        if not any(text.startswith(each) or each.startswith(text) for each in begun):
            begun.append(text)
            yield token
