"""How good the model is on held-out packages: its loss, and what each exit would have said."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from models.training.batch import Batch, collate
from models.training.examples import ExampleMaker, Row
from models.training.loss import token_losses
from models.training.model import Decoder
from models.training.objective import hidden_states

SEED = 2011  # of the held-out rows, the same ones for every run
ROWS_AT_A_TIME = 4
POSITIONS_AT_A_TIME = 1024


@dataclass(frozen=True)
class Evaluation:
    """Figures over the tokens of held-out rows."""

    loss: float  # nats a token
    middle_loss: float  # nats a token, middles and their end marks only
    exit_accuracy: tuple[float, ...]  # share of tokens whose top choice after layer 1, 2.. is right


def held_out_rows(maker: ExampleMaker, window: int, count: int) -> list[Row]:
    """The fixed rows that a shard gives for a window length."""
    return [maker.row(window, np.random.default_rng((SEED, window, i))) for i in range(count)]


@dataclass(frozen=True)
class HeldOut:
    """Rows that are never trained on, on the device, and what the decoder says about them."""

    batches: tuple[Batch, ...]
    middle: Tensor  # which targets are in a middle, [N]

    @classmethod
    def of(cls, rows: list[Row], device: torch.device) -> HeldOut:
        """Rows of one window length."""
        middle = torch.from_numpy(np.concatenate([row.in_middle & row.meant for row in rows]))
        batches = tuple(collate(part).to(device) for part in parts(rows))
        return cls(batches, middle.to(device))

    @torch.no_grad()
    def losses(self, decoder: Decoder) -> tuple[float, float]:
        """The mean loss in nats a token, and that of the tokens of middles.

        Nothing is compiled anew for these shapes.
        """
        with torch.compiler.set_stance("force_eager"):
            losses = torch.cat([_losses(decoder, batch) for batch in self.batches])
        meant = torch.cat([batch.weights.flatten() > 0 for batch in self.batches])
        return float(losses[meant].mean()), float(losses[self.middle].mean())


def _losses(decoder: Decoder, batch: Batch) -> Tensor:
    state = hidden_states(decoder, batch.inputs, ())[-1]
    return token_losses(state, decoder.embed_tokens.weight, batch.targets)


@torch.no_grad()
def evaluate(decoder: Decoder, rows: list[Row], device: torch.device) -> Evaluation:
    """Measure the decoder and all its exits on rows of one window length."""
    measured = [_measure(decoder, part, device) for part in parts(rows)]
    losses, right = (np.concatenate(figures, axis=-1) for figures in zip(*measured, strict=True))
    meant = np.concatenate([row.meant for row in rows])
    middle = np.concatenate([row.in_middle & row.meant for row in rows])
    accuracy = tuple(float(share) for share in right[:, meant].mean(axis=1))
    return Evaluation(float(losses[meant].mean()), float(losses[middle].mean()), accuracy)


def parts(rows: list[Row]) -> list[list[Row]]:
    """The rows in batches that fit beside a training run."""
    return [rows[i : i + ROWS_AT_A_TIME] for i in range(0, len(rows), ROWS_AT_A_TIME)]


def _measure(
    decoder: Decoder, rows: list[Row], device: torch.device
) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.bool_]]:
    """Every position's loss `[N]` and whether each exit's top choice is right `[layers, N]`."""
    batch = collate(rows).to(device)
    states = hidden_states(decoder, batch.inputs, tuple(range(1, len(decoder.layers))))
    head = decoder.embed_tokens.weight
    losses = token_losses(states[-1], head, batch.targets)
    right = torch.stack([top_choices(state, head) == batch.targets for state in states])
    return losses.cpu().numpy(), right.cpu().numpy()


def top_choices(state: Tensor, head: Tensor) -> Tensor:
    """The likeliest token of each position of `state [N, width]`."""
    matrix = head.bfloat16()
    parts = torch.split(state.bfloat16(), POSITIONS_AT_A_TIME)
    return torch.cat([(part @ matrix.T).argmax(-1) for part in parts])
