"""What a step minimises: the loss of the whole model plus that of one early exit, in rotation."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from models.training.batch import Batch
from models.training.loss import ChunkErrors, chunk_errors, head_loss
from models.training.model import Decoder


@dataclass(frozen=True)
class Objective:
    """The loss of a batch, in nats a token.

    The exit takes turns through all layers but the last, sees every `exit_stride`-th position and
    counts `exit_weight` as much as the whole model, after LayerSkip's rotating early-exit loss.
    """

    exit_weight: float
    exit_stride: int
    errors: ChunkErrors = chunk_errors

    def __call__(self, decoder: Decoder, batch: Batch, step: int) -> tuple[Tensor, Tensor]:
        """The loss to minimise at a step, and each position's own `[B * S]`, without gradients."""
        layers = len(decoder.layers)
        exits = (1 + step % (layers - 1),) if layers > 1 and self.exit_weight else ()
        states = hidden_states(decoder, batch.inputs, exits)
        total, losses = self._head(decoder, states[-1], batch, slice(None))
        for state in states[:-1]:
            part = slice(step % self.exit_stride, None, self.exit_stride)
            exit_loss, _ = self._head(decoder, state[part], batch, part)
            total = total + self.exit_weight * self.exit_stride * exit_loss
        return total, losses

    def _head(
        self, decoder: Decoder, state: Tensor, batch: Batch, part: slice
    ) -> tuple[Tensor, Tensor]:
        head = decoder.embed_tokens.weight
        targets, weights = batch.targets[part], batch.weights.flatten()[part]
        return head_loss(state, head, targets, weights, self.errors)


def hidden_states(decoder: Decoder, inputs: Tensor, exits: tuple[int, ...]) -> list[Tensor]:
    """The decoder's states `[B * S, width]` after the exits and the last layer, under bfloat16."""
    with torch.autocast(inputs.device.type, dtype=torch.bfloat16):
        return [state.flatten(0, 1) for state in decoder(inputs, exits)]
