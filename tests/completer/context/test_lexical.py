import itertools

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from completer.context.lexical import (
    identifiers,
    tokens,
    where,
    window_after,
    without_text,
)

LANGUAGES = ["python", "go", "rust", "typescript", "c", "ruby", "sql", "html", "json", "markdown"]


@pytest.mark.parametrize(
    ("language", "prefix", "expected"),
    [
        ("python", "x = 'a' # it's", "comment"),
        ("python", "# done\n", "code"),
        ("python", '"""doc\n\n  text', "string"),
        ("python", 'x = """a"b"""', "code"),
        ("python", r"x = 'it\'s ", "string"),
        ("python", "x = 'never closed\ny = ", "code"),
        ("go", "/* a * b", "comment"),
        ("go", "/* a */ x", "code"),
        ("go", "x := `raw\n", "string"),
        ("rust", "fn f<'a>(x: &'a str) { g(", "code"),
        ("rust", "// it's\nlet a = ", "code"),
        ("typescript", "const a = `b ${", "string"),
        ("sql", "select 1 -- count", "comment"),
        ("html", "<!-- a", "comment"),
        ("markdown", "don't", "code"),
        (None, "x = '", "string"),
        (None, "# 'x'", "code"),
    ],
)
def test_where_a_caret_stands(language, prefix, expected):
    assert where(prefix, language) == expected


def test_tokens_name_their_closing_mark():
    found = list(tokens("a = 'b' + '''c\nd''' # e", "python"))
    assert [(token.kind, token.start, token.end, token.closing) for token in found] == [
        ("string", 4, 7, "'"),
        ("string", 10, 19, "'''"),
        ("comment", 20, 23, ""),
    ]


def test_identifiers_are_those_of_code():
    assert identifiers("total = sum('a b') # c\nx2", "python") == ["total", "sum", "x2"]


@settings(max_examples=150, deadline=None)
@given(text=st.text("a\"'`#/*-<!> \n\\r", max_size=60), language=st.sampled_from(LANGUAGES))
def test_blanking_keeps_every_place(text, language):
    blanked = without_text(text, language)
    assert len(blanked) == len(text)
    assert [i for i, c in enumerate(blanked) if c == "\n"] == [
        i for i, c in enumerate(text) if c == "\n"
    ]
    found = list(tokens(text, language))
    assert all(a.end <= b.start for a, b in itertools.pairwise(found))


def test_a_window_is_whole_lines():
    text = "".join(f"def f{i}():\n    return {i}\n" for i in range(100))
    after = window_after(text, 200)
    assert text.startswith(after)
    assert after.endswith("\n")
    assert len(after) <= 200
    assert window_after("abc", 200) == "abc"
    assert window_after("a" * 300, 200) == "a" * 200
