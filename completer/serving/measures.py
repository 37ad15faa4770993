"""What a completion cost and came to, as flat numbers under the names that reports use."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal, TypedDict

from completer.request import Completion, DecodeStats


class Measures(TypedDict):
    """Counts are tokens, times are milliseconds."""

    queue_ms: float
    engine_ms: float
    total_ms: float
    prompt_tokens: int
    reused_tokens: int
    generated_tokens: int
    steps: int
    drafted_tokens: int
    accepted_draft_tokens: int
    draft_source: str
    finish_reason: str
    exit_mode: str
    distribution: str
    model: str
    p_accept: float | None
    propensity: float | None
    features: Mapping[str, float]


def measures(completion: Completion, total_ms: float) -> Measures:
    """The numbers of one completion; `total_ms` is what the front door measured around it.

    One that was remembered cost nothing, whatever its prompt counts.
    """
    judged = completion.confidence
    stats = DecodeStats() if completion.stats.cached else completion.stats
    return Measures(
        queue_ms=stats.queue_ms,
        engine_ms=stats.prefill_ms + stats.decode_ms,
        total_ms=total_ms,
        prompt_tokens=stats.prompt_tokens,
        reused_tokens=stats.reused_tokens,
        generated_tokens=stats.generated_tokens,
        steps=stats.steps,
        drafted_tokens=stats.drafted,
        accepted_draft_tokens=stats.accepted,
        draft_source=max(stats.draft_sources, key=lambda source: source[1], default=("", 0))[0],
        finish_reason=completion.finish_reason,
        exit_mode=completion.exit_mode,
        distribution=completion.distribution,
        model=completion.identity or completion.model,
        p_accept=judged.probability if judged else None,
        propensity=judged.propensity if judged else None,
        features=judged.features if judged else {},
    )


def outcome(
    completion: Completion,
) -> Literal["returned", "filtered", "timeout", "empty", "not_requested"]:
    """What a person gets to see of a completion, and if nothing, why."""
    if any(choice.text for choice in completion.choices):
        return "returned"
    if completion.disabled:
        return "not_requested"
    if completion.finish_reason in ("low_confidence", "secret"):
        return "filtered"
    return "timeout" if completion.finish_reason == "deadline" else "empty"
