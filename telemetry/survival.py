"""Whether accepted text stays: watched through its document's edits, checked at fixed times.

Every accept is checked at each of `WINDOWS_S`. What cannot be known (the process ends, the file is
gone, edits were missed, another branch was checked out) is recorded as censored, not left out.
"""

from __future__ import annotations

import heapq
import itertools
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from typing import Final, Literal

from telemetry.alignment import (
    four_gram_share,
    levenshtein,
    lexeme_distance,
    utf16_length,
    utf16_units,
)
from telemetry.differences import small_edits
from telemetry.disk import LARGEST_FILE, read_document, saved_ms
from telemetry.events import TextEdit, minimal_edit
from telemetry.spans import RetainedSpan, found_again, moved_to

WINDOWS_S: Final = (0, 15, 30, 90, 120, 180, 300, 360, 600, 900)
UNDO_MS: Final = 30_000
MAX_WATCHES: Final = 5_000
MAX_BYTES: Final = 8 << 20
_PLACEMENT_MS: Final = 1_000  # an acceptance may be reported before its edit
_UNKNOWN_PLACE: Final = 1 << 40
_SHORTEST_MOVED: Final = 4
_SHORTEST_FROM_ELSEWHERE: Final = 12
_MOST_INSERTED: Final = 20  # texts a document, among which a text that was moved is looked for

State = Literal[
    "ok",
    "removed",
    "doc_closed_disk",
    "not_found",
    "censored_restart",
    "censored_deleted",
    "censored_desync",
    "censored_branch",
    "censored_unsaved",
]
Method = Literal["tracked", "fuzzy_near", "fuzzy_far", "disk_fuzzy"]


@dataclass(slots=True, eq=False)
class Watch:
    """One accept that is followed. `spans` is empty until its edit is seen in the document.

    `replaced` is what the accepted text took the place of; `in_editor` says that edits of the
    document arrive, `trusted` that an editor had it open, so that its file may be read.
    `closed_text` is the document's text when the editor closed it, None if that is not known.
    """

    accept: int
    uri: str
    workspace: str
    text: str
    replaced: str
    accepted_ms: int
    spans: list[RetainedSpan] = field(default_factory=list)
    in_editor: bool = False
    trusted: bool = False
    closed_text: str | None = None
    method: Method = "tracked"
    deleted: bool = False
    branch_changed: bool = False
    undone: bool = False
    checks: int = 0

    @property
    def due_ms(self) -> int:
        """When the next check is to be made."""
        placement = 0 if self.checks or self.spans else _PLACEMENT_MS
        return self.accepted_ms + WINDOWS_S[self.checks] * 1000 + placement

    @property
    def size(self) -> int:
        """About the memory that it takes, in bytes."""
        return 10 * len(self.text) + 500


@dataclass(frozen=True, slots=True)
class Survival:
    """One check: what `survival` stores. Lengths and `lev` in UTF-16 units, None if censored.

    `lev` and `lex_dist` are Levenshtein's distances over UTF-16 units and lexemes, `arc` the
    accepted units never touched, `four_gram` the share of four-character runs still there.
    """

    accept: int
    window_s: int
    actual_s: float
    state: State
    method: Method
    init_len: int
    cur_len: int | None = None
    lev: int | None = None
    lex_dist: int | None = None
    lex_len: int | None = None
    arc: int | None = None
    four_gram: float | None = None
    ws_only: int | None = None
    branch_changed: int = 0


def check(watch: Watch, window_s: int, now_ms: int) -> Survival:
    """Find the accepted text as it is now and measure what became of it."""
    state, method, spans = _locate(watch)
    before = watch.text * max(len(watch.spans), 1)
    base = Survival(
        accept=watch.accept,
        window_s=window_s,
        actual_s=max(now_ms - watch.accepted_ms, 0) / 1000,
        state=state,
        method=method,
        init_len=utf16_length(before),
        branch_changed=int(watch.branch_changed),
    )
    return base if state.startswith("censored") else _measured(base, before, spans)


def _measured(base: Survival, before: str, spans: list[RetainedSpan]) -> Survival:
    after = "".join(span.text for span in spans)
    same = before == after
    lex_dist, lex_len = lexeme_distance(before, after)
    return replace(
        base,
        cur_len=utf16_length(after),
        lev=0 if same else levenshtein(utf16_units(before), utf16_units(after)),
        lex_dist=lex_dist,
        lex_len=lex_len,
        arc=sum(span.untouched for span in spans),
        four_gram=four_gram_share(before, after),
        ws_only=int(not same and "".join(before.split()) == "".join(after.split())),
    )


def _locate(watch: Watch) -> tuple[State, Method, list[RetainedSpan]]:
    if watch.deleted:
        return "censored_deleted", watch.method, []
    if watch.branch_changed:
        return "censored_branch", watch.method, []
    is_followed = bool(watch.spans) and not any(span.lost for span in watch.spans)
    if is_followed and not any(span.text for span in watch.spans):
        return "removed", watch.method, []
    if is_followed and watch.in_editor:
        return "ok", watch.method, watch.spans
    return _locate_on_disk(watch)


def _locate_on_disk(watch: Watch) -> tuple[State, Method, list[RetainedSpan]]:
    try:
        text = read_document(watch.uri, watch.workspace, trusted=watch.trusted)
    except FileNotFoundError:
        # A document that is open and was never saved is not deleted.
        return ("censored_desync" if watch.in_editor else "censored_deleted"), "disk_fuzzy", []
    except (OSError, ValueError):
        return "censored_desync", "disk_fuzzy", []
    if watch.closed_text is not None and watch.spans:
        found = _followed(watch.spans, minimal_edit(watch.closed_text, text))
        return ("doc_closed_disk" if found else "not_found"), "disk_fuzzy", found
    spans = watch.spans or [RetainedSpan(_UNKNOWN_PLACE, watch.text)]
    found = [again for span in spans if (again := found_again(span, text, everywhere=True))]
    for span in found:
        span.moved = span.moved and bool(watch.spans)  # without a known place nothing has moved
    if not found and not watch.trusted and saved_ms(watch.uri, watch.workspace) < watch.accepted_ms:
        return "censored_unsaved", "disk_fuzzy", []
    if not found:
        return "not_found", "disk_fuzzy", []
    return ("ok" if watch.in_editor else "doc_closed_disk"), "disk_fuzzy", found


def _followed(spans: list[RetainedSpan], edit: TextEdit) -> list[RetainedSpan]:
    """What is left of spans after an edit, of which they are left as they are."""
    copies = [span.copy() for span in spans]
    follow(copies, edit, [])
    return [span for span in copies if span.text]


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


def censored(watch: Watch, now_ms: int, state: State) -> list[Survival]:
    """The checks still to come of an accept that is given up."""
    length = utf16_length(watch.text) * max(len(watch.spans), 1)
    actual_s = max(now_ms - watch.accepted_ms, 0) / 1000
    return [
        Survival(watch.accept, window_s, actual_s, state, watch.method, length)
        for window_s in WINDOWS_S[watch.checks :]
    ]


def _refound(watch: Watch, span: RetainedSpan, text: str) -> RetainedSpan:
    """The span in a text that arrived whole; one that is not in it is empty, that is, removed."""
    if not span.text:
        return RetainedSpan(span.start, "")
    again = found_again(span, text, everywhere=False)
    if again is None:
        return RetainedSpan(span.start, "")
    watch.method = "fuzzy_far" if again.moved else "fuzzy_near"
    return again
