"""What a decoder says at every token of a held-out middle, the right tokens before it given."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch

from models.training.batch import collate
from models.training.evaluation import parts, top_choices
from models.training.examples import Row
from models.training.loss import token_losses
from models.training.model import Decoder
from models.training.objective import hidden_states


@dataclass(frozen=True)
class MiddleScores:
    """One figure for each of `M` middles, in the order of the rows; end marks do not count."""

    loss: npt.NDArray[np.float64]  # [M], nats a token, mean over the middle
    matched: npt.NDArray[np.float64]  # [layers, M], share of tokens that the exit would choose
    exact: npt.NDArray[np.float64]  # [layers, M], 1 where all are: what greedy decoding would write


def spans(row: Row) -> list[slice]:
    """Where a row's middles stand among its targets `ids[1:]`, those without a token left out."""
    ends = [(middle.start - 1, middle.end - 2) for middle in row.middles]
    return [slice(start, end) for start, end in ends if end > start]


@torch.no_grad()
def score_middles(decoder: Decoder, rows: list[Row], device: torch.device) -> MiddleScores:
    """Score the middles of rows of one window length; the head sees these positions only."""
    scored = [_score(decoder, part, device) for part in parts(rows)]
    losses, right = (np.concatenate(figures, axis=-1) for figures in zip(*scored, strict=True))
    lengths = [span.stop - span.start for row in rows for span in spans(row)]
    starts = np.cumsum([0, *lengths[:-1]])
    return MiddleScores(
        np.add.reduceat(losses, starts) / lengths,
        np.add.reduceat(right, starts, axis=1) / lengths,
        np.minimum.reduceat(right, starts, axis=1),
    )


def _score(
    decoder: Decoder, rows: list[Row], device: torch.device
) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    """Loss `[N]` of the middles' tokens, and whether each exit's top choice is right."""
    batch = collate(rows).to(device)
    inside = torch.from_numpy(np.concatenate([_inside(row) for row in rows])).to(device)
    exits = tuple(range(1, len(decoder.layers)))
    states = [state[inside] for state in hidden_states(decoder, batch.inputs, exits)]
    targets, head = batch.targets[inside], decoder.embed_tokens.weight
    losses = token_losses(states[-1], head, targets)
    right = torch.stack([top_choices(state, head) == targets for state in states])
    return losses.double().cpu().numpy(), right.double().cpu().numpy()


def _inside(row: Row) -> npt.NDArray[np.bool_]:
    inside = np.zeros(len(row.ids) - 1, dtype=bool)
    for span in spans(row):
        inside[span] = True
    return inside
