"""What a step's logits say, read back from the device in one copy for all of its sequences.

Every read waits for the device, so a step makes one: the chosen tokens, the runners-up and how sure
the model was are computed there, side by side, and come back as one table.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from completer.engine.sampling import draw
from completer.request import Sampling

CANDIDATES = 8
ROWS_AT_ONCE = 64  # of log-probabilities in float32: bounds the memory that they take


@dataclass(frozen=True, slots=True)
class ReadoutRequest:
    """What to read from one sequence's `rows` of the logits.

    With `sampling`, a token for each row: drawn with `noise`, one number in [0, 1) for each, or the
    likeliest. `candidates` asks what else was likely, `certainty` how sure the model was.
    """

    rows: slice
    sampling: Sampling | None = None
    noise: Sequence[float] = ()
    candidates: bool = False
    certainty: bool = False


@dataclass(frozen=True, slots=True)
class Readout:
    """What was read for a sequence's n rows: the token after each, the likeliest ones [n, k].

    `certainty` [n, 3]: probability of the token, margin of the likeliest over the runner-up,
    entropy in nats. What was not asked for is `None`.
    """

    tokens: list[int] | None = None
    candidates: NDArray[np.int32] | None = None
    certainty: NDArray[np.float64] | None = None


def read(logits: Tensor, requests: Sequence[ReadoutRequest]) -> list[Readout]:
    """Read what `requests` ask for from `logits` [R, V] with one copy from the device."""
    if not logits.shape[0]:
        return [Readout() for _ in requests]
    if logits.device.type == "cpu" and not any(r.certainty or len(r.noise) for r in requests):
        return _read_here(logits, requests)
    chosen = _choose(logits, requests)
    columns = [chosen[:, None]]
    candidates = (
        min(CANDIDATES, logits.shape[1]) if any(each.candidates for each in requests) else 0
    )
    if candidates:
        columns.append(logits.topk(candidates).indices)
    if any(request.certainty for request in requests):
        columns.append(certainty(logits, chosen))
    table = torch.cat([column.double() for column in columns], 1).to("cpu").numpy()
    return list(_split(table, candidates, requests))


def _read_here(logits: Tensor, requests: Sequence[ReadoutRequest]) -> list[Readout]:
    """Read from `logits` on a CPU, which need not be copied: in fewer operations."""
    tokens, candidates = [], None
    if any(request.sampling for request in requests):
        tokens = _likeliest(logits).tolist()
    if any(request.candidates for request in requests):
        candidates = logits.topk(min(CANDIDATES, logits.shape[1])).indices.int().numpy()
    return [
        Readout(
            tokens[request.rows] if request.sampling else None,
            candidates[request.rows] if candidates is not None and request.candidates else None,
        )
        for request in requests
    ]


def _choose(logits: Tensor, requests: Sequence[ReadoutRequest]) -> Tensor:
    """The token [R] after each row: the likeliest, or drawn where there is noise."""
    chosen = _likeliest(logits)
    for request in requests:
        if request.sampling is not None and len(request.noise):
            rows = logits[request.rows]
            chosen[request.rows] = draw(rows, request.sampling, request.noise)
    return chosen


def _likeliest(logits: Tensor) -> Tensor:
    """The likeliest token [R] after each row. torch's CPU kernel is slow in half of float32."""
    return (logits.float() if logits.device.type == "cpu" else logits).argmax(-1)


def certainty(logits: Tensor, chosen: Tensor) -> Tensor:
    """How sure each row of `logits` [R, V] is: see `Readout.certainty`."""
    if logits.shape[0] <= ROWS_AT_ONCE:
        return _certainty(logits, chosen)
    pieces = zip(logits.split(ROWS_AT_ONCE), chosen.split(ROWS_AT_ONCE), strict=True)  # type: ignore[no-untyped-call]
    return torch.cat([_certainty(*piece) for piece in pieces])


def certainty_here(logits: Tensor, chosen: Sequence[int]) -> list[list[float]]:
    """Return what `certainty` does [n, 3], to the last bit, of `logits` [n, V] on a CPU.

    Small arrays of torch cost more than what is computed in them.
    """
    log_probs = logits.float().log_softmax(-1)
    probs = log_probs.exp()
    probabilities, best = probs.numpy(), probs.topk(2).values.numpy()
    entropies = log_probs.clamp_min_(-100.0).mul_(probs).sum(-1).tolist()
    return [
        [float(probabilities[row, token]), float(best[row, 0] - best[row, 1]), -entropies[row]]
        for row, token in enumerate(chosen)
    ]


def _certainty(logits: Tensor, chosen: Tensor) -> Tensor:
    log_probs = logits.float().log_softmax(-1)
    probabilities = log_probs.exp()
    best = probabilities.topk(2).values
    columns = (
        probabilities.gather(1, chosen[:, None])[:, 0],
        best[:, 0] - best[:, 1],
        -log_probs.clamp_min_(-100.0).mul_(probabilities).sum(-1),
    )
    return torch.stack(columns, dim=1)


def _split(
    table: NDArray[np.float64], candidates: int, requests: Sequence[ReadoutRequest]
) -> Iterator[Readout]:
    for request in requests:
        rows = table[request.rows]
        yield Readout(
            rows[:, 0].astype(np.int64).tolist() if request.sampling else None,
            rows[:, 1 : 1 + candidates].astype(np.int32) if request.candidates else None,
            rows[:, 1 + candidates :] if request.certainty else None,
        )
