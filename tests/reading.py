"""Texts of which no rule must read much: hostile ones of any length, and one that counts."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

SHAPES = {
    "letters": "a",
    "brackets": "(",
    "closing brackets": ")",
    "quotes": '"',
    "single quotes": "'",
    "backslashes": "\\",
    "spaces": " ",
    "carriage returns": "\r",
    "newlines": "\n",
    "colons": "a:",
    "comments": "#/*",
    "imports": "import a(\n",
    "blocks": "do |a if (",
    "a mix": "a(\"\\ \r\n'{=",
    "astral characters": "\N{SMILING FACE WITH SUNGLASSES}",
}


def text_of(shape: str, size: int) -> str:
    """Return a text of a shape, of so many bytes in UTF-8 or a few less."""
    pattern = SHAPES[shape]
    return pattern * (size // len(pattern.encode()))


class CountedText(str):
    """A text that counts in `read` how many of its characters Python code asks it for.

    Slices and what methods return are plain texts, whose characters have been counted. What reads
    it from C (a pattern, an encoder) goes unnoticed: such code gets slices of it.
    """

    read: int

    def __new__(cls, text: str) -> CountedText:
        counted = super().__new__(cls, text)
        counted.read = 0
        return counted

    def __getitem__(self, key: Any) -> str:
        found = super().__getitem__(key)
        self.read += len(found)
        return found


_SEARCHES = ("find", "rfind", "index", "rindex", "count")


def _counting(name: str) -> Callable[..., Any]:
    """Make a method that reads all of a text, or what lies between bounds that it is given."""
    of_text = getattr(str, name)

    def method(self: CountedText, *arguments: Any) -> Any:
        bounds = arguments[1:] if name in _SEARCHES else ()
        start, end, _ = slice(*(*bounds, None, None)[:2]).indices(len(self))
        self.read += max(0, end - start)
        return of_text(self, *arguments)

    return method


_FREE = {"isascii", "startswith", "endswith", "maketrans"}
_OPERATORS = {"__add__", "__iter__", "__contains__", "__hash__", "__eq__"}
for _name in {name for name in dir(str) if name[0] != "_"} - _FREE | _OPERATORS:
    setattr(CountedText, _name, _counting(_name))
