"""The accepts that are followed through their documents' edits until the last of their checks."""

from __future__ import annotations

import heapq
import itertools
from collections import defaultdict
from collections.abc import Iterator
from typing import Final

from telemetry.disk import LARGEST_FILE
from telemetry.events import TextEdit, minimal_edit
from telemetry.following import follow
from telemetry.spans import RetainedSpan, found_again, moved_to
from telemetry.survival import WINDOWS_S, State, Survival, Watch, censored, check

UNDO_MS: Final = 30_000
MAX_WATCHES: Final = 5_000
MAX_BYTES: Final = 8 << 20
_SHORTEST_FROM_ELSEWHERE: Final = 12


class Watches:
    """All accepts that are followed, by document and by the time of their next check."""

    def __init__(self) -> None:
        self._by_uri: defaultdict[str, list[Watch]] = defaultdict(list)
        self._due: list[tuple[int, int, Watch]] = []
        self._order = itertools.count()
        self._open: set[str] = set()
        self._inserted: defaultdict[str, list[RetainedSpan]] = defaultdict(list)
        self._bytes = 0

    def __len__(self) -> int:
        return len(self._due)

    @property
    def next_due_ms(self) -> int | None:
        """When the next check is due, None without any."""
        return self._due[0][0] if self._due else None

    def add(self, watch: Watch, now_ms: int) -> list[Survival]:
        """Follow an accept. The oldest that no longer fit into memory are given up, censored."""
        given_up = []
        watch.in_editor = watch.trusted = watch.uri in self._open
        self._bytes += watch.size
        while self._due and (self._bytes > MAX_BYTES or len(self._due) >= MAX_WATCHES):
            oldest = min((entry[2] for entry in self._due), key=lambda w: w.accepted_ms)
            given_up += self._give_up(oldest, now_ms, "censored_desync")
        self._by_uri[watch.uri].append(watch)
        self._schedule(watch)
        return given_up

    def in_document(self, uri: str) -> list[Watch]:
        """The accepts followed in a document."""
        return self._by_uri.get(uri, [])

    def apply(self, uri: str, edit: TextEdit) -> None:
        """Follow one edit in all accepts of the document, and where it takes up one of another."""
        watches = self.in_document(uri)
        if watches:
            spans = [span for watch in watches for span in watch.spans]
            follow(spans, edit, self._inserted[uri])
            rest = iter(spans)
            for watch in watches:
                watch.spans = list(itertools.islice(rest, len(watch.spans)))
        if len(edit.inserted) >= _SHORTEST_FROM_ELSEWHERE:
            self._take_over(uri, edit)

    def _take_over(self, uri: str, edit: TextEdit) -> None:
        """Accepts that are gone from another document, and are in what is inserted here."""
        text = RetainedSpan(edit.offset, edit.inserted)
        for _, _, watch in self._due:
            if watch.uri == uri or len(watch.spans) != 1 or watch.spans[0].text:
                continue
            if len(watch.spans[0].former) >= _SHORTEST_FROM_ELSEWHERE:
                found = moved_to(watch.spans[0], text, whole=True)
                if found is not None:
                    self._move(watch, uri, found)

    def _move(self, watch: Watch, uri: str, span: RetainedSpan) -> None:
        self._drop_from_document(watch)
        watch.uri, watch.spans, watch.method = uri, [span], "fuzzy_far"
        watch.in_editor = watch.trusted = uri in self._open
        self._by_uri[uri].append(watch)

    def undone_by(self, uri: str, edit: TextEdit, now_ms: int) -> Iterator[Watch]:
        """Accepts that this edit, not applied yet, takes back whole within 30 s."""
        for watch in self.in_document(uri):
            if watch.undone or not watch.spans or now_ms - watch.accepted_ms > UNDO_MS:
                continue
            span = watch.spans[0]
            if span.text == watch.text and edit == TextEdit(span.start, span.text, watch.replaced):
                watch.undone = True
                yield watch

    def redone_by(self, uri: str, edit: TextEdit) -> Iterator[Watch]:
        """Accepts that were taken back and that this edit, not applied yet, puts there again."""
        for watch in self.in_document(uri):
            if watch.undone and edit == TextEdit(watch.spans[0].start, watch.replaced, watch.text):
                watch.undone = False
                yield watch

    def reset(self, uri: str, text: str, before: str | None = None) -> None:
        """The document's text is known again after edits were missed: search the accepts in it.

        Where the text `before` is known, what differs is taken as an edit.
        """
        if before is not None:
            self.apply(uri, minimal_edit(before, text))
            return
        for watch in self.in_document(uri):
            watch.spans = [_refound(watch, span, text) for span in watch.spans]

    def lose(self, uri: str | None = None) -> None:
        """Edits were missed, of one document or of all: its accepts' places are unknown."""
        for watch in self.in_document(uri) if uri is not None else [e[2] for e in self._due]:
            for span in watch.spans:
                span.lost = True

    def opened(self, uri: str, text: str | None) -> None:
        """The editor opened the document: edits will arrive."""
        self._open.add(uri)
        self._inserted.pop(uri, None)
        watches = self.in_document(uri)
        before = next((watch.closed_text for watch in watches), None)
        if before is not None and text is not None:
            self.apply(uri, minimal_edit(before, text))
        else:
            self.lose(uri)
        for watch in watches:
            watch.in_editor = watch.trusted = True
            watch.closed_text = None

    def closed(self, uri: str, text: str | None) -> None:
        """The editor closed the document, with this text if that is known: its file counts."""
        self._open.discard(uri)
        if text is None or len(text) > LARGEST_FILE:
            self.lose(uri)
            text = None
        for watch in self.in_document(uri):
            watch.in_editor, watch.closed_text = False, text

    def rename(self, uri: str, new_uri: str) -> None:
        """Follow a file to its new name."""
        if uri in self._open:
            self._open.remove(uri)
            self._open.add(new_uri)
        for watch in self._by_uri.pop(uri, []):
            watch.uri = new_uri
            self._by_uri[new_uri].append(watch)

    def delete(self, uri: str) -> None:
        """The file is gone on purpose: what became of its text is nobody's verdict on it."""
        for watch in self.in_document(uri):
            watch.deleted = True

    def change_branch(self, workspace: str) -> None:
        """Another branch was checked out in a workspace."""
        for _, _, watch in self._due:
            watch.branch_changed = watch.branch_changed or watch.workspace == workspace

    def run_due(self, now_ms: int) -> list[Survival]:
        """Make the checks that are due."""
        results = []
        while self._due and self._due[0][0] <= now_ms:
            watch = heapq.heappop(self._due)[2]
            results.append(check(watch, WINDOWS_S[watch.checks], now_ms))
            watch.checks += 1
            if watch.checks < len(WINDOWS_S):
                self._schedule(watch)
            else:
                self._forget(watch)
        return results

    def censor_all(self, now_ms: int) -> list[Survival]:
        """The process ends: every check that is still to come is censored."""
        watches = [entry[2] for entry in self._due]
        self._due.clear()
        self._by_uri.clear()
        self._bytes = 0
        return [row for watch in watches for row in censored(watch, now_ms, "censored_restart")]

    def _schedule(self, watch: Watch) -> None:
        heapq.heappush(self._due, (watch.due_ms, next(self._order), watch))

    def _give_up(self, watch: Watch, now_ms: int, state: State) -> list[Survival]:
        self._due = [entry for entry in self._due if entry[2] is not watch]
        heapq.heapify(self._due)
        self._forget(watch)
        return censored(watch, now_ms, state)

    def _forget(self, watch: Watch) -> None:
        self._drop_from_document(watch)
        self._bytes -= watch.size

    def _drop_from_document(self, watch: Watch) -> None:
        remaining = self._by_uri[watch.uri]
        remaining.remove(watch)
        if not remaining:
            del self._by_uri[watch.uri]
            self._inserted.pop(watch.uri, None)


def _refound(watch: Watch, span: RetainedSpan, text: str) -> RetainedSpan:
    """The span in a text that arrived whole; one that is not in it is empty, that is, removed."""
    if not span.text:
        return RetainedSpan(span.start, "")
    again = found_again(span, text, everywhere=False)
    if again is None:
        return RetainedSpan(span.start, "")
    watch.method = "fuzzy_far" if again.moved else "fuzzy_near"
    return again
