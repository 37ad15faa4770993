"""What is left of an accepted text: one check of it, as it is stored.

Every accept is checked at each of `WINDOWS_S`. What cannot be known (the process ends, the file is
gone, edits were missed, another branch was checked out) is recorded as censored, not left out.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Final, Literal

from telemetry.alignment import (
    four_gram_share,
    levenshtein,
    lexeme_distance,
    utf16_length,
    utf16_units,
)
from telemetry.disk import read_document, saved_ms
from telemetry.events import TextEdit, minimal_edit
from telemetry.following import follow
from telemetry.spans import RetainedSpan, found_again

WINDOWS_S: Final = (0, 15, 30, 90, 120, 180, 300, 360, 600, 900)
_PLACEMENT_MS: Final = 1_000  # an acceptance may be reported before its edit
_UNKNOWN_PLACE: Final = 1 << 40

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


def censored(watch: Watch, now_ms: int, state: State) -> list[Survival]:
    """The checks still to come of an accept that is given up."""
    length = utf16_length(watch.text) * max(len(watch.spans), 1)
    actual_s = max(now_ms - watch.accepted_ms, 0) / 1000
    return [
        Survival(watch.accept, window_s, actual_s, state, watch.method, length)
        for window_s in WINDOWS_S[watch.checks :]
    ]
