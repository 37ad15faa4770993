"""What a language server and an engine's process say to each other.

A change of what a message means makes another `PROTOCOL`: engines of several live side by side.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from completer.interface import ServiceInfo
from completer.next_edit.edits import NextEdit, NextEditRequest
from completer.place import Place
from completer.remote.names import MirroredFile
from completer.request import Completion, CompletionRequest

PROTOCOL = 3


@dataclass(frozen=True, slots=True)
class Complete:
    """Answer a request: with `Completed`, or else `Failed`."""

    id: int
    request: CompletionRequest
    kind: Literal["complete"] = "complete"


@dataclass(frozen=True, slots=True)
class Stream:
    """Answer a request piece by piece: `Piece` for each, then as `Complete` is answered."""

    id: int
    request: CompletionRequest
    kind: Literal["stream"] = "stream"


@dataclass(frozen=True, slots=True)
class FindNextEdits:
    """Answer with `NextEditsFound`, or else `Failed`."""

    id: int
    request: NextEditRequest
    kind: Literal["find_next_edits"] = "find_next_edits"


@dataclass(frozen=True, slots=True)
class Cancel:
    """Nobody waits for this answer any more."""

    id: int
    kind: Literal["cancel"] = "cancel"


@dataclass(frozen=True, slots=True)
class OpenWorkspace:
    """See `CompletionService.open_workspace`."""

    root: Place
    kind: Literal["open"] = "open"


@dataclass(frozen=True, slots=True)
class CloseWorkspace:
    """See `CompletionService.close_workspace`."""

    root: Place
    kind: Literal["close"] = "close"


@dataclass(frozen=True, slots=True)
class DocumentChanged:
    """See `CompletionService.document_changed`."""

    path: Place
    text: str | None
    kind: Literal["document"] = "document"


@dataclass(frozen=True, slots=True)
class Accepted:
    """See `CompletionService.accepted`."""

    completion_id: str
    text: str
    kind: Literal["accepted"] = "accepted"


@dataclass(frozen=True, slots=True)
class ListFiles:
    """The files of an open workspace on the client's machine: all of them, or those that changed.

    `settings` is the text of the workspace's own file of settings, as it is now, `origin` the
    identity of the repository that it is a clone of.
    """

    root: Place
    files: tuple[MirroredFile, ...]
    gone: tuple[str, ...] = ()
    complete: bool = True
    settings: str = ""
    origin: str = ""
    kind: Literal["list_files"] = "list_files"


@dataclass(frozen=True, slots=True)
class SendTexts:
    """The texts that were wanted, as far as they are still there."""

    root: Place
    texts: tuple[str, ...]
    kind: Literal["send_texts"] = "send_texts"


@dataclass(frozen=True, slots=True)
class Wanted:
    """The server lacks the texts with these digests: answer with `SendTexts`."""

    root: Place
    digests: tuple[str, ...]
    kind: Literal["wanted"] = "wanted"


@dataclass(frozen=True, slots=True)
class NotMirrored:
    """The server does without a workspace, or a part of it, and why."""

    root: Place
    message: str
    hint: str = ""
    kind: Literal["not_mirrored"] = "not_mirrored"


@dataclass(frozen=True, slots=True)
class Welcome:
    """What an engine says first."""

    version: str
    info: ServiceInfo
    kind: Literal["welcome"] = "welcome"


@dataclass(frozen=True, slots=True)
class Piece:
    """A `TextDelta` of a stream."""

    id: int
    index: int
    text: str
    kind: Literal["piece"] = "piece"


@dataclass(frozen=True, slots=True)
class Completed:
    """The whole answer to a request."""

    id: int
    completion: Completion
    kind: Literal["completed"] = "completed"


@dataclass(frozen=True, slots=True)
class NextEditsFound:
    """What would be edited next."""

    id: int
    edits: tuple[NextEdit, ...]
    kind: Literal["next_edits_found"] = "next_edits_found"


@dataclass(frozen=True, slots=True)
class Failed:
    """A request was not answered: which error that was, by the name of its class."""

    id: int
    error: str
    message: str
    hint: str = ""
    retry_after_s: float = 1.0
    kind: Literal["failed"] = "failed"


@dataclass(frozen=True, slots=True)
class Moved:
    """Another engine has taken over: ask that one from now on."""

    kind: Literal["moved"] = "moved"


Question = Complete | Stream | FindNextEdits
"""What is answered."""
Synchronising = ListFiles | SendTexts
"""What a server on another machine is sent of the files here."""
Asked = (
    Question | Cancel | OpenWorkspace | CloseWorkspace | DocumentChanged | Accepted | Synchronising
)
"""What an engine is sent."""
Said = Welcome | Piece | Completed | NextEditsFound | Failed | Moved | Wanted | NotMirrored
"""What an engine sends."""
