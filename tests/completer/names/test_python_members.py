"""Whether the members that are known of a value are all that it has."""

import pytest

from completer.names.evidence import NameKind
from tests.completer.names.workspace import around, root

__all__ = ["root"]


def member_kind(root, code, text="x"):
    return around(root, f"{code}\n|\n{text}.a\n").members[text].kind


@pytest.mark.parametrize(
    ("code", "kind"),
    [
        ("class A: ...\nx = A()", NameKind.INSTANCE),
        ("class A: ...\nx = A", NameKind.CLASS),
        ("import os.path as x", NameKind.MODULE),
        ("from pkg.base import Pair\nx = Pair(1, '')", NameKind.INSTANCE),
        ("from pkg.base import Color as x", NameKind.CLASS),
        ("from pkg.base import Proxy\nx = Proxy()", NameKind.OPEN),
        ("@strange\nclass A: ...\nx = A()", NameKind.OPEN),
        ("from dataclasses import dataclass\n@dataclass\nclass A: ...\nx = A()", NameKind.INSTANCE),
        ("class A:\n    def f(self):\n        setattr(self, 'b', 1)\nx = A()", NameKind.OPEN),
        ("class A: ...\nx = A() if A else None", NameKind.INSTANCE),
    ],
)
def test_kind(root, code, kind):
    assert member_kind(root, code) is kind


@pytest.mark.parametrize("code", ["x = unknown()", "x = object()", "def x(): ..."])
def test_what_could_be_anything_has_no_known_attribute(root, code):
    found = around(root, f"{code}\n|\nx.a\n").members.get("x")

    assert found is None or "a" not in found.names


def test_of_several_values_what_any_has(root):
    found = around(root, "x = [] if len else ''\n|\nx.a\n").members["x"]

    assert {"append", "strip"} <= found.names


def test_self_is_the_class_around_the_caret(root):
    text = "class A:\n    def f(self):\n        |\nclass B:\n    b = 1\nb = B()\nb.b\n"
    found = around(root, text).members

    assert (found["self"].kind, found["b"].kind) == (NameKind.SELF, NameKind.INSTANCE)
    assert "b" not in found["self"].names
