"""Suggestions that were returned and may yet be shown, hidden or accepted, kept in memory.

Their texts are kept for 17 minutes, 2,000 entries and 8 MiB at most, and nowhere else; what is kept
longer (ids and lengths) only lets a late report find its rows.
"""

from __future__ import annotations

import re
from collections import OrderedDict, defaultdict, deque
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Final, Literal

from telemetry.alignment import utf16_length, utf16_prefix
from telemetry.events import (
    AUTO_CLOSED,
    AcceptKind,
    EventSource,
    Kind,
    Suggestion,
    TextEdit,
    common_prefix,
)

TEXT_KEPT_MS: Final = 17 * 60 * 1000
MAX_TEXTS: Final = 2_000
MAX_TEXT_BYTES: Final = 8 << 20
MAX_IDS: Final = 4_000
_SPLITS_WORD: Final = re.compile(r"\w\w")
_WORD: Final = re.compile(r"\w")


@dataclass(slots=True, eq=False)
class Pending:
    """A ghost text, and what is known of it so far, from when it is shown first until it is gone.

    `change` is the edit that taking it makes (None once its text is forgotten, offset -1 if its
    place is unknown). While a person types along it, the client is sent its rest under new ids:
    `repeats` has the UTF-16 units of the client's text before what is new in it, by id. `accepted`
    and `placed` count how much of the new text is taken or typed (UTF-16 units) and seen in the
    document (code points), `typed` the UTF-16 units typed instead of taken,
    `net_length` what its last acceptance added.
    """

    row: int
    session: str
    uri: str
    workspace: str
    change: TextEdit | None
    length: int
    replaced_length: int
    returned_ms: int
    shown_ms: int | None = None
    source: EventSource | Literal["none"] = "none"
    is_visible: bool = False
    accepted: int = 0
    placed: int = 0
    typed: int = 0
    net_length: int = 0
    repeats: dict[str, int] = field(default_factory=dict)
    accept_row: int | None = None
    accept_source: EventSource = "inferred"
    kind: Kind = "ghost text"

    def type_to(self, placed: int) -> None:
        """Note that its first `placed` code points are in the document, the last of them typed."""
        text = self.change.inserted if self.change is not None else ""
        self.typed += utf16_length(text[self.placed : placed])
        self.placed = placed
        self.accepted = max(self.accepted, utf16_length(text[:placed]))

    def take_up(self, suggestion: Suggestion) -> bool:
        """Whether a new suggestion is merely what is left of this one; then it is known by its id.

        Where the place is not known, a text that this one ends with was typed up to: what is left
        must have a letter or a digit, for brackets may be alike by chance.
        """
        place = -1 if suggestion.offset is None else suggestion.offset
        offered, shown = (
            TextEdit(place, suggestion.replaced, suggestion.text).trimmed(),
            self.change,
        )
        if shown is None or not offered.inserted or not shown.inserted.endswith(offered.inserted):
            return False
        placed = len(shown.inserted) - len(offered.inserted)
        if place < 0 or shown.offset < 0:
            if placed < self.placed or not _WORD.search(offered.inserted):
                return False
            self.type_to(placed)
        elif placed != self.placed or offered.offset != shown.offset + placed:
            return False
        before = common_prefix(suggestion.replaced, suggestion.text)
        typed = utf16_length(shown.inserted[:placed])
        self.repeats[suggestion.id] = utf16_length(suggestion.text[:before]) - typed
        return True


def pending_of(
    row: int,
    session: str,
    uri: str,
    workspace: str,
    suggestion: Suggestion,
    now_ms: int,
    kind: Kind = "ghost text",
) -> Pending:
    """A suggestion as it is kept: without the text that it merely repeats."""
    place = -1 if suggestion.offset is None else suggestion.offset
    change = TextEdit(place, suggestion.replaced, suggestion.text).trimmed()
    repeats = common_prefix(suggestion.replaced, suggestion.text)
    return Pending(
        row=row,
        session=session,
        uri=uri,
        workspace=workspace,
        change=change if place >= 0 else TextEdit(-1, change.removed, change.inserted),
        repeats={suggestion.id: utf16_length(suggestion.text[:repeats])},
        length=utf16_length(change.inserted),
        replaced_length=utf16_length(change.removed),
        returned_ms=now_ms,
        kind=kind,
    )


def points(text: str, units: int) -> int:
    """How many code points of `text` its first `units` UTF-16 units hold."""
    return len(utf16_prefix(text, units))


