"""Text Generation Inference's `POST /generate`, as editor plugins call it: prompts as they are."""

from __future__ import annotations

from collections.abc import Sequence

from pydantic import Field
from starlette.responses import Response, StreamingResponse

from completer.http.body import (
    Body,
    Count,
    MaxTokens,
    Seed,
    Stop,
    Temperature,
    TopP,
    sampling,
)
from completer.http.dialect import Dialect
from completer.http.replies import json_parts
from completer.http.streaming import CompletionResult
from completer.request import CompletionRequest


class Parameters(Body):
    """TGI's generation parameters; without `do_sample` a temperature has no effect there."""

    max_new_tokens: MaxTokens = None
    temperature: Temperature | None = None
    top_p: TopP | None = None
    top_k: Count = None
    do_sample: bool | None = None
    seed: Seed = None
    stop: Stop = ()
    return_full_text: bool | None = None


class GenerateBody(Dialect):
    """The body of TGI's request."""

    inputs: str
    parameters: Parameters = Field(default_factory=Parameters)

    def requests(self) -> list[CompletionRequest]:
        """The prompt as it is: such clients put the marks in themselves."""
        wanted = self.parameters
        temperature = 0.0 if wanted.do_sample is False else wanted.temperature
        request = CompletionRequest(
            prefix=self.inputs,
            raw=True,
            multiline=True,
            withhold=False,
            max_tokens=wanted.max_new_tokens,
            stop=wanted.stop,
            sampling=sampling(temperature, wanted.top_p, wanted.seed, top_k=wanted.top_k),
        )
        return [request]

    def reply(self, results: Sequence[CompletionResult]) -> Response:
        """The text, after the prompt if that is wanted."""
        before = self.inputs if self.parameters.return_full_text else ""
        parts = json_parts("generated_text", before + results[0].completion.text)
        return StreamingResponse(parts, media_type="application/json")
