"""What a model that writes edits is asked about, and the edit that its answer makes."""

from collections.abc import Sequence

from completer.next_edit.edits import Hunk, NextEdit, NextEditRequest, point_at
from completer.next_edit.expected import Replacement, replacement
from completer.next_edit.history import difference
from completer.next_edit.snapshot import Files
from models.edit_formats import Change, Situation

MOST_CHANGES = 8
_AROUND = 3


def situation(
    request: NextEditRequest, history: Sequence[Hunk], files: Files
) -> tuple[Situation, list[Replacement]]:
    """Return what a model is to know, and what the last edits replaced, the oldest first."""
    texts, former = {request.path: request.text}, ""
    changes: list[Change] = []
    replaced: list[Replacement | None] = []
    for hunk in reversed(history[-MOST_CHANGES:]):
        after = texts.get(hunk.path) or files.text(hunk.path)
        before = None if after is None else hunk.undone(after)
        if before is None or after is None:
            break
        if hunk.path == request.path and not former:
            former = before
        texts[hunk.path] = before
        changes.append(_change(files.name(hunk.path), before, after, hunk))
        replaced.append(replacement(before, hunk.start, hunk.old, hunk.new))
    asked = Situation(
        path=files.name(request.path),
        text=request.text,
        caret=request.offset,
        former=former,
        changes=tuple(reversed(changes)),
    )
    return asked, [each for each in reversed(replaced) if each is not None]


def edit_of(request: NextEditRequest, start: int, old: str, new: str) -> NextEdit | None:
    """Return the edit that makes `old`, at `start`, `new`, without what both have in common."""
    hunk = difference(old, new, request.path)
    if hunk is None:
        return None
    begin, text = start + hunk.start, request.text
    end = begin + len(hunk.old)
    places = point_at(text, begin), point_at(text, end)
    return NextEdit(request.path, *places, hunk.old, hunk.new, "written by the model")


def _change(name: str, before: str, after: str, hunk: Hunk) -> Change:
    """Return an edit in whole lines."""
    first = before.rfind("\n", 0, hunk.start) + 1
    old = before[first : _line_end(before, hunk.end)].split("\n")
    new = after[first : _line_end(after, hunk.start + len(hunk.new))].split("\n")
    line = before.count("\n", 0, first)
    while old and new and old[-1] == new[-1]:
        old, new = old[:-1], new[:-1]
    while old and new and old[0] == new[0]:
        old, new, line = old[1:], new[1:], line + 1
    lines = before.split("\n")
    return Change(
        path=name,
        line=line,
        above=tuple(lines[max(0, line - _AROUND) : line]),
        old=tuple(old),
        new=tuple(new),
        below=tuple(lines[line + len(old) : line + len(old) + _AROUND]),
    )


def _line_end(text: str, at: int) -> int:
    found = text.find("\n", at)
    return len(text) if found < 0 else found
