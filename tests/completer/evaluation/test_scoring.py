"""Exact match and edit similarity, kind by kind."""

import pytest

from completer.evaluation.kinds import Kind
from completer.evaluation.scoring import score

LINE_KINDS = (Kind.REST_OF_LINE, Kind.WHOLE_LINE)


@pytest.mark.parametrize("kind", LINE_KINDS)
@pytest.mark.parametrize(
    ("truth", "answer", "exact"),
    [
        ("foo(bar)", "foo(bar)", True),
        ("foo(bar)  ", "foo(bar)", True),
        ("foo(bar)", "foo(bar) \t", True),
        ("foo(bar)", "foo(bar)\nmore()", True),
        ("foo(bar)", "foo(baz)", False),
        ("foo(bar)", "foo(bar).x", False),
        ("foo(bar)", " foo(bar)", False),
        ("foo(bar)", "foo(", False),
        ("foo(bar)", "", False),
    ],
)
def test_one_line(kind, truth, answer, exact):
    assert score(kind, truth, answer).exact is exact


@pytest.mark.parametrize(
    ("answer", "exact"),
    [
        ("a = 1\n    b = 2", True),
        ("a = 1  \n    b = 2\t\n", True),
        ("a = 1\n    b = 2\n    c = 3", True),
        ("a = 1", False),
        ("a = 1\n  b = 2", False),
        ("a = 1\n\n    b = 2", False),
        ("a = 1\n    b = 23", False),
    ],
)
def test_several_lines(answer, exact):
    assert score(Kind.LINES, "a = 1 \n    b = 2", answer).exact is exact


@pytest.mark.parametrize(
    ("answer", "exact"),
    [
        ("name.strip", True),
        (" name.strip", True),
        ("name.strip()", True),
        ("name.strip\n", True),
        ("name.strip_all", False),
        ("name.strips", False),
        ("name.stri", False),
        ("other", False),
    ],
)
def test_syntax_node(answer, exact):
    assert score(Kind.SYNTAX_NODE, "name.strip", answer).exact is exact


def test_a_node_of_several_lines():
    truth = "call(\n    one,\n)"

    assert score(Kind.SYNTAX_NODE, truth, "call(\n    one,  \n) + 1").exact
    assert not score(Kind.SYNTAX_NODE, truth, "call(\n  one,\n)").exact


@pytest.mark.parametrize("kind", list(Kind))
def test_similarity_is_one_less_the_distance_over_the_longer(kind):
    assert score(kind, "kitten", "sitting").similarity == pytest.approx(
        1 - 2 / 6 if kind is Kind.SYNTAX_NODE else 1 - 3 / 7
    )
    assert score(kind, "kitten", "kitten").similarity == 1.0
    assert score(kind, "kitten", "").similarity == 0.0


def test_similarity_looks_at_the_part_that_is_compared():
    assert score(Kind.WHOLE_LINE, "a = 1", "a = 1\nb = 2\nc = 3").similarity == 1.0
