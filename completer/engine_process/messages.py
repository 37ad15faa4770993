"""What a language server and an engine's process say to each other: JSON, one message each.

A change of what a message means makes another `PROTOCOL`: engines of several live side by side.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from typing import Annotated, Any, Literal

from pydantic import Field, TypeAdapter, ValidationError

from completer import errors
from completer.errors import BadRequestError, CompleterError, OverloadedError
from completer.interface import ServiceInfo
from completer.place import Place
from completer.request import Completion, CompletionRequest
from models.errors import ModelError

PROTOCOL = 1
MAX_BYTES = 64 << 20  # of one message
MOST_STOPS, LONGEST_STOP = 32, 512
HOTTEST = 5.0
FAILED = "The engine failed; `completer logs` shows why."


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


_Asked = (
    Complete | Stream | Cancel | OpenWorkspace | CloseWorkspace | DocumentChanged | Accepted
)  # fmt: skip
_Said = Welcome | Piece | Completed | Failed | Moved
Asked = Annotated[_Asked, Field(discriminator="kind")]
"""What an engine is sent."""
Said = Annotated[_Said, Field(discriminator="kind")]
"""What an engine sends."""


@cache
def _adapter(kind: Any) -> TypeAdapter[Any]:  # noqa: ANN401  a union
    return TypeAdapter(kind)


def pack_asked(message: Asked) -> bytes:
    """A message to an engine; raises `BadRequestError` for a name of a file that is no Unicode."""
    try:
        return _adapter(Asked).dump_json(message)
    except ValueError as error:
        raise BadRequestError(f"This cannot be told to the engine: {error}") from error


def pack_said(message: Said) -> bytes:
    """A message of an engine."""
    return _adapter(Said).dump_json(message)


def read_asked(data: bytes) -> Asked:
    """A message to an engine; raises `BadRequestError` for anything else."""
    try:
        message: Asked = _adapter(Asked).validate_json(data, strict=True)
    except ValidationError as error:
        problem = error.errors(include_url=False, include_input=False)[0]
        where = ".".join(map(str, problem["loc"]))
        raise BadRequestError(f"{where or 'message'}: {problem['msg']}") from None
    if isinstance(message, Complete | Stream):
        check_limits(message.request)
    return message


def read_said(data: bytes) -> Said:
    """A message of an engine, which need not be checked again."""
    message: Said = _adapter(Said).validate_json(data)
    return message


def check_limits(request: CompletionRequest) -> None:
    """Raise `BadRequestError` for numbers that no front door lets pass."""
    for name in _beyond_limits(request):
        raise BadRequestError(f"{name} is out of range.")


def _beyond_limits(request: CompletionRequest) -> Iterator[str]:
    sampling, deadline_ms = request.sampling, request.deadline_ms
    within = {
        "temperature": 0 <= sampling.temperature <= HOTTEST,
        "top_p": 0 < sampling.top_p <= 1,
        "top_k": 0 <= sampling.top_k < 2**63,
        "seed": -(2**63) <= sampling.seed < 2**63,
        "max_tokens": request.max_tokens is None or 1 <= request.max_tokens < 2**63,
        "deadline_ms": deadline_ms is None or 0 <= deadline_ms < float("inf"),
        "stop": len(request.stop) <= MOST_STOPS
        and all(1 <= len(each) <= LONGEST_STOP for each in request.stop),
    }
    return (name for name, holds in within.items() if not holds)


def failure(number: int, error: Exception) -> Failed:
    """What is told of an error: those that were made on purpose as they are."""
    if not isinstance(error, CompleterError | ModelError):
        return Failed(number, CompleterError.__name__, FAILED)
    retry_after_s = getattr(error, "retry_after_s", 1.0)
    return Failed(number, type(error).__name__, str(error), error.hint, retry_after_s)


def error_of(failed: Failed) -> CompleterError | ModelError:
    """The error that an engine told of; a kind that is not known here is its base."""
    if failed.error == ModelError.__name__:
        return ModelError(failed.message, hint=failed.hint)
    kind = getattr(errors, failed.error, CompleterError)
    if kind is OverloadedError:
        return OverloadedError(failed.message, retry_after_s=failed.retry_after_s, hint=failed.hint)
    known = isinstance(kind, type) and issubclass(kind, CompleterError)
    return (kind if known else CompleterError)(failed.message, hint=failed.hint)
