"""Greedy alternatives leave the likeliest text where most of what else may come begins."""

import math

from completer.engine.sequence import Ranking
from completer.serving.leavings import leavings

WORDS = ["", "a", "ab", "b", "c", ")", "\n"]


def decode(ids):
    return "".join(WORDS[token] for token in ids)


def ranking(**shares):
    """A ranking from shares by word; `N` is a line's end, `E` the end mark, `P` a bracket."""
    words = {"E": "", "N": "\n", "P": ")"}
    tokens = [WORDS.index(words.get(name, name)) for name in shares]
    return Ranking(tokens, [math.log(share) if share else -math.inf for share in shares.values()])


def places(ids, rankings, *, count=2, ended=True):
    found = leavings(ids, rankings, decode, count, ended=ended)
    return [(each.position, WORDS[each.token]) for each in found]


A, B, C = WORDS.index("a"), WORDS.index("b"), WORDS.index("c")


def test_the_largest_shares_of_all_texts_come_first():
    rankings = [ranking(a=0.9, b=0.06), ranking(b=0.5, c=0.3, a=0.1), ranking(c=0.99, b=0.01)]
    assert places([A, B, C], rankings) == [(1, "c"), (1, "a"), (0, "b"), (2, "b")]
    shares = [each.share for each in leavings([A, B, C], rankings, decode, 2, ended=True)]
    assert math.isclose(math.exp(shares[0]), 0.9 * 0.3)


def test_nothing_begins_as_the_text_goes_on_or_as_another_does():
    assert places([A, B], [ranking(a=0.4, ab=0.3, b=0.2, c=0.1), ranking(b=0.9)]) == [
        (0, "b"),
        (0, "c"),
    ]
    assert places([B], [ranking(b=0.5, a=0.2, ab=0.2, c=0.1)]) == [(0, "a"), (0, "c")]


def test_what_only_ends_or_closes_is_none_nor_what_cannot_come():
    assert places([A], [ranking(a=0.5, E=0.2, N=0.1, P=0.1, b=0.1, c=0.0)]) == [(0, "b")]


def test_the_text_may_go_on_where_the_likeliest_one_ends():
    assert places([A], [ranking(a=0.9, b=0.1), ranking(N=0.6, c=0.4)]) == [(1, "c"), (0, "b")]


def test_before_the_end_they_are_told_once_no_later_place_can_be_better():
    unsure, sure = ranking(a=0.4, b=0.35, c=0.24), ranking(a=0.95, c=0.05)
    assert places([A], [unsure], ended=False) == [(0, "b"), (0, "c")]
    assert places([A], [sure], count=1, ended=False) == []
    assert places([A, A], [ranking(a=0.6, c=0.2), sure], count=1, ended=False) == []
    assert places([A, A], [ranking(a=0.6, c=0.3), sure], count=1, ended=False)[0] == (0, "c")
