"""Text Generation Inference's `POST /generate`, as editor plugins call it: prompts as they are."""

from __future__ import annotations

from pydantic import Field
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse

from completer.http.answering import Answering
from completer.http.body import (
    Body,
    MaxTokens,
    Seed,
    Stop,
    Temperature,
    TopK,
    TopP,
    read_body,
    sampling,
)
from completer.http.origin import Origin, origin_of
from completer.http.replies import json_parts
from completer.request import CompletionRequest


class Parameters(Body):
    """TGI's generation parameters; without `do_sample` a temperature has no effect there."""

    max_new_tokens: MaxTokens | None = None
    temperature: Temperature | None = None
    top_p: TopP | None = None
    top_k: TopK | None = None
    do_sample: bool | None = None
    seed: Seed | None = None
    stop: Stop = ()
    return_full_text: bool | None = None


class GenerateBody(Body):
    """The body of TGI's request."""

    inputs: str
    parameters: Parameters = Field(default_factory=Parameters)

    def request(self, origin: Origin) -> CompletionRequest:
        """The prompt as it is: such clients put the marks in themselves."""
        wanted = self.parameters
        temperature = 0.0 if wanted.do_sample is False else wanted.temperature
        return CompletionRequest(
            prefix=self.inputs,
            raw=True,
            path=origin.path,
            workspace=origin.workspace,
            user=origin.user,
            max_tokens=wanted.max_new_tokens,
            stop=wanted.stop,
            sampling=sampling(temperature, wanted.top_p, wanted.seed, top_k=wanted.top_k),
        )


async def generate(http: Request) -> Response:
    """`POST /generate`."""
    body = await read_body(http, GenerateBody)
    answering: Answering = http.app.state.answering
    origin = origin_of(http, answering.service.workspaces)
    (answer,) = await answering.complete(http, origin, [body.request(origin)])
    before = body.inputs if body.parameters.return_full_text else ""
    parts = json_parts("generated_text", before + answer.completion.text)
    return StreamingResponse(parts, media_type="application/json")
