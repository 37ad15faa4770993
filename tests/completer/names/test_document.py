"""A document around a caret: its line away, or finished, so that the rest still parses."""

import ast

import pytest

from completer.names.document import Document


def document(text: str) -> Document:
    return Document(*text.split("|"))


@pytest.mark.parametrize(
    "text",
    [
        "x = 1\nfor |\n    y = 2\n",
        "x = (|\ny = 2\n",
        "if a:\n    pass\nelse|\n",
        "if a:\n    pass\nelif b|:\n    pass\n",
        "try:\n    a = 1\nexcept |\n",
        "try:\n    a = 1\nfinally|:\n    b = 1\n",
        "try|\n    a = 1\nexcept ValueError:\n    pass\n",
        "match a:\n    case 1:\n        pass\n    case |\n",
        "async def f(|\n    await g()\n",
        "class A:\n    @|\n    def f(self): ...\n",
        "print(\n    a, |\n)\n",
        "while (line := |\n    pass\n",
    ],
)
def test_without_its_line_the_document_parses(text):
    found, (line, column) = document(text).around.without_line()

    ast.parse(found)
    assert column <= len(found.split("\n")[line - 1])


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("x = self.na|me\n", "x = self._\n"),
        ("f(a.|\n", "f(a._)\n"),
        ("for a in b.|\n    pass\n", "for a in b._:\n    pass\n"),
        ("with a.|\n", "with a._: pass\n"),
        ("async with a.|  # why\n", "async with a._: pass\n"),
        ("[x.a for x in y.|\nz = 1\n", "[x.a for x in y._]\nz = 1\n"),
        ("x = a.| + b\n", "x = a._ + b\n"),
    ],
)
def test_with_a_name_at_the_caret_the_line_is_finished(text, expected):
    found, (line, column) = document(text).with_name()

    ast.parse(found)
    assert found == expected
    assert found.split("\n")[line - 1][column] == "_"


@pytest.mark.parametrize(
    ("text", "line"),
    [("    x = a|b\n", "    "), ("else|:\n", "else "), ("  case A|:", "  case "), ("for |a", "")],
)
def test_of_the_line_only_what_matters_around_it_stays(text, line):
    around = document("above\n" + text).around

    assert around == Document("above\n" + line, "\n" if text.endswith("\n") else "")


@pytest.mark.parametrize(
    ("text", "before"),
    [
        ("a.na|me", "a."),
        ("f(na|", "f("),
        ("from a import na|", "from a import "),
        ("from a import (b,\n  na|", "from a import (b,\n  "),
        ("na|", None),
        ("'a.|'", None),
        ("# a.|", None),
        ("f() + |", None),
    ],
)
def test_where_the_caret_itself_counts(text, before):
    found = document(text).at_caret

    assert (found and found.before) == before
