"""What a front door records: every kind of event, and the values that they are made of.

An event is made by the caller and never changed afterwards. Documents are named by their URI.
Positions are code-point offsets into a document's text (what Python's `str` counts). Lengths that
a client sends, such as an accepted length, are UTF-16 units, as the protocol says. Text in these
values stays in memory: the store receives its lengths and a keyed hash of it.
"""

from __future__ import annotations

import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, Literal

Trigger = Literal["auto", "manual", "retrigger"]
Outcome = Literal[
    "not_requested",
    "cancelled",
    "timeout",
    "error",
    "empty",
    "filtered",
    "returned",
    "continued",  # with what is left of the text on the screen
]
HiddenReason = Literal[
    "accepted",
    "partial",
    "esc",
    "typed_over",
    "typed_through",
    "cursor_moved",
    "superseded",
    "doc_closed",
    "unknown",
]
Kind = Literal["ghost text", "next edit", "next edit by a model"]
AcceptKind = Literal["full", "word", "line", "partial"]
EventSource = Literal["client", "inferred"]
EditClass = Literal[
    "typed",
    "auto_close",
    "ide_complete",
    "ai_inline",
    "ai_chat",
    "paste",
    "undo",
    "redo",
    "format",
    "multi_cursor",
    "bulk_external",
    "unknown",
]

# What editors close as soon as it is opened.
AUTO_CLOSED: Final = frozenset({"()", "[]", "{}", "<>", '""', "''", "``"})


def new_id() -> str:
    """A fresh id for a session, an opportunity or a suggestion."""
    return secrets.token_hex(8)


class Event:
    """Something that happened at a front door."""

    __slots__ = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class SessionStarted(Event):
    """A client connected, or an HTTP user was first seen. `user` is hashed under the install's key.

    Other events name the session by its `id`.
    """

    client: str
    id: str = field(default_factory=new_id)
    client_version: str = ""
    server_version: str = ""
    user: str = ""
    capabilities: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class SessionEnded(Event):
    """The client has gone; what is still on its screen counts as closed."""

    session: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Opportunity(Event):
    """One trigger point and what came of it, recorded once its outcome is known.

    `places` are the real paths of its file and the open folders around that, or all that are open
    where it is in none. Nothing is recorded if one of them, or a folder above, has opted out.

    `kind` is what was offered; of next edits, only those that were shown are recorded.
    Times are milliseconds; `started_ms` is wall-clock time since the epoch (None: now). `steps`
    counts verification steps, `drafted_tokens` and `accepted_draft_tokens` what was drafted and
    kept, `reused_tokens` the prompt tokens that needed no prefill. `p_accept` is the predicted
    probability that the suggestion is accepted, `propensity` the probability with which the policy
    chose to show it, and `features` what it was predicted from: numbers only, so that no source
    text can enter.
    """

    session: str
    uri: str
    outcome: Outcome
    id: str = field(default_factory=new_id)
    workspace: str = ""
    places: tuple[str, ...] = ()
    language: str = ""
    trigger: Trigger = "auto"
    started_ms: int | None = None
    queue_ms: float | None = None
    engine_ms: float | None = None
    total_ms: float | None = None
    prompt_tokens: int = 0
    reused_tokens: int = 0
    generated_tokens: int = 0
    steps: int = 0
    drafted_tokens: int = 0
    accepted_draft_tokens: int = 0
    draft_source: str = ""
    finish_reason: str = ""
    exit_mode: str = ""
    distribution: str = ""
    model: str = ""
    arm: str = ""
    p_accept: float | None = None
    propensity: float | None = None
    features: Mapping[str, float] = field(default_factory=dict)
    kind: Kind = "ghost text"


@dataclass(frozen=True, slots=True, kw_only=True)
class Suggestion:
    """A text that was sent to the client.

    `text` would go to `offset` (None where the document is not known, as over HTTP) in place of
    `replaced`, which is usually empty or the typed prefix that `text` repeats.
    """

    text: str
    id: str = field(default_factory=new_id)
    offset: int | None = None
    replaced: str = ""
    rank: int = 0


@dataclass(frozen=True, slots=True)
class TextEdit:
    """One change of a document: at `offset`, `removed` gives way to `inserted`.

    The removed text makes an edit invertible, which is how undo, redo and formatting are known.
    """

    offset: int
    removed: str
    inserted: str

    @property
    def end(self) -> int:
        """Where the removed text ended before the edit."""
        return self.offset + len(self.removed)

    @property
    def shift(self) -> int:
        """By how much text after the edit moves."""
        return len(self.inserted) - len(self.removed)

    def same_text(self, other: TextEdit) -> bool:
        """Whether the other edit makes the same change, maybe elsewhere."""
        return (self.removed, self.inserted) == (other.removed, other.inserted)

    def inverse(self) -> TextEdit:
        """The edit that takes this one back."""
        return TextEdit(self.offset, self.inserted, self.removed)

    def trimmed(self) -> TextEdit:
        """The same change without the text that both sides share at their start and end."""
        start = common_prefix(self.removed, self.inserted)
        removed, inserted = self.removed[start:], self.inserted[start:]
        end = common_prefix(removed[::-1], inserted[::-1])
        return TextEdit(
            self.offset + start, removed[: len(removed) - end], inserted[: len(inserted) - end]
        )


