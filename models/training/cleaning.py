"""Decide which files are code that people wrote, and drop what is only boilerplate in them."""

from __future__ import annotations

import re
from pathlib import Path

SMALLEST, LARGEST = 200, 400_000  # characters
LONGEST_LINE = 1_000  # characters
LEAST_LETTERS = 0.45  # share of letters among the characters that are not white space

VENDORED = {
    *("_vendor", "vendored", "_vendored", "vendor", "third_party", "extern", "node_modules"),
    *("test_data", "testdata"),
}
_GENERATED = re.compile(r"auto(matically|-)?\s?generated|@generated|do not edit", re.IGNORECASE)
_DIRECTIVE = r"(?:[!\[]|(?:include|define|if|ifdef|ifndef|pragma|undef)\b)"  # of C and Rust
_COMMENTS_AT_TOP = re.compile(
    rf"\A(?:#!.*\n)?(?:#(?!{_DIRECTIVE}).*\n|//.*\n|/\*(?:[^*]|\*(?!/))*\*/|[ \t]*\n)+"
)


def read_clean(path: Path) -> str | None:
    """The file's text without its licence header, or None for a file to learn nothing from."""
    try:
        text = path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError):
        return None
    return without_licence_header(text) if is_written_code(text) else None


def is_vendored(path: Path) -> bool:
    """Whether a path within a package leads to copies of other packages, or to data for tests."""
    return not VENDORED.isdisjoint(path.parts)


def is_written_code(text: str) -> bool:
    """Whether text looks written by hand: not generated, no table of data, not tiny, not huge."""
    if not SMALLEST <= len(text) <= LARGEST or _GENERATED.search(text[:1000]):
        return False
    if max(map(len, text.splitlines())) > LONGEST_LINE:
        return False
    visible = "".join(text.split())
    return sum(map(str.isalpha, visible)) >= LEAST_LETTERS * len(visible)


def without_licence_header(text: str) -> str:
    """Drop the comments at the top where they speak of licences: they teach only themselves."""
    header = _COMMENTS_AT_TOP.match(text)
    if header and re.search(r"licen[cs]e|copyright", header[0], re.IGNORECASE):
        return text[header.end() :]
    return text
