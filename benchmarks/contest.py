"""What contestants are measured by, and the peer: transformers' own `generate`, timed alike."""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from transformers.generation.streamers import BaseStreamer
from transformers.modeling_utils import PreTrainedModel

from completer.context.prompt import Prompt
from completer.drafting.drafter import Drafter
from completer.engine.engine import Engine
from completer.evaluation.speculation import MAX_TOKENS, asking
from models.loading import LoadedModel

LOOKUP_TOKENS = 10


@dataclass(frozen=True, slots=True)
class Timed:
    """One generation: times in ms, forward passes, tokens that these gave (the end is one, too)."""

    prefill_ms: float
    decode_ms: float
    steps: int
    tokens: int
    token_ids: tuple[int, ...] = ()

    @property
    def total_ms(self) -> float:
        """Prefill and decode."""
        return self.prefill_ms + self.decode_ms


Run = Callable[[Prompt], Timed]


def percentiles(values: Sequence[float], *wanted: int) -> dict[str, float]:
    """Percentiles to three places, such as `{"p50": 1.5}`."""
    found = np.percentile(values, wanted)
    return {f"p{q}": round(float(value), 3) for q, value in zip(wanted, found, strict=True)}


def summary(timed: Sequence[Timed]) -> dict[str, Any]:
    """Percentiles in ms, completions per second, tokens per forward pass."""
    total_s = sum(each.total_ms for each in timed) / 1000
    steps = sum(each.steps for each in timed)
    return {
        "completions_per_s": round(len(timed) / total_s, 3),
        "prefill_ms": percentiles([each.prefill_ms for each in timed], 50, 95),
        "decode_ms": percentiles([each.decode_ms for each in timed], 50, 95),
        "total_ms": percentiles([each.total_ms for each in timed], 50, 95, 99),
        "tokens_per_step": round(sum(each.tokens for each in timed) / max(1, steps), 3),
    }


def line_break_ids(model: LoadedModel) -> frozenset[int]:
    """All tokens whose text contains a line break."""
    size = model.tokenizer.backend_tokenizer.get_vocab_size(with_added_tokens=True)
    texts = model.tokenizer.backend_tokenizer.decode_batch([[i] for i in range(size)])
    return frozenset(i for i, text in enumerate(texts) if "\n" in text)


def engine_run(
    engine: Engine,
    drafter: Drafter | None,
    stop_ids: frozenset[int] = frozenset(),
    max_tokens: int = MAX_TOKENS,
) -> Run:
    """Complete prompts with an engine, with drafts where there is a drafter."""
    ask = asking(engine, drafter, stop_ids, max_tokens)

    def run(prompt: Prompt) -> Timed:
        started = time.perf_counter()
        result = ask(prompt)
        total = (time.perf_counter() - started) * 1000
        ids, stats = result.token_ids, result.stats
        return Timed(total - stats.decode_ms, stats.decode_ms, stats.steps + 1, len(ids) + 1, ids)

    return run


def peers(
    model: PreTrainedModel, stop_ids: frozenset[int], max_tokens: int = MAX_TOKENS
) -> dict[str, Run]:
    """`generate` without and with prompt lookup, on a model of its own, on one thread.

    So should the engine be that it takes turns with: two teams of OpenMP threads in one process put
    each other to sleep (see `leave_cores_to_the_engine`).
    """
    model.set_attn_implementation("sdpa")
    return {
        "generate": Generate(model, stop_ids, max_tokens),
        "generate_prompt_lookup": Generate(
            model, stop_ids, max_tokens, prompt_lookup_num_tokens=LOOKUP_TOKENS
        ),
    }


class Generate:
    """Calls `generate`, greedily and until a stop token, which is left out."""

    def __init__(
        self, model: PreTrainedModel, stop_ids: frozenset[int], max_tokens: int, **options: int
    ) -> None:
        self._model: Any = model
        self._stop_ids = stop_ids
        self._options = {"max_new_tokens": max_tokens, **options}
        self._passes = 0
        model.register_forward_pre_hook(self._count)

    def __call__(self, prompt: Prompt) -> Timed:
        """Complete a prompt."""
        ids = torch.tensor([prompt.ids], device=self._model.device)
        clock = _FirstTokenClock()
        self._passes = 0
        started = time.perf_counter()
        output = self._model.generate(
            ids,
            attention_mask=torch.ones_like(ids),
            do_sample=False,
            eos_token_id=sorted(self._stop_ids),
            pad_token_id=0,
            streamer=clock,
            **self._options,
        )
        ended = time.perf_counter()
        generated = output[0, len(prompt.ids) :].tolist()
        end = next((i for i, token in enumerate(generated) if token in self._stop_ids), None)
        answer = tuple(generated[:end])
        return Timed(
            (clock.first_token_at - started) * 1000,
            (ended - clock.first_token_at) * 1000,
            self._passes,
            len(answer) + 1,
            answer,
        )

    def _count(self, *_: object) -> None:
        self._passes += 1


class _FirstTokenClock(BaseStreamer):
    """Notes when the first token came; the first thing that is put is the prompt."""

    def __init__(self) -> None:
        self.first_token_at = 0.0
        self._prompt_seen = False

    def put(self, value: object) -> None:
        if self._prompt_seen and not self.first_token_at:
            self.first_token_at = time.perf_counter()
        self._prompt_seen = True

    def end(self) -> None:
        pass
