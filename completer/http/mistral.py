"""Mistral's fill-in-the-middle endpoint: `POST /v1/fim/completions`, whose replies are messages."""

from __future__ import annotations

from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from completer.http.answering import Answer, Answering, Stream
from completer.http.body import Body, MaxTokens, Seed, Stop, Temperature, TopP, read_body, sampling
from completer.http.origin import Origin, origin_of
from completer.http.replies import DONE, completer_field, event_stream, finish_reason, usage
from completer.request import CompletionRequest, TextDelta


class FimBody(Body):
    """The body of Mistral's request."""

    prompt: str
    suffix: str | None = None
    max_tokens: MaxTokens | None = None
    temperature: Temperature | None = None
    top_p: TopP | None = None
    stop: Stop = ()
    random_seed: Seed | None = None
    stream: bool | None = None

    def request(self, origin: Origin) -> CompletionRequest:
        """Always fill-in-the-middle, with or without a suffix."""
        return CompletionRequest(
            prefix=self.prompt,
            suffix=self.suffix or "",
            path=origin.path,
            workspace=origin.workspace,
            user=origin.user,
            max_tokens=self.max_tokens,
            stop=self.stop,
            sampling=sampling(self.temperature, self.top_p, self.random_seed),
        )


async def fim_completions(http: Request) -> Response:
    """`POST /v1/fim/completions`."""
    body = await read_body(http, FimBody)
    answering: Answering = http.app.state.answering
    origin = origin_of(http, answering.service.workspaces)
    if body.stream:
        stream = await answering.stream(http, origin, body.request(origin))
        return event_stream(stream, Chunks(stream, answering.service.model), end=DONE)
    (answer,) = await answering.complete(http, origin, [body.request(origin)])
    return JSONResponse(reply(answer))


def reply(answer: Answer) -> dict[str, Any]:
    """A whole reply: the text is a message's content."""
    completion = answer.completion
    message = {"role": "assistant", "content": completion.text, "tool_calls": None}
    reason = finish_reason(completion.finish_reason)
    return {
        "id": answer.id,
        "object": "chat.completion",
        "created": answer.created,
        "model": completion.model,
        "choices": [{"index": 0, "message": message, "finish_reason": reason}],
        "usage": usage([answer]),
        "completer": completer_field(answer),
    }


class Chunks:
    """The chunks of one streamed reply."""

    def __init__(self, stream: Stream, model: str) -> None:
        self._head = {
            "id": stream.id,
            "object": "chat.completion.chunk",
            "created": stream.created,
            "model": model,
        }

    def __call__(self, item: TextDelta | Answer) -> list[dict[str, Any]]:
        """Text as it comes, then the reason and the usage."""
        if isinstance(item, TextDelta):
            return [self._chunk(item.text, None)]
        end = self._chunk("", finish_reason(item.completion.finish_reason))
        return [{**end, "usage": usage([item]), "completer": completer_field(item)}]

    def _chunk(self, content: str, reason: str | None) -> dict[str, Any]:
        delta = {"role": "assistant", "content": content}
        choice = {"index": 0, "delta": delta, "finish_reason": reason}
        return {**self._head, "choices": [choice]}
