"""`completer bench decode`: this engine with and without drafts against transformers' `generate`.

The four take turns on each prompt, on the same weights and with the same end of a completion (the
first token with a line break), so that what else the machine does hits all of them alike.
"""

import itertools
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from completer.bench.peers import Generate, Timed
from completer.bench.spans import Span
from completer.context.prompt import Prompt, PromptBuilder
from completer.drafting.drafter import Drafter
from completer.engine.engine import Engine
from completer.engine.sequence import Drafting, GenerationRequest
from completer.request import CompletionRequest
from models.loading import LoadedModel

MAX_TOKENS = 32
RUNS = ("engine", "engine_no_draft", "generate", "generate_prompt_lookup")
Run = Callable[[Prompt], Timed]
Progress = Callable[[int, int], None]


@dataclass(frozen=True, slots=True)
class Contestants:
    """What is compared: an engine, a drafter over the indexed files, two models to `generate`."""

    engine: Engine
    drafter: Drafter
    plain: LoadedModel
    lookup: LoadedModel


def bench_decode(
    contestants: Contestants, prompts: PromptBuilder, spans: Sequence[Span], progress: Progress
) -> dict[str, Any]:
    """Complete every span with each of the four; the result has the keys of `--json`."""
    model = contestants.plain
    stop_ids = model.layout.stop_ids | line_break_ids(model)
    runs = _runs(contestants, stop_ids)
    results: dict[str, list[Timed]] = {name: [] for name in runs}
    identical = 0
    for number, span in enumerate(spans):
        request = CompletionRequest(prefix=span.prefix, suffix=span.suffix)
        prompt = prompts.build(request)
        for name in turns(number):
            results[name].append(runs[name](prompt))
        identical += len({results[name][-1].token_ids for name in runs}) == 1
        progress(number + 1, len(spans))
    return {
        "device": str(model.device),
        "dtype": model.dtype_name,
        "model": model.name,
        "prompts": len(spans),
        "identical": identical,
        "runs": {name: summary(timed) for name, timed in results.items()},
        "ratios": _ratios(results),
    }


def line_break_ids(model: LoadedModel) -> frozenset[int]:
    """All tokens whose text contains a line break."""
    size = model.tokenizer.backend_tokenizer.get_vocab_size(with_added_tokens=True)
    texts = model.tokenizer.backend_tokenizer.decode_batch([[i] for i in range(size)])
    return frozenset(i for i, text in enumerate(texts) if "\n" in text)


def summary(timed: Sequence[Timed]) -> dict[str, Any]:
    """Percentiles in ms, completions per second, tokens per forward pass."""
    total_s = sum(each.total_ms for each in timed) / 1000
    tokens = sum(len(each.token_ids) + 1 for each in timed)  # the end token was computed as well
    return {
        "completions_per_s": round(len(timed) / total_s, 3),
        "prefill_ms": percentiles([each.prefill_ms for each in timed], 50, 95),
        "decode_ms": percentiles([each.decode_ms for each in timed], 50, 95),
        "total_ms": percentiles([each.total_ms for each in timed], 50, 95, 99),
        "tokens_per_step": round(tokens / sum(each.steps for each in timed), 3),
    }


def percentiles(values: Sequence[float], *wanted: int) -> dict[str, float]:
    """Name percentiles as `--json` does."""
    found = np.percentile(values, wanted)
    return {f"p{q}": round(float(value), 3) for q, value in zip(wanted, found, strict=True)}


def _ratios(results: dict[str, list[Timed]]) -> dict[str, Any]:
    """How much longer the others' decoding takes, summed over all prompts."""
    ours = sum(each.decode_ms for each in results["engine"])
    return {
        f"decode_{name}_over_engine": round(sum(t.decode_ms for t in results[name]) / ours, 3)
        for name in RUNS[1:]
    }


def turns(number: int) -> Sequence[str]:
    """Let another one begin each time: whoever comes first finds the caches cold."""
    start = number % len(RUNS)
    return RUNS[start:] + RUNS[:start]


def _runs(contestants: Contestants, stop_ids: frozenset[int]) -> dict[str, Run]:
    plain = Generate(contestants.plain.model, prompt_lookup=False)
    lookup = Generate(contestants.lookup.model, prompt_lookup=True)
    drafted = _engine_run(contestants.engine, stop_ids, contestants.drafter)
    return {
        "engine": drafted,
        "engine_no_draft": _engine_run(contestants.engine, stop_ids, None),
        "generate": lambda prompt: plain.run(prompt.ids, MAX_TOKENS, stop_ids),
        "generate_prompt_lookup": lambda prompt: lookup.run(prompt.ids, MAX_TOKENS, stop_ids),
    }


def _engine_run(engine: Engine, stop_ids: frozenset[int], drafter: Drafter | None) -> Run:
    """Every request has an owner of its own, so that no prompt is reused."""
    owners = itertools.count()
    kind = "drafted" if drafter else "plain"

    def run(prompt: Prompt) -> Timed:
        started = time.perf_counter()
        drafts: Drafting | None = None
        if drafter is not None:
            drafts = drafter.start(prompt.prefix_ids, after=prompt.suffix_ids)
        request = GenerationRequest(
            prompt=prompt.ids,
            max_tokens=MAX_TOKENS,
            stop_ids=stop_ids,
            drafts=drafts,
            owner=f"{kind} {next(owners)}",
        )
        result = engine.generate(request)
        total = (time.perf_counter() - started) * 1000
        prefill = total - result.stats.decode_ms
        return Timed(result.token_ids, result.stats.steps + 1, prefill, result.stats.decode_ms)

    return run
