"""Halves of characters."""

import pytest

from completer.unicode import well_formed


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("abc", "abc"),
        ("é😋", "é😋"),
        ("a\ud83d", "a\ufffd"),
        ("\ude0bb", "\ufffdb"),
        ("\ude0b\ud83d", "\ufffd\ufffd"),
    ],
)
def test_lone_surrogates_are_replaced(text, expected):
    assert well_formed(text) == expected
