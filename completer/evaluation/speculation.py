"""Measures drafts by a model's own first layers: the same engine with and without them.

The two take turns on each prompt, on the same weights and with the same drafts from the index.
Self-speculation settles (measures and decides) on prompts of its own before anything is counted.
"""

import itertools
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from completer.context.prompt import Prompt
from completer.drafting.drafter import Drafter
from completer.engine.engine import Engine
from completer.engine.sequence import GenerationRequest, GenerationResult
from completer.evaluation.statistics import median_interval
from completer.evaluation.turns import take_turns
from models.loading import LoadedModel

MAX_TOKENS = 32
SETTLING = 12  # prompts


@dataclass(frozen=True, slots=True)
class Pair:
    """Two engines over the same weights; `drafter` drafts for both, if there is one."""

    without: Engine
    speculating: Engine
    drafter: Drafter | None

    def compare(
        self, model: LoadedModel, prompts: Sequence[Prompt], progress: Callable[[int, int], None]
    ) -> dict[str, Any]:
        """Complete every prompt with both. The first few settle things and are not counted."""
        engines = {"without": self.without, "with": self.speculating}
        runs = {
            name: asking(engine, self.drafter, model.layout.stop_ids)
            for name, engine in engines.items()
        }
        results = take_turns(runs, prompts, progress)
        settled = min(SETTLING, len(prompts) // 2)
        return {
            "device": str(model.device),
            "dtype": model.dtype_name,
            "model": model.name,
            **_compared({name: given[settled:] for name, given in results.items()}),
            **_decision(self.speculating),
        }

    def close(self) -> None:
        """End both engines."""
        self.without.close()
        self.speculating.close()


def asking(
    engine: Engine,
    drafter: Drafter | None,
    stop_ids: frozenset[int] = frozenset(),
    max_tokens: int = MAX_TOKENS,
    *,
    lossy: bool = False,
) -> Callable[[Prompt], GenerationResult]:
    """Complete prompts; every request has an owner of its own, so that no prompt is reused."""
    owners = itertools.count()

    def ask(prompt: Prompt) -> GenerationResult:
        drafts = drafter.start(prompt.prefix_ids, after=prompt.suffix_ids) if drafter else None
        request = GenerationRequest(
            prompt=prompt.ids,
            max_tokens=max_tokens,
            stop_ids=stop_ids,
            drafts=drafts,
            owner=f"{id(ask)} {next(owners)}",
            lossy=lossy,
        )
        return engine.generate(request)

    return ask


def _compared(results: dict[str, list[GenerationResult]]) -> dict[str, Any]:
    """Compare answers and decoding times; completions without a decoding step have no ratio."""
    pairs = list(zip(results["without"], results["with"], strict=True))
    decoded = [pair for pair in pairs if all(each.stats.steps for each in pair)]
    ratios = [one.stats.decode_ms / other.stats.decode_ms for one, other in decoded]
    value, low, high = median_interval(ratios)
    sums = [sum(pair[side].stats.decode_ms for pair in decoded) for side in (0, 1)]
    differing = sum(one.token_ids != other.token_ids for one, other in pairs)
    return {
        "prompts": len(pairs),
        "identical": differing == 0,
        "differing": differing,
        **{f"tokens_per_step_{name}": _tokens_per_step(given) for name, given in results.items()},
        "speed_ratio": {"value": round(value, 4), "low": round(low, 4), "high": round(high, 4)},
        "decode_time_ratio": round(sums[0] / sums[1], 4),
        "accepted_by_source": {name: _accepted(given) for name, given in results.items()},
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
    total = Counter[str]()
    for result in results:
        total.update(dict(result.stats.draft_sources))
    return dict(total)
