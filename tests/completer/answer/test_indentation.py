import pytest

from completer.answer.indentation import (
    expected_indentation,
    indent_unit,
    level_width,
    reindent,
)


@pytest.mark.parametrize(
    ("text", "unit"),
    [
        ("a:\n    b\n    c:\n        d", "    "),
        ("a:\n  b:\n    c", "  "),
        ("a {\n\tb {\n\t\tc", "\t"),
        ("a\nb", ""),
        ("", ""),
    ],
)
def test_a_level_is_read_off_the_file(text, unit):
    assert indent_unit(text.split("\n")) == unit


@pytest.mark.parametrize(
    ("line", "unit", "width", "expected"),
    [
        ("        x", "\t", 4, "\t\tx"),
        ("      x", "\t", 4, "\t  x"),
        ("\t\tx", "  ", 4, "    x"),
        ("\tx", "\t", 4, "\tx"),
        ("    x", "  ", 4, "    x"),
        ("", "\t", 4, ""),
    ],
)
def test_reindent(line, unit, width, expected):
    assert reindent(line, unit, width) == expected


def test_width_of_a_level_of_spaces():
    assert level_width(["    a", "        b"]) == 4
    assert level_width(["  a", "      b"]) == 2
    assert level_width(["   a"]) == 3
    assert level_width(["        a"]) == 4
    assert level_width(["a"]) == 4


def test_a_line_behind_a_header_is_one_level_deeper():
    assert expected_indentation(["  if a:", ""], "  ") == "    "
    assert expected_indentation(["  b = 1"], "  ") == "  "
    assert expected_indentation([], "  ") == ""
