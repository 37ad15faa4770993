"""`completer bench exits`: the same engine with and without drafts by the model's own first layers.

The two take turns on each prompt, on the same weights and with the same drafts from the index.
Self-speculation settles (measures and decides) on prompts of its own before anything is counted.
`nearly_identity` makes a model on which it must pay: many layers, of which the later ones change
next to nothing.
"""

import copy
import itertools
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any, cast

from completer.bench.decode import median_interval, turns
from completer.bench.spans import Span
from completer.context.prompt import Prompt, PromptBuilder
from completer.drafting.drafter import Drafter
from completer.engine.engine import Engine
from completer.engine.sequence import GenerationRequest, GenerationResult
from completer.request import CompletionRequest
from models.errors import ModelError
from models.int8 import is_quantised
from models.loading import LoadedModel, convert

MAX_TOKENS = 32
SETTLING = 12  # prompts
NAMES = ("without", "with")
SYNTHETIC_LAYERS, LAST_THAT_COUNTS, REST = 24, 6, 0.02
Progress = Callable[[int, int], None]


@dataclass(frozen=True, slots=True)
class Pair:
    """Two engines over the same weights; `drafter` drafts for both, if there is one."""

    without: Engine
    speculating: Engine
    drafter: Drafter | None


def bench_exits(
    pair: Pair,
    model: LoadedModel,
    prompts: PromptBuilder,
    spans: Sequence[Span],
    progress: Progress,
) -> dict[str, Any]:
    """Complete every span with both; the result has the keys of `--json`.

    The first few spans settle what self-speculation does and are not counted.
    """
    results: dict[str, list[GenerationResult]] = {name: [] for name in NAMES}
    runs = {
        name: _asking(engine, pair.drafter, model.layout.stop_ids)
        for name, engine in zip(NAMES, (pair.without, pair.speculating), strict=True)
    }
    for number, span in enumerate(spans):
        prompt = prompts.build(CompletionRequest(prefix=span.prefix, suffix=span.suffix))
        for name in turns(number, NAMES):
            answer = runs[name](prompt)
            if number >= min(SETTLING, len(spans) // 2):
                results[name].append(answer)
        progress(number + 1, len(spans))
    return {
        "device": str(model.device),
        "dtype": model.dtype_name,
        "model": model.name,
        **_compared(results["without"], results["with"]),
        **_decision(pair.speculating),
    }


def nearly_identity(loaded: LoadedModel) -> LoadedModel:
    """Copy a model's first layers on top of it up to 24, their outputs scaled to 2 percent.

    Raises `ModelError` for int8 weights.
    """
    if is_quantised(loaded.model):
        raise ModelError(
            "Layers of int8 weights cannot be scaled and copied.",
            hint="Leave --synthetic out, or set model.dtype to float32 or bfloat16.",
        )
    config: Any = copy.deepcopy(loaded.own_code.config)
    config.num_hidden_layers = SYNTHETIC_LAYERS
    made: Any = type(loaded.own_code)
    deep: Any = made(config)
    deep.to(loaded.device)
    convert(deep, loaded.dtype)
    own: Any = loaded.model.model
    deep.model.embed_tokens.load_state_dict(own.embed_tokens.state_dict())
    deep.model.norm.load_state_dict(own.norm.state_dict())
    deep.lm_head.load_state_dict(cast(Any, loaded.model).lm_head.state_dict())
    for number, layer in enumerate(deep.model.layers):
        layer.load_state_dict(
            own.layers[number % min(LAST_THAT_COUNTS, len(own.layers))].state_dict()
        )
        if number >= LAST_THAT_COUNTS:
            layer.self_attn.o_proj.weight.data *= REST
            layer.mlp.down_proj.weight.data *= REST
    deep.eval().requires_grad_(False)
    return replace(loaded, model=deep, name=f"{loaded.name} with {SYNTHETIC_LAYERS} layers")


def _asking(
    engine: Engine, drafter: Drafter | None, stop_ids: frozenset[int]
) -> Callable[[Prompt], GenerationResult]:
    """Every request has an owner of its own, so that no prompt is reused."""
    owners = itertools.count()

    def ask(prompt: Prompt) -> GenerationResult:
        drafts = drafter.start(prompt.prefix_ids, after=prompt.suffix_ids) if drafter else None
        return engine.generate(
            GenerationRequest(
                prompt=prompt.ids,
                max_tokens=MAX_TOKENS,
                stop_ids=stop_ids,
                drafts=drafts,
                owner=str(next(owners)),
            )
        )

    return ask


def _compared(
    without: Sequence[GenerationResult], speculating: Sequence[GenerationResult]
) -> dict[str, Any]:
    """Compare answers and decoding times; completions without a decoding step have no ratio."""
    pairs = list(zip(without, speculating, strict=True))
    decoded = [pair for pair in pairs if all(each.stats.steps for each in pair)]
    ratios = [one.stats.decode_ms / other.stats.decode_ms for one, other in decoded]
    value, low, high = median_interval(ratios)
    sums = [sum(pair[side].stats.decode_ms for pair in decoded) for side in (0, 1)]
    differing = sum(one.token_ids != other.token_ids for one, other in pairs)
    return {
        "prompts": len(pairs),
        "identical": differing == 0,
        "differing": differing,
        "tokens_per_step_without": _tokens_per_step(without),
        "tokens_per_step_with": _tokens_per_step(speculating),
        "speed_ratio": {"value": round(value, 4), "low": round(low, 4), "high": round(high, 4)},
        "decode_time_ratio": round(sums[0] / sums[1], 4),
        "accepted_by_source": {
            name: _accepted(results)
            for name, results in zip(NAMES, (without, speculating), strict=True)
        },
    }


def _decision(engine: Engine) -> dict[str, Any]:
    """Say whether the early layers draft, and why."""
    report = engine.self_speculation_report
    agreement = {str(layer): round(share, 3) for layer, share in report.agreement.items()}
    return {"active": report.active, "reason": report.reason, "agreement": agreement}


def _tokens_per_step(results: Sequence[GenerationResult]) -> float:
    """Tokens per forward pass; the prompt's pass gives one as well."""
    tokens = sum(len(each.token_ids) for each in results)
    return round(tokens / sum(each.stats.steps + 1 for each in results), 3)


def _accepted(results: Sequence[GenerationResult]) -> dict[str, int]:
    """Count accepted drafted tokens by who drafted them."""
    total: dict[str, int] = {}
    for result in results:
        for source, count in result.stats.draft_sources:
            total[source] = total.get(source, 0) + count
    return total
