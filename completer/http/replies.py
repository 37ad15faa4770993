"""The parts of a reply that several dialects share."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncGenerator, Sequence
from dataclasses import asdict
from typing import Any, Literal

from completer.answer.why import why_nothing
from completer.http.streaming import CompletionResult
from completer.request import Completion, DecodeStats, FinishReason

PART_CHARACTERS = 1 << 16


def finish_reason(reason: FinishReason) -> Literal["stop", "length", "content_filter"]:
    """Translate a reason why a completion ended into OpenAI's `finish_reason`."""
    if reason == "secret":
        return "content_filter"
    return "length" if reason == "length" else "stop"


def usage(results: Sequence[CompletionResult], *, predicted: bool = False) -> dict[str, Any]:
    """OpenAI's token counts of one or more results; with those of a prediction, if there was one.

    Tokens of it that were never drafted count neither as accepted nor as rejected.
    """
    prompt = sum(each.completion.stats.prompt_tokens for each in results)
    generated = sum(_generated(each.completion) for each in results)
    counts = {
        "prompt_tokens": prompt,
        "completion_tokens": generated,
        "total_tokens": prompt + generated,
    }
    return counts | {"completion_tokens_details": _of_prediction(results)} if predicted else counts


def _of_prediction(results: Sequence[CompletionResult]) -> dict[str, int]:
    stats = [each.completion.stats for each in results]
    accepted = sum(dict(each.draft_sources).get("prediction", 0) for each in stats)
    return {
        "accepted_prediction_tokens": accepted,
        "rejected_prediction_tokens": sum(each.predicted for each in stats) - accepted,
    }


def _generated(completion: Completion) -> int:
    """Count a completion's tokens, also if it came from the result cache and cost nothing."""
    known = sum(len(choice.token_ids) for choice in completion.choices)
    return completion.stats.generated_tokens or known


def completer_field(result: CompletionResult) -> dict[str, Any]:
    """The reply's `completer` field: what OpenAI's shape has no place for."""
    completion = result.completion
    return {
        "finish_reason": completion.finish_reason,
        "distribution": completion.distribution,
        "p_accept": completion.confidence and completion.confidence.probability,
        "exit_mode": completion.exit_mode,
        "problem": completion.choices[0].problem,
        "why": why_nothing(completion) or None,
        "indexed": completion.indexed,
        "raw_prompt": completion.raw_prompt or None,
        "arm": result.arm or None,
        "stats": stats_field(completion.stats),
    }


def stats_field(stats: DecodeStats) -> dict[str, Any]:
    """A request's costs as JSON."""
    return {**asdict(stats), "draft_sources": dict(stats.draft_sources)}


async def json_parts(name: str, text: str) -> AsyncGenerator[str]:
    """An object with one text, perhaps a long one: in parts, between which others are served."""
    yield f'{{{json.dumps(name)}:"'
    for start in range(0, len(text), PART_CHARACTERS):
        yield json.dumps(text[start : start + PART_CHARACTERS], ensure_ascii=False)[1:-1]
        await asyncio.sleep(0)
    yield '"}'
