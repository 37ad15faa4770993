"""llama.cpp's `POST /infill`, as llama.vim and llama.vscode call it, and `POST /completion`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Any

from pydantic import Field
from starlette.responses import JSONResponse, Response

from completer.http.body import (
    Body,
    Choices,
    Count,
    Milliseconds,
    Seed,
    Stop,
    Temperature,
    TopP,
    sampling,
)
from completer.http.dialect import StreamingDialect
from completer.http.replies import completer_field
from completer.http.streaming import CompletionResult, Stream
from completer.request import CompletionRequest, DecodeStats, Sampling, Snippet, TextDelta


class Extra(Body):
    """A piece of another file."""

    text: str
    filename: str = ""


class LlamaBody(StreamingDialect):
    """What llama.cpp's requests for text have in common."""

    n_predict: Count = None
    n_cmpl: Choices = None
    temperature: Temperature | None = None
    top_p: TopP | None = None
    top_k: Count = None
    seed: Seed = None
    stop: Stop = ()
    response_fields: Annotated[list[str], Field(max_length=64)] | None = None

    @property
    def fills_caches_only(self) -> bool:
        """Whether no text is wanted yet: an `n_predict` of 0 asks to fill the caches."""
        return self.n_predict == 0

    @property
    def outdent(self) -> int:
        """Columns below which a line ends the text."""
        return 0

    @property
    def sampling(self) -> Sampling:
        """How the next token is chosen."""
        return sampling(self.temperature, self.top_p, self.seed, top_k=self.top_k)

    def reply(self, results: Sequence[CompletionResult]) -> Response:
        """One object, or a list if several were asked for; an empty one without results."""
        found = [each for result in results for each in choices(result, self.outdent)]
        objects = [
            select(each, self.response_fields)
            for each in found or [result_object("", DecodeStats())]
        ]
        return JSONResponse(objects if results and (self.n_cmpl or 1) > 1 else objects[0])

    def chunks(self, stream: Stream, item: TextDelta | CompletionResult) -> list[dict[str, Any]]:
        """An object for each text delta, then one with everything else."""
        if isinstance(item, TextDelta):
            return [{"index": item.index, "content": item.text, "stop": False}]
        return [{**result_object("", item.completion.stats), "id": item.id, "stop": True}]


class InfillBody(LlamaBody):
    """The body of an infill request. The caret is at the end of `prompt`, its line so far."""

    input_prefix: str
    input_suffix: str
    prompt: str = ""
    input_extra: list[Extra] = Field(default_factory=list, max_length=256)
    n_indent: Count = None
    t_max_prompt_ms: Milliseconds = None
    t_max_predict_ms: Milliseconds = None

    @property
    def outdent(self) -> int:
        """See `LlamaBody`."""
        return self.n_indent or 0

    def requests(self) -> list[CompletionRequest]:
        """One, for ghost text; without an `n_predict` the settings say how long it may be."""
        limits = (self.t_max_prompt_ms or 0) + (self.t_max_predict_ms or 0)
        request = CompletionRequest(
            prefix=self.input_prefix + self.prompt,
            suffix=self.input_suffix,
            polish=True,
            snippets=tuple(Snippet(path=e.filename, text=e.text) for e in self.input_extra),
            max_tokens=self.n_predict or None,
            stop=self.stop,
            sampling=self.sampling,
            n=self.n_cmpl or 1,
            deadline_ms=limits if self.t_max_predict_ms else None,
        )
        return [request]


class CompletionBody(LlamaBody):
    """The body of a completion request, whose prompt is a whole one."""

    prompt: str

    def requests(self) -> list[CompletionRequest]:
        """One, with a raw prompt."""
        request = CompletionRequest(
            prefix=self.prompt,
            raw=True,
            multiline=True,
            withhold=False,
            max_tokens=self.n_predict or None,
            stop=self.stop,
            sampling=self.sampling,
            n=self.n_cmpl or 1,
        )
        return [request]


def choices(result: CompletionResult, n_indent: int) -> list[dict[str, Any]]:
    """llama.cpp's object for each choice."""
    completion = result.completion
    return [
        {
            **result_object(cut_at_outdent(choice.text, n_indent), completion.stats),
            "id": result.id,
            "model": completion.model,
            "completer": completer_field(result),
        }
        for choice in completion.choices
    ]


def result_object(content: str, stats: DecodeStats) -> dict[str, Any]:
    """llama.cpp's result; times are milliseconds."""
    computed = stats.prompt_tokens - stats.reused_tokens
    return {
        "content": content,
        "timings": {
            "prompt_n": computed,
            "prompt_ms": stats.prefill_ms,
            "prompt_per_second": _per_second(computed, stats.prefill_ms),
            "predicted_n": stats.generated_tokens,
            "predicted_ms": stats.decode_ms,
            "predicted_per_second": _per_second(stats.generated_tokens, stats.decode_ms),
        },
        "truncated": False,
        "tokens_cached": stats.prompt_tokens + stats.generated_tokens,
    }


def select(reply: dict[str, Any], fields: list[str] | None) -> dict[str, Any]:
    """The wanted fields only, if any are named; `timings/prompt_n` becomes a key of that name."""
    if not fields:
        return reply
    found = {field: _lookup(reply, field.split("/")) for field in fields}
    return {field: value for field, value in found.items() if value is not None}


def cut_at_outdent(text: str, n_indent: int) -> str:
    """The text before its first whole line that is indented by less than `n_indent`."""
    first, *lines = text.split("\n")
    kept = [first]
    for line in lines:
        if line.strip() and len(line) - len(line.lstrip()) < n_indent:
            break
        kept.append(line)
    return "\n".join(kept)


def _lookup(reply: object, path: list[str]) -> object:
    for key in path:
        reply = reply.get(key) if isinstance(reply, dict) else None
    return reply


def _per_second(tokens: int, ms: float) -> float:
    return 1000 * tokens / ms if ms > 0 else 0.0
