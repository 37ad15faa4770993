import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from models.training.fim_spans import (
    KINDS,
    Kind,
    Source,
    any_span,
    draw_caret,
    few_words,
    indented_line,
    nothing,
    rest_of_block,
    rest_of_line,
    rest_of_lines,
    syntax_node,
    whole_line,
)

CODE = """\
def area(width, height):
    size = width * height

    return size

def other():
    pass
"""
CARET = CODE.index("width * height")


def cut(kind: Kind, seed: int = 0) -> str:
    start, end = kind(Source(CODE), CARET, np.random.default_rng(seed))
    return CODE[start:end]


def test_each_kind_cuts_what_its_name_says():
    assert cut(rest_of_line) == "width * height"
    assert cut(whole_line) == "size = width * height"
    assert cut(indented_line) == "    size = width * height"
    assert cut(nothing) == ""
    assert cut(rest_of_block) == "width * height\n\n    return size"
    assert "width * height".startswith(cut(few_words))


def test_the_rest_of_several_lines_ends_with_one_of_them():
    cuts = {cut(rest_of_lines, seed) for seed in range(30)}
    assert "width * height\n\n    return size" in cuts
    assert all(CODE[CARET:].startswith(f"{text}\n") for text in cuts)
    assert len(cuts) > 2


def test_outside_of_blocks_a_blank_line_ends_what_belongs_together():
    text = "import os\nimport sys\n\nvalue = 1\n"
    assert rest_of_block(Source(text), 7, np.random.default_rng()) == (7, text.index("\n\n"))


def test_syntax_nodes_are_whole_expressions_or_statements():
    nodes = {cut(syntax_node, seed=seed) for seed in range(40)}
    assert {"width", "width * height", "size = width * height"} <= nodes


def test_other_languages_have_nodes_of_their_own():
    source = Source("function area(w, h) { return w * h; }\n", "javascript")
    rng = np.random.default_rng(0)
    caret = source.text.index("w * h")
    cuts = {source.text[slice(*syntax_node(source, caret, rng))] for _ in range(40)}
    assert {"w * h", "return w * h;"} <= cuts


@pytest.mark.parametrize(
    ("language", "text"),
    [
        ("python", 'def f():\n    """Words.\n\n    More words here.\n    """\n    return 1\n'),
        ("python", "# many words in a long comment\nvalue = 1\n"),
        ("c", "/* many words in\n a long comment */\nint a = 1;\n"),
    ],
)
def test_carets_stand_seldom_in_prose_and_never_in_white_space(language: str, text: str):
    source, rng = Source(text * 5, language), np.random.default_rng(0)
    carets = [draw_caret(source, rng) for _ in range(200)]
    drawn = np.mean([source.in_prose(caret) for caret in carets])
    anywhere = np.mean([source.in_prose(at) for at in range(len(source.text))])
    assert 0 < drawn < 0.6 * anywhere
    assert np.mean([source.text[caret].isspace() for caret in carets]) < 0.01


def test_a_syntax_node_is_found_behind_characters_of_several_bytes():
    code = "größe = 'ü🙂'\nname = call(größe)\n"
    caret = code.index("call")
    drawn = (syntax_node(Source(code), caret, np.random.default_rng(seed)) for seed in range(20))
    cuts = {code[start:end] for start, end in drawn}
    assert "call(größe)" in cuts


@settings(deadline=None, max_examples=60)
@given(text=st.text(max_size=200), seed=st.integers(0, 2**32 - 1))
def test_every_span_lies_within_any_text(text, seed):
    span = any_span(Source(text), np.random.default_rng(seed))
    assert 0 <= span.start <= span.end <= len(text)


def test_shares_of_the_kinds_sum_to_one():
    assert abs(sum(share for _, share in KINDS) - 1) < 1e-9
