import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from completer.context.brackets import (
    BRACKET,
    Bracket,
    _places,
    excess,
    open_brackets,
)
from completer.context.lexical import indentation
from completer.context.surroundings import Surroundings


def test_brackets_without_a_partner():
    assert open_brackets("f(a, [1, '(', {", "python") == "([{"
    assert open_brackets("f(a) # (", "python") == ""
    assert open_brackets(")](", None) == "("


@pytest.mark.parametrize(
    ("prefix", "suffix", "expected"),
    [
        ("foo(bar(", "", 2),
        ("foo(bar(", ")", 1),
        ("foo(bar(", "))", 0),
        ("foo(\n    a,\n    b", ")", 0),
        ("x = [\n    ", "\n]\n", 0),
        ("x = [\n    ", "\n", 1),
        ('log("', '")', 0),
        ("class A {\n  void f() {\n    ", "\n  }\n}\n", 0),
        ("class A {\n  void f() {\n    g(", "\n  }\n}\n", 1),
        ("class A {\n  void f() {\n    ", "\n\n  void g() {\n  }\n}\n", 1),
        ("}\n}\nf(", "", 1),
        ("check(\n  a,\n  int(b", "\n  c);\n", 1),
        ("f() {\n  if (a", "\n    b();\n  }\n}\n", 1),
        ("check(a", "\n      b)\n", 0),
        ("check(a(", ")\n)\n", 0),
        ("f() {\n  check(a(", ")\n}\n", 1),
    ],
)
def test_what_a_completion_may_close(prefix, suffix, expected):
    assert Surroundings.of(prefix, suffix, "java").closable == expected


def test_a_new_method_amid_a_large_file_may_be_closed():
    methods = "".join(f"  int f{i}() {{\n    return {i};\n  }}\n\n" for i in range(900))
    prefix = f"class A {{\n{methods}  int g() {{\n    "
    assert Surroundings.of(prefix, f"\n\n{methods}}}\n", "java").closable >= 1
    assert Surroundings.of(prefix, f"\n  }}\n{methods}}}\n", "java").closable == 0


def test_in_a_long_table_a_row_may_be_closed():
    rows = "    (1, 2, 0),\n" * 1_000
    for below in (rows, ""):
        around = Surroundings.of(f"TABLE = [\n{rows}    (1, 2,", f"\n{below}]\n", "python")
        assert around.closable == 1


def test_excess_is_where_a_foreign_bracket_is_closed():
    assert excess("a(b))", 0) == 4
    assert excess("a(b))", 1) == 5
    assert excess("", 0) == 0


@settings(max_examples=300, deadline=None)
@given(text=st.text("(] \t\n\r\x0ca\x1c", max_size=40))
def test_where_a_bracket_stands_in_its_line(text):
    brackets = [Bracket(match[0], match.start()) for match in BRACKET.finditer(text)]
    heads = [text[: bracket.position].rpartition("\n")[2] for bracket in brackets]
    assert _places(text, brackets) == [(len(indentation(h)), not h.strip()) for h in heads]
