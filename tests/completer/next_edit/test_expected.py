"""What a region will probably become."""

import pytest

from completer.next_edit.expected import expected, replacement


@pytest.mark.parametrize(
    ("before", "start", "old", "new", "found"),
    [
        ("def f(size):", 10, "", "_mb", ("size", "size_mb")),
        ("def f(size):", 6, "size", "width", ("size", "width")),
        ('a = "left"', 5, "left", "right", ("left", "right")),
        ("x = 1", 4, "1", "2", None),
        ("x = 10", 5, "0", "2", ("10", "12")),
        ("f(ab)", 4, "", ", b", None),
        ("f( )", 2, "", "b", None),
        ("a\nb", 0, "a\nb", "c", None),
    ],
)
def test_what_an_edit_replaced_goes_to_the_ends_of_words(before, start, old, new, found):
    assert replacement(before, start, old, new) == found


@pytest.mark.parametrize(
    ("replaced", "region"),
    [
        (("size", "width"), "resize(width, width.size_of)"),
        (("other", "x"), "resize(size, size.size_of)"),
    ],
)
def test_whole_words_are_replaced_alike(replaced, region):
    assert expected("resize(size, size.size_of)", [replaced]) == region


def test_replacements_follow_each_other():
    assert expected("a b", [("a", "b"), ("b", "c")]) == "c c"
