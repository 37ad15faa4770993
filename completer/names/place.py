"""Where in a line of code a name is being written: its dot, and what of it is there."""

import re
from typing import NamedTuple

_DOTTED = re.compile(r"[^\W\d]\w*(?:\.[^\W\d]\w*)*")
_FROM = re.compile(r"([ \t]*from[ \t]+[.\w]+[ \t]+)(?:import|impor|impo|imp|im|i)?")
_LONGEST = 200
"""Characters of a dotted name that are read."""


class NamePlace(NamedTuple):
    """A name that begins at `start`, of which `typed` is there.

    `owner` is the dotted name before its dot; empty where there is no dot, `None` where something
    else stands before it.
    """

    owner: str | None
    typed: str
    start: int


def name_place(code: str) -> NamePlace | None:
    """Return the place at the end of `code`; `None` if no name can stand there, as in a number."""
    first = max(0, len(code) - _LONGEST)
    start = word_start(code, len(code), first)
    typed = code[start:]
    if typed[:1].isdigit():
        return None
    if not code[:start].endswith("."):
        return NamePlace("", typed, start)
    begin = start
    while begin > first and (is_word(code[begin - 1]) or code[begin - 1] == "."):
        begin -= 1
    owner = code[begin : start - 1]
    known = begin > first or not first
    return NamePlace(owner if known and _DOTTED.fullmatch(owner) else None, typed, start)


def with_import(line: str) -> str | None:
    """Return a line that ends behind a module, or in the word `import` there, with all of it."""
    found = _FROM.fullmatch(line)
    return f"{found[1]}import " if found else None


def binds(text: str, name: str) -> bool:
    """Whether a text gives a name another meaning."""
    binding = rf"\b(?:as|for|import) {name}\b|\b{name}\s*:?=(?!=)"
    return name in text and re.search(binding, text) is not None


def without_last_word(code: str) -> str:
    """Return `code` up to the word that it ends with."""
    return code[: word_start(code, len(code))]


def word_start(code: str, end: int, first: int = 0) -> int:
    """Return where the word begins that ends before `end`, not looking further than `first`."""
    while end > first and is_word(code[end - 1]):
        end -= 1
    return end


def is_word(character: str) -> bool:
    """Whether a character may be in a name."""
    return character == "_" or character.isalnum()
