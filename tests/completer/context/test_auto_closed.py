"""What editors close by themselves."""

import pytest

from completer.context.auto_closed import auto_closed
from completer.context.surroundings import Surroundings


@pytest.mark.parametrize(
    ("caret", "count"),
    [
        ("f(|)\n", 1),
        ("f(a[|])\n", 2),
        ("f(a[|])  \nmore)\n", 2),
        ("f(a, |)", 1),
        ("f('|')\n", 2),
        ("f('a|'\n", 1),
        ("x = {|}\n", 1),
        ("f(|):\n", 0),  # nobody's editor writes that
        ("f(|, b)\n", 0),
        ("f(a|b)\n", 0),
        ("f(|]\n", 0),
        ("f(\n    a|)\n", 0),  # of a line before
        ("f(|))\n", 0),
        ("f|\n", 0),
        ("|)\n", 0),
        ("x = '''\n|'''\n", 0),
    ],
)
def test_what_closes_what_the_line_has_opened(caret, count):
    prefix, suffix = caret.split("|")

    assert auto_closed(Surroundings.of(prefix, suffix, "python")) == count
