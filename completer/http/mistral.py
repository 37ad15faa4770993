"""Mistral's fill-in-the-middle endpoint: `POST /v1/fim/completions`, whose replies are messages."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar

from starlette.responses import JSONResponse, Response

from completer.http.body import MaxTokens, Seed, Stop, Temperature, TopP, sampling
from completer.http.dialect import StreamingDialect
from completer.http.replies import completer_field, finish_reason, usage
from completer.http.streaming import DONE, CompletionResult, Stream
from completer.request import CompletionRequest, TextDelta


class FimBody(StreamingDialect):
    """The body of Mistral's request."""

    end_of_stream: ClassVar[str] = DONE

    prompt: str
    suffix: str | None = None
    max_tokens: MaxTokens = None
    temperature: Temperature | None = None
    top_p: TopP | None = None
    stop: Stop = ()
    random_seed: Seed = None

    def requests(self) -> list[CompletionRequest]:
        """Always fill-in-the-middle, with or without a suffix."""
        request = CompletionRequest(
            prefix=self.prompt,
            suffix=self.suffix or "",
            polish=True,
            multiline=True,
            withhold=False,
            max_tokens=self.max_tokens,
            stop=self.stop,
            sampling=sampling(self.temperature, self.top_p, self.random_seed),
        )
        return [request]

    def reply(self, results: Sequence[CompletionResult]) -> Response:
        """A whole reply: the text is a message's content."""
        result = results[0]
        completion = result.completion
        message = {"role": "assistant", "content": completion.text, "tool_calls": None}
        reason = finish_reason(completion.finish_reason)
        return JSONResponse(
            {
                "id": result.id,
                "object": "chat.completion",
                "created": result.created,
                "model": completion.model,
                "choices": [{"index": 0, "message": message, "finish_reason": reason}],
                "usage": usage(results),
                "completer": completer_field(result),
            }
        )

    def chunks(self, stream: Stream, item: TextDelta | CompletionResult) -> list[dict[str, Any]]:
        """Text as it comes, then the reason and the usage."""
        if isinstance(item, TextDelta):
            return [chunk(stream, item.text, None)]
        end = chunk(stream, "", finish_reason(item.completion.finish_reason))
        return [{**end, "usage": usage([item]), "completer": completer_field(item)}]


def chunk(stream: Stream, content: str, reason: str | None) -> dict[str, Any]:
    """A piece of a message."""
    delta = {"role": "assistant", "content": content}
    return {
        "id": stream.id,
        "object": "chat.completion.chunk",
        "created": stream.created,
        "model": stream.model,
        "choices": [{"index": 0, "delta": delta, "finish_reason": reason}],
    }
