"""What jedi and the syntax tree say of the names at a caret in Python."""

import pytest

from completer.names.evidence import NameKind
from tests.completer.names.workspace import around, at_caret, root

__all__ = ["root"]

IMPORTS = "from .base import Base, Color, Pair, Point, fetch\n"


@pytest.mark.parametrize(
    ("body", "text", "expected"),
    [
        ("def f(p: Pair):\n    |\n    p.left\n", "p", {"left", "right", "_replace"}),
        ("def f(p: Pair):\n    |\n    return p.left.x\n", "p.left", {"x", "y"}),
        ("async def f():\n    p = await fetch()\n    |\n    p.left\n", "p", {"left", "right"}),
        ("async def f():\n    |\n    fetch.a\n", "fetch", {"__call__"}),
        ("def f():\n    if (p := Point(1, 2)).x:\n        |\n        p.x\n", "p", {"x", "y"}),
        ("def f():\n    |\n    return [c.RED for c in [Color.RED]]\n", "c", {"name", "value"}),
        ("def f(*many: Point):\n    for p in many:\n        |\n        p.x\n", "p", {"x", "y"}),
        ("def f(b: Base):\n    |\n    b.size.x\n", "b.size", {"x", "y"}),
        ("b = Base.make()\n|\nb.size\n", "b", {"size", "make", "_storage"}),
        ("with open('f') as file:\n    |\n    file.read()\n", "file", {"read", "close"}),
        ("class A(Base):\n    def f(self):\n        |\n", "self", {"f", "size", "_storage"}),
        ("class A(Base):\n    @classmethod\n    def f(cls):\n        |\n", "cls", {"f", "make"}),
    ],
)
def test_members_of_names_around(root, body, text, expected):
    assert expected <= around(root, IMPORTS + body).members[text].names


@pytest.mark.parametrize(
    ("line", "name", "expected"),
    [
        ("from . import |", "pkg/mine.py", "base"),
        ("from .base import |", "pkg/mine.py", "Pair"),
        ("from ..base import |", "pkg/deep/mine.py", "Pair"),
        ("from ...base import |", "pkg/deep/deeper/mine.py", "Pair"),
        ("from ...deep import |", "pkg/deep/deeper/mine.py", "Renamed"),
        ("from .deep.deeper.leaf import |", "pkg/mine.py", "leaf"),
        ("from .deep.|", "pkg/mine.py", "deeper"),
        ("import pkg.deep.|", "mine.py", "deeper"),
        ("from pkg.base import (\n    Base,\n    |\n)", "mine.py", "Pair"),
    ],
)
def test_what_may_be_imported(root, line, name, expected):
    found = at_caret(root, line + "\n", name).at_caret

    assert expected in found.names
    assert found.kind is NameKind.IMPORTABLE


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("(await fetch()).|", "left"),
        ("[p for p in [Point(1, 2)]][0].|", "x"),
        ("Pair(Point(1, 2), '').left.|", "y"),
        ("(lambda: Base())().|", "size"),
    ],
)
def test_members_of_an_expression_at_the_caret(root, line, expected):
    text = IMPORTS + f"async def f():\n    {line}\n"

    assert expected in at_caret(root, text).at_caret.names


@pytest.mark.parametrize("line", ["'a.|'", "# self.|", "a = |", "nothing.|"])
def test_where_nothing_is_known(root, line):
    assert at_caret(root, line + "\n").at_caret is None


@pytest.mark.parametrize(
    ("line", "callee", "expected"),
    [
        ("Point(1, |)", "Point", {"y"}),
        ("Point(y=1, |)", "Point", {"x"}),
    ],
)
def test_parameters_that_the_open_call_may_still_name(root, line, callee, expected):
    assert at_caret(root, IMPORTS + line + "\n").parameters[callee].names == expected


def test_parameters_of_calls_around(root):
    found = around(root, "def f(a, /, b, *, c, **d): ...\n|\nf(1)\n").parameters["f"]

    assert found.names == {"b", "c"}


def test_after_its_time_what_is_missing_is_left_out(root):
    from completer.names.document import Document
    from completer.names.python_names import evidence_around
    from completer.names.worker import OwnEnvironment
    from tests.completer.names.workspace import _place

    document = Document(IMPORTS + "def f(p: Point):\n    ", "\n    p.x\n")
    found = evidence_around(document, _place(root, "pkg/mine.py"), OwnEnvironment(), 0.0)

    assert found.members == found.parameters == {}
    assert {"p", "Point"} <= found.scope.names
