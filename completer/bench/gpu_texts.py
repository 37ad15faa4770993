"""The second half of `completer bench gpu`: whole texts, beside transformers' `generate`.

A model with random weights soon repeats itself, so that drafts from the text so far do well; the
engine's come from there too, there being no repository. What counts is the time of a step.
"""

import copy
import itertools
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
from transformers.modeling_utils import PreTrainedModel

from completer.bench.decode import turns
from completer.bench.peers import Generate, Timed
from completer.drafting.drafter import Drafter
from completer.engine.cost import measure
from completer.engine.engine import Engine
from completer.engine.lean import supports
from completer.engine.runner import Runner
from completer.engine.sequence import GenerationRequest

Write = Callable[[Sequence[int]], Timed]
NO_STOP: frozenset[int] = frozenset()


def write_texts(
    model: PreTrainedModel, runners: Mapping[str, Runner], texts: int, context: int, tokens: int
) -> dict[str, Any]:
    """Let all contestants write `tokens` after each of `texts` random prompts of `context` tokens.

    Everyone writes a text once before anything is timed.
    """
    vocabulary = int(model.config.vocab_size)
    engines = {name: Engine(runner, costs=measure(runner)) for name, runner in runners.items()}
    contestants = _contestants(model, engines, vocabulary, tokens)
    results: dict[str, list[Timed]] = {name: [] for name in contestants}
    prompts = np.random.default_rng(1).integers(0, vocabulary, (texts + 1, context))
    for number, prompt in enumerate(prompts.tolist()):
        for name in turns(number, list(contestants)):
            timed = contestants[name](prompt)
            if number:
                results[name].append(timed)
    for engine in engines.values():
        engine.close()
    return {name: _summary(timed) for name, timed in results.items() if timed}


def _contestants(
    model: PreTrainedModel, engines: Mapping[str, Engine], vocabulary: int, tokens: int
) -> dict[str, Write]:
    peer = model if supports(model) else copy.deepcopy(model)  # the lean pass needs no model
    peer.set_attn_implementation("sdpa")
    peer.generation_config.eos_token_id = None
    plain, lookup = (Generate(peer, prompt_lookup=lookup) for lookup in (False, True))
    drafting = engines["static" if model.device.type == "cuda" else "packed"]
    return {
        "engine_packed": _engine(engines["packed"], None, tokens),
        "engine_static": _engine(engines["static"], None, tokens),
        "engine_drafting": _engine(drafting, Drafter(vocabulary), tokens),
        "generate": lambda prompt: plain.run(prompt, tokens, NO_STOP),
        "generate_prompt_lookup": lambda prompt: lookup.run(prompt, tokens, NO_STOP),
    }


def _engine(engine: Engine, drafter: Drafter | None, tokens: int) -> Write:
    """Every request has an owner of its own, so that no prompt is reused."""
    owners = itertools.count()

    def write(prompt: Sequence[int]) -> Timed:
        started = time.perf_counter()
        request = GenerationRequest(
            prompt=prompt,
            max_tokens=tokens,
            drafts=drafter.start(prompt) if drafter else None,
            owner=f"{id(write)} {next(owners)}",
        )
        result = engine.generate(request)
        total = (time.perf_counter() - started) * 1000
        decode = result.stats.decode_ms
        return Timed(result.token_ids, result.stats.steps + 1, total - decode, decode)

    return write


def _summary(timed: Sequence[Timed]) -> dict[str, float]:
    tokens = sum(len(each.token_ids) for each in timed)
    steps = sum(each.steps for each in timed)
    decoded = sum(each.decode_ms for each in timed)
    return {
        "prefill_ms": round(float(np.median([each.prefill_ms for each in timed])), 3),
        "ms_per_token": round(decoded / max(1, tokens - len(timed)), 4),
        "ms_per_step": round(decoded / max(1, steps - len(timed)), 4),
        "tokens_per_step": round(tokens / steps, 3),
    }
