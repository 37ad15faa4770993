"""OpenAI's completions: `POST /v1/completions` and `GET /v1/models`.

A prompt without a suffix is taken as it is, for clients that build FIM prompts themselves; a
`suffix`, even an empty one, asks for the text between. Without a temperature the best token is
taken. Our own facts about a reply are in its extra field `completer`.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import Annotated, Any, ClassVar, Literal, Self

from pydantic import BeforeValidator, Field, model_validator
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from completer.http.body import (
    Body,
    Choices,
    Count,
    MaxTokens,
    Seed,
    Stop,
    Temperature,
    TopP,
    sampling,
)
from completer.http.dialect import StreamingDialect
from completer.http.errors import error_response
from completer.http.origin import Origin, origin_of
from completer.http.replies import completer_field, finish_reason, usage
from completer.http.streaming import DONE, CompletionResult, Stream
from completer.place import Place
from completer.request import Choice, CompletionRequest, TextDelta

MAX_PROMPTS = 16
MAX_TEXTS = 32
CREATED = int(time.time())


def _as_prompts(value: object) -> object:
    """OpenAI takes one prompt or several; token ids mean nothing to another model."""
    if isinstance(value, list) and any(not isinstance(prompt, str) for prompt in value):
        raise ValueError("token ids are not supported: send text")
    return [value] if isinstance(value, str) else value


Prompts = Annotated[
    list[str], Field(min_length=1, max_length=MAX_PROMPTS), BeforeValidator(_as_prompts)
]


class StreamOptions(Body):
    """What a stream carries besides text."""

    include_usage: bool = False


class PredictedText(Body):
    """A part of a prediction."""

    type: Literal["text"] = "text"
    text: str


class Prediction(Body):
    """What the answer will probably be, nearly: it is drafted from, and changes no answer."""

    type: Literal["content"] = "content"
    content: str | list[PredictedText]

    @property
    def text(self) -> str:
        """The whole of it."""
        if isinstance(self.content, str):
            return self.content
        return "".join(part.text for part in self.content)


class CompletionBody(StreamingDialect):
    """The body of OpenAI's request, with what is refused rather than ignored."""

    end_of_stream: ClassVar[str] = DONE

    prompt: Prompts
    suffix: str | None = None
    max_tokens: MaxTokens = None
    temperature: Temperature | None = None
    top_p: TopP | None = None
    stop: Stop = ()
    seed: Seed = None
    n: Choices = None
    stream_options: StreamOptions | None = None
    prediction: Prediction | None = None
    user: Annotated[str, Field(max_length=256)] | None = None
    logprobs: Count = None
    echo: bool | None = None
    best_of: Choices = None
    presence_penalty: float | None = None
    frequency_penalty: float | None = None
    logit_bias: dict[str, float] | None = None

    @model_validator(mode="after")
    def _refuse(self) -> Self:
        """Say what cannot be done instead of leaving it out."""
        if self.logprobs is not None:
            raise ValueError("logprobs is not supported")
        for name in ("echo", "presence_penalty", "frequency_penalty", "logit_bias"):
            if getattr(self, name):
                raise ValueError(f"{name} is not supported")
        if self.best_of not in (None, 1, self.n):
            raise ValueError("best_of is not supported")
        if self.stream and len(self.prompt) > 1:
            raise ValueError("a stream takes one prompt")
        if len(self.prompt) * (self.n or 1) > MAX_TEXTS:
            raise ValueError(f"more than {MAX_TEXTS} choices in all")
        return self

    def origin(self, http: Request, workspaces: Sequence[Place]) -> Origin:
        """Where the request comes from; the body may name the user."""
        return origin_of(http, workspaces, user=self.user or "")

    def requests(self) -> list[CompletionRequest]:
        """Return one request for each prompt."""
        return [
            CompletionRequest(
                prefix=prompt,
                suffix=self.suffix or "",
                raw=self.suffix is None,
                polish=self.suffix is not None,
                multiline=True,
                withhold=False,
                max_tokens=self.max_tokens,
                stop=self.stop,
                sampling=sampling(self.temperature, self.top_p, self.seed),
                n=self.n or 1,
                prediction=self.prediction.text if self.prediction is not None else "",
            )
            for prompt in self.prompt
        ]

    def reply(self, results: Sequence[CompletionResult]) -> Response:
        """One reply for the results of all prompts; a choice's index counts through them."""
        first = results[0]
        choices = [choice for result in results for choice in result.completion.choices]
        return JSONResponse(
            {
                **_head(first.id, first.created, first.completion.model),
                "choices": [choice_field(index, choice) for index, choice in enumerate(choices)],
                "usage": usage(results, predicted=self.prediction is not None),
                "completer": completer_field(first),
            }
        )

    def chunks(self, stream: Stream, item: TextDelta | CompletionResult) -> list[dict[str, Any]]:
        """Text as it comes; at the end every choice's reason, and the usage if it was asked for."""
        head = _head(stream.id, stream.created, stream.model)
        with_usage = self.stream_options is not None and self.stream_options.include_usage
        no_usage: dict[str, Any] = {"usage": None} if with_usage else {}
        if isinstance(item, TextDelta):
            delta = {"text": item.text, "index": item.index, "logprobs": None}
            return [{**head, "choices": [{**delta, "finish_reason": None}], **no_usage}]
        ends = [
            {**head, "choices": [{**choice_field(index, choice), "text": ""}], **no_usage}
            for index, choice in enumerate(item.completion.choices)
        ]
        ends[-1]["completer"] = completer_field(item)
        last = {
            **head,
            "choices": [],
            "usage": usage([item], predicted=self.prediction is not None),
        }
        return [*ends, last] if with_usage else ends


async def models(http: Request) -> Response:
    """`GET /v1/models`: the one that is loaded."""
    return JSONResponse({"object": "list", "data": [model_field(http)]})


async def model(http: Request) -> Response:
    """`GET /v1/models/{id}`: the same, or 404."""
    found = model_field(http)
    if http.path_params["id"] != found["id"]:
        return error_response(404, f"The model here is {found['id']}.", code="model_not_found")
    return JSONResponse(found)


def model_field(http: Request) -> dict[str, Any]:
    """The model that is loaded."""
    name = http.app.state.handler.service.model
    return {"id": name, "object": "model", "created": CREATED, "owned_by": "completer"}


def choice_field(index: int, choice: Choice) -> dict[str, Any]:
    """One choice of a reply."""
    return {
        "text": choice.text,
        "index": index,
        "logprobs": None,
        "finish_reason": finish_reason(choice.finish_reason),
    }


def _head(reply_id: str, created: int, model: str) -> dict[str, Any]:
    return {"id": reply_id, "object": "text_completion", "created": created, "model": model}
