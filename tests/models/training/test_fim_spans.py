import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from models.training.fim_spans import (
    KINDS,
    Kind,
    Source,
    any_span,
    few_tokens,
    nothing,
    rest_of_line,
    several_lines,
    syntax_node,
    whole_line,
)

CODE = "def area(width, height):\n    size = width * height\n    return size\n"
CARET = CODE.index("width * height")


def cut(kind: Kind, seed: int = 0) -> str:
    start, end = kind(Source(CODE), CARET, np.random.default_rng(seed))
    return CODE[start:end]


def test_each_kind_cuts_what_its_name_says():
    assert cut(rest_of_line) == "width * height"
    assert cut(whole_line) == "size = width * height"
    assert cut(nothing) == ""
    assert cut(several_lines).startswith("size = width * height\n    return size")
    assert "width * height".startswith(cut(few_tokens))


def test_syntax_nodes_are_whole_expressions_or_statements():
    nodes = {cut(syntax_node, seed=seed) for seed in range(30)}
    assert {"width", "width * height", "size = width * height"} <= nodes


def test_a_syntax_node_is_found_behind_characters_of_several_bytes():
    code = "größe = 'ü🙂'\nname = call(größe)\n"
    caret = code.index("call")
    drawn = (syntax_node(Source(code), caret, np.random.default_rng(seed)) for seed in range(20))
    cuts = {code[start:end] for start, end in drawn}
    assert "call(größe)" in cuts


@settings(deadline=None, max_examples=60)
@given(text=st.text(max_size=200), seed=st.integers(0, 2**32 - 1))
def test_every_span_lies_within_any_text(text, seed):
    span = any_span(text, np.random.default_rng(seed))
    assert 0 <= span.start <= span.end <= len(text)


def test_the_category_names_the_construct_around_the_caret():
    assert Source(CODE).construct_at(CARET) == "binary_operator"
    assert Source("call(first, second)").construct_at(6) == "argument_list"


def test_shares_of_the_kinds_sum_to_one():
    assert abs(sum(share for _, share in KINDS) - 1) < 1e-9
