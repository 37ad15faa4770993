"""An edit followed in texts that are retained, also where it moves them."""

from __future__ import annotations

from typing import Final

from telemetry.differences import small_edits
from telemetry.events import TextEdit
from telemetry.spans import RetainedSpan, moved_to

_SHORTEST_MOVED: Final = 4
_MOST_INSERTED: Final = 20  # texts a document, among which a text that was moved is looked for


def follow(spans: list[RetainedSpan], edit: TextEdit, inserted: list[RetainedSpan]) -> None:
    """Follow an edit in spans; one that it removes is looked for in what was `inserted` lately.

    What this edit inserts is added there. What another edit inserts may be a sibling, and must hold
    all of it (cut and pasted, undone and redone, copied and then removed).
    """
    is_cut = any(edit.offset < span.end and edit.end > span.start for span in spans)
    before = list(inserted)
    sizes = [len(span.text) for span in spans]
    for part in small_edits(edit) if is_cut else [edit.trimmed()]:
        for span in (*spans, *inserted):
            span.apply(part)
        if len(part.inserted) >= _SHORTEST_MOVED:
            inserted.append(RetainedSpan(part.offset, part.inserted))
    for index, (span, size) in enumerate(zip(spans, sizes, strict=True)):
        if span.former:
            is_cut = len(span.text) < size
            found = [
                again
                for text in inserted
                if (again := moved_to(span, text, whole=text in before or not is_cut)) is not None
            ]
            spans[index] = found[-1] if found else span
    del inserted[:-_MOST_INSERTED]
