"""Where an accepted text is now: a span that follows every edit of its document.

The span is the shortest stretch that holds every character of the accepted text that is there: that
was never removed, or came back in its place (undo, retyping); text typed between them lies inside.
What came back is there, and yet not untouched. A text that was removed and is inserted elsewhere
has moved; it is looked for in what was inserted, so that no other text that was there before is
taken for it.
"""

from __future__ import annotations

from difflib import SequenceMatcher
from typing import Final

from telemetry.alignment import best_alignment, levenshtein, utf16_length
from telemetry.events import TextEdit, common_prefix

NEAR: Final = 50  # characters on each side of the expected place, as GitHub's client searches
FAR: Final = 1_500
_LONGEST_FUZZY: Final = 2_000  # the search is quadratic; a longer text is found whole or not
_FOUND: Final = 0.5  # a text farther away than half its length is another text
_MOVED: Final = 1 / 3  # a text elsewhere must be nearer: one third still counts as kept
_FEWEST_MOVED: Final = 5  # visible characters; shorter texts are everywhere
_UNTOUCHED, _BACK = 1, 2


class RetainedSpan:
    """One accepted text in a document: `text` at `start`, with the characters that are `kept`.

    `kept` has 1 for an accepted character that was never touched, 2 for one that came back, else 0.
    `moved` says that the text was found elsewhere than edits had left it: then none of its
    characters count as untouched. `lost` says that an edit did not fit what was known, `former` is
    the text before some of it was removed.
    """

    __slots__ = ("former", "kept", "lost", "moved", "start", "text")

    def __init__(
        self, start: int, text: str, kept: bytes | None = None, *, moved: bool = False
    ) -> None:
        self.start = start
        self.text = text
        self.kept = b"\x01" * len(text) if kept is None else kept
        self.moved = moved
        self.lost = False
        self.former = ""

    def copy(self) -> RetainedSpan:
        """The same, to be followed apart."""
        copy = RetainedSpan(self.start, self.text, self.kept, moved=self.moved)
        copy.lost, copy.former = self.lost, self.former
        return copy

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
            "".join(c for c, k in zip(self.text, self.kept, strict=True) if k == _UNTOUCHED)
        )

    def apply(self, edit: TextEdit) -> None:
        """Follow one edit: shift, shrink, take in what was typed inside, and what comes back."""
        if self.former and not edit.removed and self._take_back(edit):
            return
        if edit.end <= self.start:
            self.start += edit.shift
        elif edit.offset < self.end:
            self._cut(edit)

    def _take_back(self, edit: TextEdit) -> bool:
        """Whether an insertion at an end of the span brings what was removed there."""
        inserted, own = edit.inserted, len(self.text)
        if edit.offset == self.end and self.former.startswith(self.text):
            back = inserted[: common_prefix(inserted, self.former[own:])]
            self.text, self.kept = self.text + back, self.kept + bytes([_BACK]) * len(back)
        elif edit.offset == self.start and self.former.endswith(self.text):
            missing = self.former[: len(self.former) - own]
            count = common_prefix(inserted[::-1], missing[::-1])
            back = inserted[len(inserted) - count :]
            if back:
                self.start += len(inserted) - len(back)
                self.text, self.kept = back + self.text, bytes([_BACK]) * len(back) + self.kept
        else:
            return False
        if self.text == self.former:
            self.former = ""
        return bool(back)

    def _cut(self, edit: TextEdit) -> None:
        head = max(edit.offset - self.start, 0)
        tail = min(edit.end - self.start, len(self.text))
        removed_from = max(self.start - edit.offset, 0)
        if edit.removed[removed_from : removed_from + tail - head] != self.text[head:tail]:
            self.lost = True
            return
        if tail > head:
            is_large = tail - head >= max(_FEWEST_MOVED, len(self.text) / 2)
            self.former = self.text if is_large or not self.former else self.former
        self.start = min(self.start, edit.offset)
        self.text = self.text[:head] + edit.inserted + self.text[tail:]
        self.kept = self.kept[:head] + bytes(len(edit.inserted)) + self.kept[tail:]
        self._shrink()

    def _shrink(self) -> None:
        last = len(self.kept.rstrip(b"\0"))
        first = len(self.kept) - len(self.kept.lstrip(b"\0")) if last else 0
        self.start += first
        self.text, self.kept = self.text[first:last], self.kept[first:last]


def moved_to(
    span: RetainedSpan, inserted: RetainedSpan, *, whole: bool = False
) -> RetainedSpan | None:
    """The span in a text that was inserted, if it holds more of what the span was than is left.

    It may have been changed a little, or only in its space if it is to be `whole`. Texts of fewer
    than five visible characters are not looked for.
    """
    former, text = span.former, inserted.text
    visible = "".join(former.split())
    if len(visible) < _FEWEST_MOVED or len(text) < len(former) * (1 - _MOVED):
        return None
    if (whole and visible not in "".join(text.split())) or (
        len(former) > _LONGEST_FUZZY and former not in text
    ):
        return None
    fit = best_alignment(former, text)
    if fit.distance > _MOVED * len(former):
        return None
    if fit.distance >= levenshtein(former, span.text):
        return None
    now = text[fit.start : fit.end]
    return RetainedSpan(inserted.start + fit.start, now, bytes([_BACK]) * len(now), moved=True)


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
    if not any(kept):
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
