"""The messages between language server and engine as JSON, checked as strictly as any request."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from typing import Annotated, Any

from pydantic import Field, TypeAdapter, ValidationError

from completer.engine_process.messages import Asked, Complete, FindNextEdits, Said, Stream
from completer.errors import BadRequestError
from completer.request import CompletionRequest

MAX_BYTES = 64 << 20  # of one message
MOST_STOPS, LONGEST_STOP = 32, 512
HOTTEST = 5.0
MOST_NEXT_EDITS = 100


@cache
def _adapter(kind: Any) -> TypeAdapter[Any]:  # noqa: ANN401  a union
    return TypeAdapter(Annotated[kind, Field(discriminator="kind")])


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
    if isinstance(message, FindNextEdits) and not 1 <= message.request.most <= MOST_NEXT_EDITS:
        raise BadRequestError("most is out of range.")
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
