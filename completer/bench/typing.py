"""`completer bench type`: real lines typed key by key, with a request after each pause.

The same four contestants as in `bench decode`, but the engine is asked through the whole service,
as an editor asks it: prompts are built anew for each request, keys and values of the one before
are reused, and typing what was answered needs no model.
"""

import asyncio
import itertools
import random
import time
from collections.abc import Awaitable, Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from statistics import median
from typing import Any

from completer.bench.accepting import bench_accepting
from completer.bench.decode import (
    MAX_TOKENS,
    RUNS,
    Progress,
    line_break_ids,
    turns,
)
from completer.bench.peers import Generate
from completer.bench.percentiles import percentiles
from completer.bench.spans import Span
from completer.context.prompt import PromptBuilder
from completer.request import CompletionRequest, DecodeStats
from completer.service import LocalService
from models.loading import LoadedModel

MEAN_INTERVAL_S, INTERVAL_SPREAD = 0.17, 0.6  # a fast typist; lognormal
DEBOUNCE_S = 0.15


@dataclass(frozen=True, slots=True)
class Typists:
    """What is compared: services on the same weights, and two models to `generate`.

    `ahead` is as `drafting`, and decodes ahead what follows a completion.
    """

    drafting: LocalService
    not_drafting: LocalService
    ahead: LocalService
    plain: LoadedModel
    lookup: LoadedModel


@dataclass(frozen=True, slots=True)
class Answer:
    """One answer: its times in ms, its forward passes and tokens, and what needed no computing."""

    prefill_ms: float
    decode_ms: float
    total_ms: float
    tokens: int
    steps: int
    prompt_tokens: int
    reused_tokens: int
    cached: bool = False
    first: bool = False
    """Whether it is the first of its line: nothing of the prompt is there yet."""

    @property
    def computed(self) -> int:
        """Prompt tokens that had to be run through the model."""
        return self.prompt_tokens - self.reused_tokens


Typist = Callable[[CompletionRequest], Awaitable[Answer]]


def requests_while_typing(span: Span, rng: random.Random) -> Iterator[CompletionRequest]:
    """Type the span's middle; yield what an editor would ask after each pause."""
    for typed in range(len(span.middle) + 1):
        pause = rng.lognormvariate(0.0, INTERVAL_SPREAD) * MEAN_INTERVAL_S
        if pause >= DEBOUNCE_S or typed == len(span.middle):
            yield CompletionRequest(
                prefix=span.prefix + span.middle[:typed],
                suffix=span.suffix,
                path=span.path,
                max_tokens=MAX_TOKENS,
                multiline=False,
                polish=True,
            )


async def bench_type(
    typists: Typists, prompts: PromptBuilder, spans: Sequence[Span], seed: int, progress: Progress
) -> dict[str, Any]:
    """Type every span for each of the four; the result has the keys of `--json`."""
    model = typists.plain
    four = _four(typists, prompts, model.layout.stop_ids | line_break_ids(model))
    answers: dict[str, list[Answer]] = {name: [] for name in RUNS}
    rng = random.Random(seed)
    asked = itertools.count()
    for number, span in enumerate(spans):
        for keystroke, request in enumerate(requests_while_typing(span, rng)):
            for name in turns(next(asked)):
                answer = await four[name](request)
                answers[name].append(replace(answer, first=keystroke == 0))
        progress(number + 1, len(spans))
    return {
        "device": str(model.device),
        "dtype": model.dtype_name,
        "model": model.name,
        "prompts": len(answers["engine"]),
        "lines": len(spans),
        "runs": {name: _summary(given) for name, given in answers.items()},
        "keystrokes": {name: keystrokes(answers[name]) for name in RUNS[:2]},
        "decode_ahead": await bench_accepting(
            {"without": typists.drafting, "with": typists.ahead}, spans
        ),
    }


def keystrokes(given: Sequence[Answer]) -> dict[str, Any]:
    """What a key costs the model after a request in the same line, against the line's first one.

    `first_token_ratio` compares medians of the time to the first token.
    """
    after = [each for each in given if not each.first and not each.cached]
    cold = [each for each in given if each.first]
    if not after:
        return {"n": 0}
    ratio = median(e.prefill_ms for e in after) / median(e.prefill_ms for e in cold)
    return {
        "n": len(after),
        "prefilled_tokens": percentiles([each.computed for each in after], 50, 95),
        "at_most_64_share": round(sum(each.computed <= 64 for each in after) / len(after), 4),
        "first_token_ms": percentiles([each.prefill_ms for each in after], 50, 95),
        "cold_first_token_ms": percentiles([each.prefill_ms for each in cold], 50, 95),
        "first_token_ratio": round(ratio, 4),
    }


def _four(typists: Typists, prompts: PromptBuilder, stop_ids: frozenset[int]) -> dict[str, Typist]:
    plain = Generate(typists.plain.own_code, prompt_lookup=False)
    lookup = Generate(typists.lookup.own_code, prompt_lookup=True)
    return {
        "engine": _served(typists.drafting),
        "engine_no_draft": _served(typists.not_drafting),
        "generate": _generated(plain, prompts, stop_ids),
        "generate_prompt_lookup": _generated(lookup, prompts, stop_ids),
    }


def _served(service: LocalService) -> Typist:
    async def ask(request: CompletionRequest) -> Answer:
        started = time.perf_counter()
        stats: DecodeStats = (await service.complete(request)).stats
        total = (time.perf_counter() - started) * 1000
        return Answer(
            total - stats.decode_ms,
            stats.decode_ms,
            total,
            0 if stats.cached else stats.generated_tokens + 1,
            0 if stats.cached else stats.steps + 1,
            stats.prompt_tokens,
            stats.reused_tokens,
            stats.cached,
        )

    return ask


def _generated(peer: Generate, prompts: PromptBuilder, stop_ids: frozenset[int]) -> Typist:
    async def ask(request: CompletionRequest) -> Answer:
        started = time.perf_counter()
        prompt = prompts.build(request)
        timed = await asyncio.to_thread(peer.run, prompt.ids, MAX_TOKENS, stop_ids)
        total = (time.perf_counter() - started) * 1000
        tokens = len(timed.token_ids) + 1
        prefill = total - timed.decode_ms
        return Answer(prefill, timed.decode_ms, total, tokens, timed.steps, len(prompt.ids), 0)

    return ask


def _summary(given: Sequence[Answer]) -> dict[str, Any]:
    prompt_tokens = sum(each.prompt_tokens for each in given)
    return {
        "completions_per_s": round(1000 * len(given) / sum(each.total_ms for each in given), 3),
        "prefill_ms": percentiles([each.prefill_ms for each in given], 50, 95),
        "decode_ms": percentiles([each.decode_ms for each in given], 50, 95),
        "total_ms": percentiles([each.total_ms for each in given], 50, 95, 99),
        "tokens_per_step": round(
            sum(each.tokens for each in given) / max(1, sum(each.steps for each in given)), 3
        ),
        "reused_share": round(sum(each.reused_tokens for each in given) / max(1, prompt_tokens), 4),
        "prefilled_tokens": percentiles([e.computed for e in given if not e.cached], 50, 95),
        "answered_without_model_share": round(sum(each.cached for each in given) / len(given), 4),
    }
