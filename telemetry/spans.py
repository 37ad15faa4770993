"""Where an accepted text is now: a span that follows every edit of its document.

The span is the shortest stretch that holds every character of the accepted text that was never
removed; text typed between them lies inside it. A character that is removed and typed again is new.
"""

from __future__ import annotations

from difflib import SequenceMatcher
from typing import Final

from telemetry.alignment import best_alignment, utf16_length
from telemetry.events import TextEdit

NEAR: Final = 50  # characters on each side of the expected place, as GitHub's client searches
FAR: Final = 1_500
_LONGEST_FUZZY: Final = 2_000  # the search is quadratic; a longer text is found whole or not
_FOUND: Final = 0.5  # a text farther away than half its length is another text


class RetainedSpan:
    """One accepted text in a document: `text` at `start`, with the characters that are `kept`.

    `moved` says that the text was found elsewhere than edits had left it: then none of its
    characters count as untouched. `lost` says that an edit did not fit what was known.
    """

    __slots__ = ("kept", "lost", "moved", "start", "text")

    def __init__(
        self, start: int, text: str, kept: bytes | None = None, *, moved: bool = False
    ) -> None:
        self.start = start
        self.text = text
        self.kept = b"\x01" * len(text) if kept is None else kept
        self.moved = moved
        self.lost = False

    @property
    def end(self) -> int:
        """One past the span's last character."""
        return self.start + len(self.text)

    @property
    def untouched(self) -> int:
        """UTF-16 units of the accepted text that were never touched (ARC's count)."""
        if self.moved:
            return 0
        return utf16_length(
            "".join(c for c, kept in zip(self.text, self.kept, strict=True) if kept)
        )

    def apply(self, edit: TextEdit) -> None:
        """Follow one edit: shift, shrink, or take in what was typed inside."""
        if edit.end <= self.start:
            self.start += edit.shift
        elif edit.offset < self.end:
            self._cut(edit)

    def _cut(self, edit: TextEdit) -> None:
        head = max(edit.offset - self.start, 0)
        tail = min(edit.end - self.start, len(self.text))
        removed_from = max(self.start - edit.offset, 0)
        if edit.removed[removed_from : removed_from + tail - head] != self.text[head:tail]:
            self.lost = True
            return
        self.start = min(self.start, edit.offset)
        self.text = self.text[:head] + edit.inserted + self.text[tail:]
        self.kept = self.kept[:head] + bytes(len(edit.inserted)) + self.kept[tail:]
        self._shrink()

    def _shrink(self) -> None:
        first = max(self.kept.find(1), 0)
        last = self.kept.rfind(1) + 1
        self.start += first
        self.text, self.kept = self.text[first:last], self.kept[first:last]


def found_again(span: RetainedSpan, text: str, *, everywhere: bool) -> RetainedSpan | None:
    """The span in a text that it was not followed into: near its place, farther, or anywhere.

    None if no part of the text searched is within half the span's length of it.
    """
    for reach in (NEAR, FAR):
        start = max(span.start - reach, 0)
        found = _found_in(span, text, start, span.end + reach)
        if found is not None:
            found.moved = found.moved or reach == FAR
            return found
    return _found_anywhere(span, text) if everywhere else None


def _found_in(span: RetainedSpan, text: str, start: int, end: int) -> RetainedSpan | None:
    part = text[start:end]
    if not span.text or (len(span.text) > _LONGEST_FUZZY and span.text not in part):
        return None
    fit = best_alignment(span.text, part)
    if fit.distance > _FOUND * len(span.text) or fit.start == fit.end:
        return None
    now = part[fit.start : fit.end]
    kept = _kept_through(span, now)
    if kept.find(1) < 0:
        return None
    result = RetainedSpan(start + fit.start, now, kept, moved=span.moved)
    result._shrink()
    return result


def _found_anywhere(span: RetainedSpan, text: str) -> RetainedSpan | None:
    """Search around the places where one of the span's longest lines stands word for word."""
    for line in sorted(span.text.splitlines(), key=len, reverse=True)[:3]:
        seed = line.strip()
        at = text.find(seed) if seed else -1
        if at >= 0:
            around = len(span.text) + NEAR
            found = _found_in(span, text, max(at - around, 0), at + around)
            if found is not None:
                found.moved = True
                return found
    return None


def _kept_through(span: RetainedSpan, now: str) -> bytes:
    """Which characters of `now` are kept ones of the span, by their longest common blocks."""
    if now == span.text:
        return span.kept
    kept = bytearray(len(now))
    for block in SequenceMatcher(None, span.text, now, autojunk=False).get_matching_blocks():
        kept[block.b : block.b + block.size] = span.kept[block.a : block.a + block.size]
    return bytes(kept)
