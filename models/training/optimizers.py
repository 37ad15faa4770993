"""Which optimiser moves which weights, and one update at a step's rates."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch

from models.training.config import TrainConfig
from models.training.model import Decoder
from models.training.muon import Muon

GRADIENT_NORM = 1.0
MOMENTUM = (0.85, 0.95)  # of Muon, from the first step
MOMENTUM_STEPS = 150  # to the one at which it has risen


@dataclass(frozen=True)
class Optimizers:
    """Muon for the matrices of the layers, AdamW for embeddings and norms."""

    muon: Muon
    adam: torch.optim.AdamW
    muon_rate: float
    adam_rate: float

    @classmethod
    def of(cls, decoder: Decoder, config: TrainConfig) -> Optimizers:
        """Optimisers over all weights of the decoder."""
        matrices = [weight for weight in decoder.layers.parameters() if weight.ndim == 2]
        norms = [weight for weight in decoder.parameters() if weight.ndim == 1]
        others = [decoder.embed_tokens.weight, *norms]
        return cls(
            Muon(matrices, config.muon_rate, weight_decay=config.weight_decay),
            torch.optim.AdamW(others, config.adam_rate, betas=(0.9, 0.95), weight_decay=0.0),
            config.muon_rate,
            config.adam_rate,
        )

    def update(self, decoder: Decoder, factor: float, step: int) -> None:
        """Move all weights along their clipped gradients, which are then forgotten.

        `factor` is that of the rates; in the first steps Muon averages over fewer of them.
        """
        torch.nn.utils.clip_grad_norm_(decoder.parameters(), GRADIENT_NORM)
        warm = min(1.0, step / MOMENTUM_STEPS)
        first, last = MOMENTUM
        self.muon.param_groups[0]["momentum"] = first + warm * (last - first)
        for optimizer, rate in ((self.muon, self.muon_rate), (self.adam, self.adam_rate)):
            optimizer.param_groups[0]["lr"] = factor * rate
            optimizer.step()
            optimizer.zero_grad()

    def state(self) -> list[dict[str, Any]]:
        """What has to be saved."""
        return [self.muon.state_dict(), self.adam.state_dict()]

    def restore(self, state: list[dict[str, Any]]) -> None:
        """Go on from a saved state."""
        self.muon.load_state_dict(state[0])
        self.adam.load_state_dict(state[1])
