"""`completer bench decode`: this engine with and without drafts against transformers' `generate`.

The four take turns on each prompt, on the same weights and with the same end of a completion (the
first token with a line break), so that what else the machine does hits all of them alike.
"""

import itertools
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import torch

from completer.bench.peers import Generate, Timed
from completer.bench.percentiles import percentiles
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
    contestants: Contestants,
    prompts: PromptBuilder,
    spans: Sequence[Span],
    progress: Progress,
    names: Sequence[str] = RUNS,
) -> dict[str, Any]:
    """Complete every span with each of `names`; the result has the keys of `--json`."""
    model = contestants.plain
    ends = model.layout.stop_ids | line_break_ids(model)
    runs = _runs(contestants, ends)
    results: dict[str, list[Timed]] = {name: [] for name in names}
    identical, gaps = 0, list[float]()
    for number, span in enumerate(spans):
        prompt = prompts.build(CompletionRequest(prefix=span.prefix, suffix=span.suffix))
        for name in turns(number, names):
            results[name].append(runs[name](prompt))
        answers = {results[name][-1].token_ids for name in names}
        identical += len(answers) == 1
        gaps += [
            _logit_gap(model, prompt, ends, *pair) for pair in itertools.combinations(answers, 2)
        ]
        progress(number + 1, len(spans))
    return {
        "device": str(model.device),
        "dtype": model.dtype_name,
        "model": model.name,
        "prompts": len(spans),
        "prompt_tokens": prompts.budget,
        "identical": identical,
        "largest_logit_gap": round(max(gaps, default=0.0), 4),
        "runs": {name: summary(timed) for name, timed in results.items()},
        "gains": {
            name: gain(results["engine"], timed)
            for name, timed in results.items()
            if name != "engine"
        },
    }


@torch.inference_mode()
def _logit_gap(
    model: LoadedModel,
    prompt: Prompt,
    ends: frozenset[int],
    one: tuple[int, ...],
    other: tuple[int, ...],
) -> float:
    """How far apart the logits of two answers' first different tokens are: a near tie, or a bug.

    An answer that ends where the other goes on chose some end token: the likeliest is taken.
    """
    same = next(
        (i for i, (a, b) in enumerate(zip(one, other, strict=False)) if a != b),
        min(len(one), len(other)),
    )
    ids = torch.tensor([prompt.ids + list(one[:same])], device=model.device)
    logits = model.own_code(ids, logits_to_keep=1).logits[0, -1].float()
    end_ids = torch.tensor(sorted(ends), device=model.device)
    chosen = [
        logits[answer[same]] if len(answer) > same else logits[end_ids].max()
        for answer in (one, other)
    ]
    return abs(float(chosen[0] - chosen[1]))


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


def gain(ours: Sequence[Timed], theirs: Sequence[Timed]) -> dict[str, Any]:
    """How many times as long the others take on the same prompts.

    `decode` compares sums; `total_median` is the median of the pairs' ratios, with a 95 % interval.
    """
    middle, low, high = median_interval(
        [their.total_ms / our.total_ms for our, their in zip(ours, theirs, strict=True)]
    )
    return {
        "decode": round(sum(t.decode_ms for t in theirs) / sum(t.decode_ms for t in ours), 3),
        "total_median": round(middle, 4),
        "low": round(low, 4),
        "high": round(high, 4),
    }


def median_interval(values: Sequence[float]) -> tuple[float, float, float]:
    """The median and its 95 % interval, from the order statistics of a binomial."""
    ordered = sorted(values)
    half_width = 1.96 * 0.5 * len(ordered) ** 0.5
    low = ordered[max(0, int(len(ordered) / 2 - half_width))]
    high = ordered[min(len(ordered) - 1, int(len(ordered) / 2 + half_width))]
    return ordered[len(ordered) // 2], low, high


def turns(number: int, names: Sequence[str] = RUNS) -> Sequence[str]:
    """Let another one begin each time: whoever comes first finds the caches cold."""
    start = number % len(names)
    return (*names[start:], *names[:start])


def _runs(contestants: Contestants, stop_ids: frozenset[int]) -> dict[str, Run]:
    plain = Generate(contestants.plain.own_code, prompt_lookup=False)
    lookup = Generate(contestants.lookup.own_code, prompt_lookup=True)
    drafted = engine_run(contestants.engine, stop_ids, contestants.drafter)
    return {
        "engine": drafted,
        "engine_no_draft": engine_run(contestants.engine, stop_ids, None),
        "generate": lambda prompt: plain.run(prompt.ids, MAX_TOKENS, stop_ids),
        "generate_prompt_lookup": lambda prompt: lookup.run(prompt.ids, MAX_TOKENS, stop_ids),
    }


def engine_run(engine: Engine, stop_ids: frozenset[int], drafter: Drafter | None) -> Run:
    """Complete prompts with an engine, with drafts where there is a drafter.

    Every request has an owner of its own, so that no prompt is reused.
    """
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