@dataclass(frozen=True, slots=True)
class Placement:
    """The beginning of a suggestion's new text that is now in the document.

    `kind` is None if it was typed, character by character, instead of taken.
    """

    text: str
    kind: AcceptKind | None


def placement(pending: Pending, edit: TextEdit) -> Placement | None:
    """Whether an edit puts (more of) the suggestion into the document, and how much of it.

    An insertion of what is left of the suggestion, or of its beginning up to the end of a word or
    line, is an acceptance. A single character, a new line with its indentation and a part of a word
    are typing unless they were reported as accepted.
    """
    change = pending.change
    edit = edit.trimmed()
    if change is None or change.offset < 0 or edit.offset != change.offset + pending.placed:
        return None
    left = change.inserted[pending.placed :]
    if edit.removed != (change.removed if pending.placed == 0 else "") or not edit.inserted:
        return None
    if not left.startswith(edit.inserted):
        return None
    placed = change.inserted[: pending.placed + len(edit.inserted)]
    if points(change.inserted, pending.accepted) >= len(placed):
        return Placement(placed, "full" if edit.inserted == left else "partial")
    if edit.inserted in AUTO_CLOSED:
        return None
    if len(edit.inserted) == 1 or not edit.inserted.strip():
        return Placement(placed, None)
    return Placement(
        placed, "full" if edit.inserted == left else _ends_at(left, len(edit.inserted))
    )


def _ends_at(text: str, end: int) -> AcceptKind | None:
    if text[end - 1] == "\n" or text[end] in "\r\n":
        return "line"
    return None if _SPLITS_WORD.match(text[end - 1 : end + 1]) else "word"


class RetainedSuggestions:
    """Pending suggestions by id and by the document on whose screen they are."""

    def __init__(self) -> None:
        self._by_id: OrderedDict[str, Pending | None] = OrderedDict()
        self._visible: defaultdict[str, list[Pending]] = defaultdict(list)
        self._with_text: deque[Pending] = deque()
        self._bytes = 0

    def add(self, suggestion_id: str, pending: Pending) -> None:
        """Keep a suggestion, and forget the texts that no longer fit."""
        self._by_id[suggestion_id] = pending
        self._with_text.append(pending)
        self._bytes += _size(pending)
        while len(self._with_text) > MAX_TEXTS or self._bytes > MAX_TEXT_BYTES:
            self._forget_oldest()
        self._forget_ids()

    def also_known_as(self, suggestion_id: str, pending: Pending) -> None:
        """Know what is on the screen by one more id."""
        self._by_id[suggestion_id] = pending
        self._forget_ids()

    def ignore(self, suggestion_id: str) -> None:
        """Know the id of a suggestion of which nothing is recorded."""
        self._by_id[suggestion_id] = None
        self._forget_ids()

    def __contains__(self, suggestion_id: str) -> bool:
        return suggestion_id in self._by_id

    def get(self, suggestion_id: str) -> Pending | None:
        """The suggestion, if it is recorded and still known."""
        return self._by_id.get(suggestion_id)

    def forget_old(self, now_ms: int) -> None:
        """Drop texts that have been kept for long enough."""
        while self._with_text and now_ms - self._with_text[0].returned_ms >= TEXT_KEPT_MS:
            self._forget_oldest()

    def show(self, pending: Pending) -> None:
        """Note that the client displays a suggestion."""
        if not pending.is_visible:
            pending.is_visible = True
            self._visible[pending.uri].append(pending)

    def hide(self, pending: Pending) -> None:
        """Note that the client displays a suggestion no longer."""
        if pending.is_visible:
            pending.is_visible = False
            self._visible[pending.uri].remove(pending)
            if not self._visible[pending.uri]:
                del self._visible[pending.uri]

    def visible(self, uri: str) -> list[Pending]:
        """What is on the screen of this document."""
        return list(self._visible.get(uri, ()))

    def visible_in_session(self, session: str) -> Iterable[Pending]:
        """What is on any screen of this session."""
        shown = [pending for pendings in self._visible.values() for pending in pendings]
        return (pending for pending in shown if pending.session == session)

    def _forget_ids(self) -> None:
        """Drop the oldest, whatever was last heard of them."""
        while len(self._by_id) > MAX_IDS:
            _, pending = self._by_id.popitem(last=False)
            if pending is not None:
                self.hide(pending)

    def _forget_oldest(self) -> None:
        pending = self._with_text.popleft()
        self._bytes -= _size(pending)
        pending.change = None


def _size(pending: Pending) -> int:
    change = pending.change
    return 200 + (4 * (len(change.inserted) + len(change.removed)) if change else 0)
