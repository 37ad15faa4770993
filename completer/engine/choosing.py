"""The next token after each row of a step, greedy or sampled; and how sure it was.

One `Chooser` accompanies one sequence through one step. It is what verification asks. What can be
said of every row at once is in the step's readout; what costs a CPU too much for rows that nobody
reaches is computed row by row.
"""

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from completer.drafting.tree import Predictions
from completer.engine.attention import Segment
from completer.engine.readout import Readout, ReadoutRequest, certainty
from completer.engine.sampling import choose_token, uniform
from completer.engine.sequence import SequenceState
from completer.engine.staging import to_device
from completer.engine.stop_policy import TokenSignals


@dataclass(frozen=True, slots=True)
class StepResult:
    """One sequence's result of a step, in rows [1 + n, V] for a chain's last token and n nodes.

    `logits` are the model's, `distribution` holds the logs of what tokens are drawn from, and
    `expected` is what the repository has added to that, where it was asked. `readout` is what was
    copied from the device.
    """

    logits: Tensor
    distribution: Tensor
    readout: Readout
    expected: Predictions | None = None


class Chooser:
    """Chooses the tokens after rows of `result`, which are walked down from the root."""

    def __init__(self, sequence: SequenceState, result: StepResult) -> None:
        self._sequence = sequence
        self._result = result
        self._made: list[tuple[int, int]] = []  # rows and the tokens chosen after them

    def __call__(self, row: int, depth: int) -> int:
        """Choose the token after `row`; what was chosen before lies on the way to it."""
        tokens = self._result.readout.tokens
        token = self._choose(row, depth) if tokens is None else tokens[row]
        self._made.append((row, token))
        return token

    def signals(self) -> tuple[TokenSignals, ...]:
        """Return how sure the distribution was of every chosen token."""
        last, expected = len(self._made) - 1, self._result.expected
        signals = []
        for number, ((row, token), sure) in enumerate(
            zip(self._made, self._certainty(), strict=True)
        ):
            probability, margin, entropy, own = sure
            given = expected.prob(row, token) if expected is not None else 0.0
            signals.append(TokenSignals(probability, margin, entropy, own, given, number < last))
        return tuple(signals)

    def _certainty(self) -> list[list[float]]:
        """Probability, margin, entropy and the model's own probability of each chosen token."""
        rows, chosen = (list(column) for column in zip(*self._made, strict=True))
        if self._result.readout.certainty is not None:
            return [[*each, each[0]] for each in self._result.readout.certainty[rows].tolist()]
        logits, distribution = self._result.logits, self._result.distribution
        tokens = to_device(np.array(chosen), logits.device)
        models = logits[rows].float().softmax(-1).gather(1, tokens[:, None])
        columns: list[list[float]]
        columns = torch.cat([certainty(distribution[rows], tokens), models], dim=1).tolist()
        return columns

    def _choose(self, row: int, depth: int) -> int:
        sequence, request = self._sequence, self._sequence.request
        position = len(sequence.ids) - sequence.prompt_length + depth
        distribution = self._result.distribution[row]
        return choose_token(
            distribution, request.sampling, position=position, choice=request.choice
        )


def readout_request(
    sequence: SequenceState, segment: Segment, rows: slice, device: torch.device
) -> ReadoutRequest:
    """What a step has to read of `rows`, which belong to a segment's last token and its nodes."""
    request = sequence.request
    drafted, policy = request.drafts is not None, request.policy
    greedy, on_cpu = request.sampling.greedy, device.type == "cpu"
    if on_cpu and not greedy:
        return ReadoutRequest(rows, candidates=drafted)
    noise = [] if greedy else _noise(sequence, segment)[: rows.stop - rows.start]
    certain = policy is not None and policy.wants_signals and not on_cpu and not _mixes(sequence)
    return ReadoutRequest(rows, request.sampling, noise, candidates=drafted, certainty=certain)


def _noise(sequence: SequenceState, segment: Segment) -> list[float]:
    """The uniform numbers that belong to what follows a segment's last token and each node."""
    request = sequence.request
    first = len(sequence.ids) - sequence.prompt_length
    positions = segment.positions()[segment.chain - 1 :]
    depths: list[int] = (positions - positions[0]).tolist()
    return [uniform(request.sampling.seed, request.choice, first + depth) for depth in depths]


def _mixes(sequence: SequenceState) -> bool:
    """Whether tokens are drawn from a mixture, so that the model's own probability is another."""
    return sequence.request.repository_weight > 0 and sequence.request.drafts is not None
