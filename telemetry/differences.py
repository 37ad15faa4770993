"""A large edit as the small ones that it is made of, so that what stays in it is seen to stay.

Clients that send whole documents, formatters that replace a whole range and commands that swap
lines remove text only to put it back. Lines are compared without their space, as formatters change
that, and what is left of them word by word (Ratcliff and Obershelp's matching, as in `difflib`).
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from difflib import SequenceMatcher
from typing import Final

from telemetry.events import TextEdit

_LARGEST: Final = 1 << 20  # characters on each side; a larger edit stays whole
_LARGEST_BY_WORD: Final = 4_000
_WORDS: Final = re.compile(r"\w+|\s|[^\w\s]")


def small_edits(edit: TextEdit) -> list[TextEdit]:
    """Edits, each against the text left by the one before, that make the same change together.

    Whole lines on both sides (`minimal_edit`) tell best which of them has stayed.
    """
    size = len(edit.removed) + len(edit.inserted)
    if not edit.removed or not edit.inserted or size > _LARGEST:
        return [edit.trimmed()]
    at = edit.offset
    edits: list[TextEdit] = []
    for removed, inserted in _by_line(edit.removed, edit.inserted):
        if removed != inserted:
            edits += _by_word(TextEdit(at, removed, inserted).trimmed())
        at += len(inserted)
    return edits


def _by_line(removed: str, inserted: str) -> Iterator[tuple[str, str]]:
    """What stands for what, in order; equal parts as well."""
    was, now = removed.splitlines(keepends=True), inserted.splitlines(keepends=True)
    one, other = (["".join(line.split()) for line in lines] for lines in (was, now))
    for tag, i, i_end, j, j_end in SequenceMatcher(None, one, other).get_opcodes():
        if tag == "equal":
            yield from zip(was[i:i_end], now[j:j_end], strict=True)
        else:
            yield "".join(was[i:i_end]), "".join(now[j:j_end])


def _by_word(edit: TextEdit) -> Iterator[TextEdit]:
    removed, inserted, at = edit.removed, edit.inserted, edit.offset
    if not removed or not inserted or max(len(removed), len(inserted)) > _LARGEST_BY_WORD:
        yield edit
        return
    was, now = _words(removed), _words(inserted)
    for tag, i, i_end, j, j_end in SequenceMatcher(None, was, now, autojunk=False).get_opcodes():
        part = TextEdit(at, "".join(was[i:i_end]), "".join(now[j:j_end]))
        at += len(part.inserted)
        if tag != "equal":
            yield part


def _words(text: str) -> Sequence[str]:
    return [found[0] for found in _WORDS.finditer(text)]
