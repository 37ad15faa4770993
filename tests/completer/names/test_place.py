"""Where a name is being written."""

import pytest

from completer.names.place import NamePlace, name_place, with_import


@pytest.mark.parametrize(
    ("code", "owner", "typed"),
    [
        ("x = self.", "self", ""),
        ("x = self._st", "self", "_st"),
        ("os.path.jo", "os.path", "jo"),
        ("return na", "", "na"),
        ("f(", "", ""),
        ("f(x).na", None, "na"),
        ("a[0].", None, ""),
        ("'a'.jo", None, "jo"),
        ("..", None, ""),
        ("größe.wei", "größe", "wei"),
    ],
)
def test_owner_and_beginning(code, owner, typed):
    assert name_place(code) == NamePlace(owner, typed, len(code) - len(typed))


@pytest.mark.parametrize(
    ("line", "whole"),
    [
        ("from .a ", "from .a import "),
        ("    from a.b impo", "    from a.b import "),
        ("from a import", "from a import "),
        ("from a", None),
        ("from a import ", None),
        ("raise A from b ", None),
    ],
)
def test_an_import_is_finished(line, whole):
    assert with_import(line) == whole


@pytest.mark.parametrize("code", ["x = 1", "x = 0x1f"])
def test_no_name_stands_in_a_number(code):
    assert name_place(code) is None


def test_only_the_end_of_a_long_line_is_read():
    assert name_place("a." * 50_000).owner is None
