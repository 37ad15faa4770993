"""Which names are bound where, as a syntax tree says it."""

import parso
import pytest

from completer.names.python_scopes import Scopes, class_around, function_around


def at(text):
    """Return the scopes of a text, and the leaf that the name HERE is."""
    module = parso.parse(text)
    (leaf,) = module.get_used_names()["HERE"]
    return Scopes(module), leaf


@pytest.mark.parametrize(
    ("text", "bound", "not_bound"),
    [
        ("import a.b as c, d.e\nHERE", "c d", "a b e"),
        ("from a import b as c\nHERE", "c", "a b"),
        ("def f(x, *y, z=1):\n    HERE", "f x y z", ""),
        ("def f():\n    x = 1\nHERE", "f", "x"),
        ("class A:\n    x = 1\n    def f(self):\n        HERE", "A self", "x f"),
        ("class A:\n    x = 1\n    HERE", "x", ""),
        ("[q for q in r]\nHERE", "", "q r"),
        ("[HERE for q in r]", "q", "r"),
        ("{k: HERE for k, v in r}", "k v", "r"),
        ("f(HERE for q in r)", "q", "r"),
        ("[w := q for q in r]\nHERE", "w", "q"),
        ("if (w := 1):\n    HERE", "w", ""),
        ("f = lambda x: HERE", "f x", ""),
        ("with a as b, c as (d, e):\n    HERE", "b d e", "a c"),
        ("try:\n    pass\nexcept E as e:\n    HERE", "e", "E"),
        ("async def f():\n    async for x in y:\n        HERE", "f x", "y"),
        ("def f():\n    global g\n    g = 1\nHERE", "g", ""),
        ("@decorated\ndef f(): ...\nHERE", "f", "decorated"),
        ("a.b = 1\nHERE", "", "a b"),
        ("HERE", "len __file__ __class__", ""),
    ],
)
def test_bound(text, bound, not_bound):
    scopes, leaf = at(text)
    visible = scopes.visible(leaf)

    assert visible >= set(bound.split())
    assert visible.isdisjoint(not_bound.split())


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("def f():\n    HERE\n    return a + b.c(d=e)\n", ("a", "b", "e")),
        ("def f():\n    HERE\n    return a\n\ndef g():\n    return b\n", ("a",)),
        ("HERE\nprint(a)\ndef f():\n    return b\n", ("a",)),
        ("def f():\n    before\n    HERE\n", ()),
        ("def f():\n    HERE\n    return [x for x in y]\n", ("y",)),
    ],
)
def test_unbound_behind_the_caret(text, expected):
    scopes, leaf = at(text)

    assert scopes.unbound(leaf) == expected


def test_the_definitions_around():
    _, leaf = at("class A:\n    def f(self):\n        HERE\n")

    assert (class_around(leaf).name.value, function_around(leaf).name.value) == ("A", "f")
    _, leaf = at("HERE\n")
    assert class_around(leaf) is function_around(leaf) is None