@dataclass(frozen=True, slots=True)
class Returned(Event):
    """The reply with these suggestions was delivered and not cancelled; its opportunity came first.

    The best of them is taken as shown (marked inferred) until the client says so itself, or its
    session has shown that it reports such events. Their texts stay in memory for 17 minutes at
    most, so that acceptance and persistence can be seen in the document.
    """

    opportunity: str
    suggestions: Sequence[Suggestion]


@dataclass(frozen=True, slots=True)
class Shown(Event):
    """The suggestion with this id is on the screen."""

    suggestion: str
    source: EventSource = "client"


@dataclass(frozen=True, slots=True)
class Hidden(Event):
    """The suggestion left the screen; `shown_for_ms` where the client measured it."""

    suggestion: str
    reason: HiddenReason
    shown_for_ms: int | None = None


@dataclass(frozen=True, slots=True)
class CursorMoved(Event):
    """The caret left the place of what was shown in this document."""

    uri: str


@dataclass(frozen=True, slots=True)
class Accepted(Event):
    """The person took the suggestion.

    `length` is how much of the suggestion's text has been taken so far, in UTF-16 units from its
    start (None: all). Recording the same acceptance twice counts it once.
    """

    suggestion: str
    kind: AcceptKind = "full"
    length: int | None = None
    source: EventSource = "client"


@dataclass(frozen=True, slots=True)
class DocumentOpened(Event):
    """From now on the client's edits of this document arrive as `DocumentChanged`.

    `places`, as in `Opportunity`, say whether they may be recorded. `text` is what it is now, where
    that is known.
    """

    session: str
    uri: str
    version: int
    language: str = ""
    workspace: str = ""
    places: Sequence[str] = ()
    text: str | None = None


@dataclass(frozen=True, slots=True)
class DocumentChanged(Event):
    """One change notification: edits in order, each against the text left by the one before.

    `edit_class` is given only where the client says what the change was; otherwise it is inferred.
    A client that sends whole documents is served by `minimal_edit`.
    """

    uri: str
    version: int
    edits: Sequence[TextEdit]
    edit_class: EditClass | None = None


@dataclass(frozen=True, slots=True)
class DocumentReset(Event):
    """The document's text after edits were missed (a version gap, a failed edit).

    `before` is what its edits had led to, where that is known.
    """

    uri: str
    version: int
    text: str
    before: str | None = None


@dataclass(frozen=True, slots=True)
class DocumentClosed(Event):
    """The editor gave the document up; its persistence is read from disk from now on.

    `text` is what it was then, where that is known: what differs on the disk has been changed.
    """

    uri: str
    text: str | None = None


@dataclass(frozen=True, slots=True)
class DocumentRenamed(Event):
    """The file moved; its retained texts follow."""

    uri: str
    new_uri: str


@dataclass(frozen=True, slots=True)
class DocumentDeleted(Event):
    """The file is gone; its retained texts are censored."""

    uri: str


@dataclass(frozen=True, slots=True)
class BranchChanged(Event):
    """Another branch was checked out: what happens to the files there is nobody's editing."""

    workspace: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Committed(Event):
    """A commit was made in a workspace. `added` has the lines that it adds to each file.

    `amends` is the id of the commit that it replaces, `places` are as in `Opportunity`.
    """

    session: str
    workspace: str
    id: str
    added: Mapping[Path, Sequence[str]]
    amends: str | None = None
    places: tuple[str, ...] = ()


def minimal_edit(before: str, after: str) -> TextEdit:
    """The one edit of whole lines that leads from `before` to `after`.

    For clients that send whole documents, whose edits say no more than that.
    """
    start = before.rfind("\n", 0, common_prefix(before, after)) + 1
    most = min(len(before), len(after)) - start
    same = min(common_prefix(before[::-1], after[::-1]), most)
    line_end = before.find("\n", len(before) - same) + 1
    same = len(before) - line_end if line_end else 0
    end, new_end = len(before) - same, len(after) - same
    return TextEdit(start, before[start:end], after[start:new_end])


def common_prefix(one: str, other: str) -> int:
    """The number of leading code points that two texts share."""
    low, high = 0, min(len(one), len(other))
    while low < high:  # slices compare at memory speed, characters do not
        middle = (low + high + 1) // 2
        if one[low:middle] == other[low:middle]:
            low = middle
        else:
            high = middle - 1
    return low
