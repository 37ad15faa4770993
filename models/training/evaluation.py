"""How good the model is on held-out packages: its loss, and what each exit would have said."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from models.training.examples import ExampleMaker, Row
from models.training.loss import token_losses
from models.training.model import Decoder
from models.training.objective import collate, hidden_states

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


@torch.no_grad()
def held_out_loss(decoder: Decoder, rows: list[Row], device: torch.device) -> float:
    """The decoder's mean loss on rows of one window length, in nats a token."""
    losses = []
    for batch in (collate(part, device) for part in parts(rows)):
        state = hidden_states(decoder, batch.inputs, ())[-1]
        loss = token_losses(state, decoder.embed_tokens.weight, batch.targets)
        losses.append(loss[batch.weights > 0])
    return float(torch.cat(losses).mean())


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
    batch = collate(rows, device)
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
