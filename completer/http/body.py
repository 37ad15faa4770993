"""Reading a request's body: JSON, and the kinds of values that all dialects share."""

from __future__ import annotations

import secrets
from typing import Annotated, Any, TypeVar

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field
from pydantic_core import from_json
from starlette.requests import Request

from completer.errors import BadRequestError
from completer.request import Sampling


class Body(BaseModel):
    """A JSON body. Unknown keys are ignored, for every client sends some of its own."""

    model_config = ConfigDict(extra="ignore", strict=True, allow_inf_nan=False)


BodyT = TypeVar("BodyT", bound=Body)


async def read_json(request: Request) -> Any:  # noqa: ANN401
    """The body's JSON object; raises `BadRequestError` for anything else."""
    try:
        data = from_json(await request.body(), allow_inf_nan=False)
    except ValueError as error:
        raise BadRequestError(f"The body is not JSON: {error}") from None
    if not isinstance(data, dict):
        raise BadRequestError("The body must be a JSON object.")
    return data


async def read_body(request: Request, kind: type[BodyT]) -> BodyT:
    """The body as a dialect defines it; raises `ValidationError` or `BadRequestError`."""
    return kind.model_validate(await read_json(request))


def sampling(
    temperature: float | None, top_p: float | None, seed: int | None, *, top_k: int | None = None
) -> Sampling:
    """How tokens are chosen; greedily without a temperature, by chance without a seed."""
    return Sampling(
        temperature=temperature or 0.0,
        top_p=1.0 if top_p is None else top_p,
        top_k=top_k or 0,
        seed=secrets.randbits(31) if seed is None else seed % 2**63,
    )


def _as_tuple(value: object) -> object:
    """Clients send one stop string, several, or null."""
    if value is None:
        return ()
    if isinstance(value, str):
        return (value,)
    return tuple(value) if isinstance(value, list) else value


MaxTokens = Annotated[int, Field(ge=1)]
Temperature = Annotated[float, Field(ge=0, le=5)]
TopP = Annotated[float, Field(gt=0, le=1)]
TopK = Annotated[int, Field(ge=0, le=1_000_000)]
Choices = Annotated[int, Field(ge=1, le=16)]
Seed = Annotated[int, Field(ge=-(2**63), lt=2**64)]
StopString = Annotated[str, Field(min_length=1, max_length=512)]
Stop = Annotated[tuple[StopString, ...], Field(max_length=32), BeforeValidator(_as_tuple)]
