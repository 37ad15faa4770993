"""transformers' own `generate`, timed like the engine: the peer that benchmarks run beside."""

import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
from transformers.generation.streamers import BaseStreamer
from transformers.modeling_utils import PreTrainedModel

LOOKUP_TOKENS = 10


@dataclass(frozen=True, slots=True)
class Timed:
    """One generation: its tokens, how many forward passes they took, times in ms."""

    token_ids: tuple[int, ...]
    steps: int
    prefill_ms: float
    decode_ms: float

    @property
    def total_ms(self) -> float:
        """Prefill and decode."""
        return self.prefill_ms + self.decode_ms


class Generate:
    """Calls `generate` on a model of its own, optionally with prompt lookup."""

    def __init__(self, model: PreTrainedModel, *, prompt_lookup: bool) -> None:
        self._model: Any = model
        self._options: dict[str, Any] = {}
        if prompt_lookup:
            self._options["prompt_lookup_num_tokens"] = LOOKUP_TOKENS
        self._passes = 0
        model.register_forward_pre_hook(self._count)

    def run(self, prompt: Sequence[int], max_tokens: int, stop_ids: frozenset[int]) -> Timed:
        """Generate greedily until a stop token, which is left out."""
        ids = torch.tensor([list(prompt)], device=self._model.device)
        clock = _FirstTokenClock()
        self._passes = 0
        started = time.perf_counter()
        output = self._model.generate(
            ids,
            attention_mask=torch.ones_like(ids),
            max_new_tokens=max_tokens,
            do_sample=False,
            eos_token_id=sorted(stop_ids),
            pad_token_id=0,
            streamer=clock,
            **self._options,
        )
        ended = time.perf_counter()
        generated = output[0, len(prompt) :].tolist()
        end = next((i for i, token in enumerate(generated) if token in stop_ids), None)
        return Timed(
            tuple(generated[:end]),
            self._passes,
            (clock.first_token_at - started) * 1000,
            (ended - clock.first_token_at) * 1000,
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
