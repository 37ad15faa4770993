"""Reading a request's body: JSON, and the kinds of values that all dialects share."""

from __future__ import annotations

import asyncio
import json
import secrets
from typing import Annotated, Any, TypeVar

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, model_validator
from starlette.requests import Request

from completer.errors import BadRequestError
from completer.http.json_reader import JsonReader, parse
from completer.request import Sampling
from completer.unicode import well_formed

PART_BYTES = 1 << 16
"""So much of a body is parsed before others are served: at most a millisecond's work."""


class Body(BaseModel):
    """A JSON body. Unknown keys are ignored, for every client sends some of its own.

    `null` is as if left out: clients write down all that they could say. A whole number may be
    written as a fraction, as it is by clients that know no other numbers.
    """

    model_config = ConfigDict(extra="ignore", strict=True, allow_inf_nan=False)

    @model_validator(mode="before")
    @classmethod
    def _as_meant(cls, data: Any) -> Any:  # noqa: ANN401
        if not isinstance(data, dict):
            return data
        needed = {name for name, field in cls.model_fields.items() if field.is_required()}
        return {
            name: int(value) if isinstance(value, float) and value.is_integer() else value
            for name, value in data.items()
            if value is not None or name in needed
        }


async def read_json(request: Request) -> Any:  # noqa: ANN401
    """The body's JSON object; raises `BadRequestError` for anything else."""
    try:
        data = await _parsed(request)
    except ValueError as error:
        raise BadRequestError(f"The body is not JSON: {error}") from None
    if not isinstance(data, dict):
        raise BadRequestError("The body must be a JSON object.")
    return data


def _parse(data: bytes) -> Any:  # noqa: ANN401
    """JSON as it is meant: editors that cut a text anywhere may send half a character."""
    try:
        return parse(data)
    except ValueError as error:
        try:
            return parse(_with_whole_characters(data))
        except (ValueError, RecursionError):
            raise error from None


def _with_whole_characters(data: bytes) -> bytes:
    """The same JSON, with U+FFFD for each half of a surrogate pair, escaped or not."""
    value = json.loads(data.decode("utf-8", "surrogatepass"))
    return well_formed(json.dumps(value, ensure_ascii=False)).encode()


async def _parsed(request: Request) -> Any:  # noqa: ANN401
    """Read JSON as it arrives, and let others be served in between. Raises `ValueError`."""
    reader = JsonReader(_parse)
    wrong: Exception | None = None
    async for chunk in request.stream():  # to its end, for the client reads no reply before that
        for start in range(0, 0 if wrong else len(chunk), PART_BYTES):
            part = chunk[start : start + PART_BYTES]
            try:
                reader.feed(part)
            except (ValueError, BadRequestError) as error:
                wrong = error
                break
            if len(part) == PART_BYTES:
                await asyncio.sleep(0)
    if wrong is not None:
        raise wrong
    return reader.finish()


def sampling(
    temperature: float | None, top_p: float | None, seed: int | None, *, top_k: int | None = None
) -> Sampling:
    """How tokens are chosen; greedily without a temperature, by chance without a seed."""
    return Sampling(
        temperature=temperature or 0.0,
        top_p=1.0 if top_p is None else top_p,
        top_k=top_k or 0,
        seed=secrets.randbits(31) if seed is None else seed % 2**63,
        seeded=seed is not None,
    )


def _as_tuple(value: object) -> object:
    """Clients send one stop string or several."""
    if isinstance(value, str):
        return (value,)
    return tuple(value) if isinstance(value, list) else value


T = TypeVar("T")
Limit = Annotated[T | None, BeforeValidator(lambda value: None if value == -1 else value)]
"""A number that `-1` switches off, as if it were left out."""

Count = Limit[Annotated[int, Field(ge=0, lt=2**63)]]
MaxTokens = Limit[Annotated[int, Field(ge=1, lt=2**63)]]
Milliseconds = Limit[Annotated[float, Field(ge=0)]]
Temperature = Annotated[float, Field(ge=0, le=5)]
TopP = Annotated[float, Field(gt=0, le=1)]
Choices = Limit[Annotated[int, Field(ge=1, le=16)]]
Seed = Limit[Annotated[int, Field(ge=-(2**63), lt=2**64)]]
StopString = Annotated[str, Field(min_length=1, max_length=512)]
Stop = Annotated[tuple[StopString, ...], Field(max_length=32), BeforeValidator(_as_tuple)]
