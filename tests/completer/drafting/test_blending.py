from collections import Counter

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from completer.drafting import blending
from completer.drafting import calibration as c
from completer.drafting.calibration import EvidenceSource
from completer.drafting.scratch import SCRATCH

REPOSITORY, LIVE, NEARBY, RECENT = (
    EvidenceSource[name] for name in ("REPOSITORY", "LIVE", "NEARBY", "RECENT")
)
EVIDENCE = st.lists(
    st.tuples(
        st.integers(0, 5), st.integers(0, 2), st.integers(0, 9), st.integers(1, 9), st.booleans()
    ),
    min_size=1,
    max_size=30,
).map(lambda rows: sorted(rows, key=lambda row: -row[2]))


def record(rows):
    scratch = np.zeros(1, SCRATCH)
    n = len(rows)
    for field, column in zip(
        ("candidate", "source", "order", "weight", "close"),
        zip(*rows, strict=True),
        strict=True,
    ):
        scratch["evidence"][field][0, :n] = column
    return scratch


def blend(scratch, *args):
    return blending.blend(scratch["evidence"][0], scratch["mixture"][0], *args)


def adapt(scratch, *args):
    blending.adapt(scratch["evidence"][0], scratch["mixture"][0], *args)


def scores_in(scratch):
    return scratch["mixture"]["score"][0]


def naive_scores(rows, factors):
    """The mixture as its docstring says it, with plain dictionaries."""
    scores, total = Counter(), factors[c.BY_NONE + rows[0][2]]
    counts = [Counter() for _ in range(c.SOURCES)]
    for order in sorted({row[2] for row in rows}, reverse=True):
        fresh = set()
        for candidate, source, _, weight, close in (row for row in rows if row[2] == order):
            extra = [NEARBY if source == REPOSITORY else RECENT] if close else []
            for each in [source, *extra]:
                counts[each][candidate] += weight
                fresh.add(each)
        for source in fresh:
            n, top = counts[source].total(), max(counts[source].values())
            weight = factors[c.BY_ORDER + source * c.ORDERS + order]
            weight *= factors[c.BY_DOMINANCE + order * c.DOMINANCES + c.dominance_class(n, top)]
            weight *= factors[c.BY_COUNT + source * c.COUNTS + c.count_class(n)]
            total += weight
            for candidate, count in counts[source].items():
                scores[candidate] += weight * count / n
    return scores, total


@settings(max_examples=100, deadline=None)
@given(EVIDENCE)
def test_blending_is_the_mixture_it_says_it_is(rows):
    factors, scratch = c.initial_factors(), record(rows)
    total = blend(scratch, factors, len(rows), 6, -1)
    scores, naive_total = naive_scores(rows, factors)
    assert total == pytest.approx(naive_total)
    assert scores_in(scratch)[:6] == pytest.approx([scores[i] for i in range(6)])
    assert scores_in(scratch)[:6].sum() < total


def test_learning_makes_what_came_likelier():
    rows = [(0, LIVE, 5, 1, False), (1, REPOSITORY, 3, 4, False), (0, REPOSITORY, 1, 2, True)]
    factors, scratch = c.initial_factors(), record(rows)
    first = blend(scratch, factors, 3, 2, 1)
    before = scores_in(scratch)[1] / first
    for _ in range(200):
        total = blend(scratch, factors, 3, 2, 1)
        adapt(scratch, factors, total, 2, 1)
    after = scores_in(scratch)[1] / blend(scratch, factors, 3, 2, 1)
    assert after > before + 0.1


def test_learning_that_nothing_known_came_lowers_everything():
    rows = [(0, LIVE, 5, 1, False)]
    factors, scratch = c.initial_factors(), record(rows)
    before = scores_in(scratch)[0] / blend(scratch, factors, 1, 1, -1)
    for _ in range(200):
        total = blend(scratch, factors, 1, 1, -1)
        adapt(scratch, factors, total, 1, -1)
    before = c.initial_factors()
    assert factors[c.BY_NONE + 5] > before[c.BY_NONE + 5]
    assert factors[c.BY_ORDER + LIVE * c.ORDERS + 5] < before[c.BY_ORDER + LIVE * c.ORDERS + 5]


def test_agreement_keeps_probabilities_probabilities():
    factors = c.initial_factors()
    for prob in np.linspace(0.001, 0.999, 30):
        for live in range(c.ORDERS + 1):
            support = np.array([live, 3, 0], np.int8)
            assert 0.0 < blending.agree(factors, prob, support) < 1.0


def test_a_rank_follows_its_outcomes():
    factors = c.initial_factors()
    for _ in range(500):
        blending.adapt_rank(factors, c.BY_RANK + 2, True)
    assert factors[c.BY_RANK + 2] > 0.9
