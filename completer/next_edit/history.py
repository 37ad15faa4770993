"""The last edits of a workspace, as its open documents show them: in memory only, and bounded."""

import threading
import time
from bisect import bisect_left
from collections import OrderedDict, deque
from collections.abc import Callable
from dataclasses import replace

from completer.next_edit.edits import Hunk
from completer.place import Place

MOST_HUNKS = 64
MOST_TEXTS = 64
LONGEST_HUNK = 4_096
"""Characters; what is longer was no edit of a person at a place, but of the whole file."""
MERGED_WITHIN_S = 60.0


def difference(before: str, after: str, path: Place, now: float = 0.0) -> Hunk | None:
    """Return what one text became the other by: what is between their common beginning and end.

    `None` if they are equal.
    """
    if before == after:
        return None
    shorter = min(len(before), len(after))
    start = _longest(shorter, lambda length: before.startswith(after[:length]))
    tail = _longest(shorter - start, lambda length: before.endswith(after[len(after) - length :]))
    old, new = before[start : len(before) - tail], after[start : len(after) - tail]
    return Hunk(path, start, old, new, now)


def merged(first: Hunk, second: Hunk) -> Hunk | None:
    """Return two hunks of a file that touch as one; `None` for those that do not."""
    end = first.start + len(first.new)
    if first.path != second.path or second.start > end or second.end < first.start:
        return None
    begin = min(first.start, second.start)
    ahead = second.old[: max(0, first.start - second.start)]
    behind = second.old[len(second.old) - max(0, second.end - end) :] if second.end > end else ""
    between = ahead + first.new + behind
    new = replace(second, start=second.start - begin).applied(between)
    found = difference(ahead + first.old + behind, new, first.path, second.time)
    return Hunk(first.path, begin, "", "") if found is None else _moved(found, begin)


class EditHistory:
    """The last `MOST_HUNKS` edits, typing at a place being one. May be used from several threads.

    Of each document it keeps the last text, which others keep too, so that it costs no memory.
    """

    def __init__(self, clock: Callable[[], float] = time.time) -> None:
        self._clock = clock
        self._hunks: deque[Hunk] = deque(maxlen=MOST_HUNKS)
        self._texts: OrderedDict[Place, str] = OrderedDict()
        self._open: set[Place] = set()
        self._lock = threading.Lock()

    @property
    def hunks(self) -> tuple[Hunk, ...]:
        """What was edited, the oldest first."""
        with self._lock:
            return tuple(self._hunks)

    def text(self, path: Place) -> str | None:
        """Return the text of an open document."""
        with self._lock:
            return self._texts.get(path) if path in self._open else None

    def document_changed(self, path: Place, text: str | None) -> None:
        """Take over an open document's text; `None` when it was closed."""
        with self._lock:
            if text is None:
                self._open.discard(path)
                return
            former = self._texts.pop(path, text)
            self._texts[path] = text
            self._open.add(path)
            hunk = difference(former, text, path, self._clock())
            if hunk is not None:
                self._add(hunk)
            while len(self._texts) > MOST_TEXTS:
                self._forget(next(iter(self._texts)))

    def _add(self, hunk: Hunk) -> None:
        last = self._hunks[-1] if self._hunks else None
        soon = last is not None and hunk.time - last.time <= MERGED_WITHIN_S
        if last is not None and soon and (both := merged(last, hunk)) is not None:
            self._hunks.pop()
            hunk = both
        if max(len(hunk.old), len(hunk.new)) > LONGEST_HUNK:
            self._drop_hunks(hunk.path)  # what came before cannot be undone without it
        elif hunk.old != hunk.new:
            self._hunks.append(hunk)

    def _forget(self, path: Place) -> None:
        self._texts.pop(path)
        self._open.discard(path)
        self._drop_hunks(path)

    def _drop_hunks(self, path: Place) -> None:
        kept = [hunk for hunk in self._hunks if hunk.path != path]
        self._hunks = deque(kept, MOST_HUNKS)


def _longest(most: int, equal: Callable[[int], bool]) -> int:
    """Return the greatest length up to `most` at which two texts are equal, by halving."""
    return bisect_left(range(1, most + 1), x=True, key=lambda length: not equal(length))


def _moved(hunk: Hunk, by: int) -> Hunk:
    return replace(hunk, start=hunk.start + by)
