"""The next token after each row of a step, greedy or sampled; and how sure it was.

One `Chooser` accompanies one sequence through one step. It is what verification asks. What can be
said of every row at once is in the step's readout; what costs a CPU too much for rows that nobody
reaches is computed row by row.
"""

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from completer.engine.attention import Segment
from completer.engine.readout import Readout, ReadoutRequest, certainty, certainty_here
from completer.engine.sampling import choose_token, uniform
from completer.engine.sequence import Ranking, SequenceState
from completer.engine.staging import to_device
from completer.engine.step_part import StepPart
from completer.engine.stop_policy import TokenSignals

RANKED = 16
"""Tokens that are looked at for an alternative."""


@dataclass(frozen=True, slots=True)
class StepResult:
    """One sequence's result of a step.

    `logits` [R, V] are the model's, `distribution` [R, V] holds the logs of what tokens are drawn
    from; both have the rows of all of the step's sequences. `readout` is what was read of this one.
    """

    logits: Tensor
    distribution: Tensor
    readout: Readout


class Chooser:
    """Chooses the tokens after a part's rows of `result`, which are walked down from the root."""

    def __init__(self, part: StepPart, result: StepResult) -> None:
        self._part = part
        self._result = result
        self._made: list[tuple[int, int]] = []  # rows and the tokens chosen after them

    def __call__(self, row: int, depth: int) -> int:
        """Choose the token after `row`; what was chosen before lies on the way to it."""
        tokens = self._result.readout.tokens
        token = self._choose(row, depth) if tokens is None else tokens[row]
        leaves = self._part.scheduled.sequence.request.leaves
        if leaves is not None and leaves[0] == self._position(depth):
            token = leaves[1]
        self._made.append((row, token))
        return token

    def rankings(self) -> list[Ranking]:
        """Return what was likeliest at the place of each chosen token."""
        logits = self._walked(self._result.distribution)
        best = logits.float().log_softmax(-1).topk(min(RANKED, logits.shape[-1]))
        pairs = zip(best.indices.tolist(), best.values.tolist(), strict=True)
        return [Ranking(tokens, logs) for tokens, logs in pairs]

    def signals(self) -> tuple[TokenSignals, ...]:
        """Return how sure the distribution was of every chosen token."""
        expected, allowed = self._part.expected, self._allowed()
        signals = []
        for (row, token), sure in zip(self._made, self._certainty(), strict=True):
            probability, margin, entropy, own = sure
            given = expected.prob(row, token) if expected is not None else 0.0
            mass = allowed.get(row, 1.0)
            signals.append(TokenSignals(probability, margin, entropy, own, given, mass))
        return tuple(signals)

    def _allowed(self) -> dict[int, float]:
        """The mass that was allowed in each narrowed row."""
        masses = [] if self._part.masses is None else self._part.masses.tolist()
        rows = (each.row for each in self._part.narrowings)
        return dict(zip(reversed([*rows]), reversed(masses), strict=True))  # a row's first counts

    def _certainty(self) -> list[list[float]]:
        """Probability, margin, entropy and the model's own probability of each chosen token."""
        chosen = [token for _, token in self._made]
        if self._result.readout.certainty is not None:
            rows = [row for row, _ in self._made]
            return [[*each, each[0]] for each in self._result.readout.certainty[rows].tolist()]
        drawn_from = self._walked(self._result.distribution)
        if drawn_from.device.type == "cpu":
            columns = certainty_here(drawn_from, chosen)
        else:
            columns = certainty(drawn_from, to_device(np.array(chosen), drawn_from.device)).tolist()
        if self._part.expected is None and self._part.masses is None:  # drawn from the model's own
            return [[*each, each[0]] for each in columns]
        models = self._walked(self._result.logits).float().softmax(-1)
        own = models[range(len(chosen)), chosen].tolist()
        return [[*each, of_model] for each, of_model in zip(columns, own, strict=True)]

    def _walked(self, logits: Tensor) -> Tensor:
        """Those of a step's rows of `logits` [R, V] that were chosen after."""
        if len(self._made) == logits.shape[0]:
            return logits
        first = self._part.rows.start
        return logits[[first + row for row, _ in self._made]]

    def _choose(self, row: int, depth: int) -> int:
        request = self._part.scheduled.sequence.request
        distribution = self._result.distribution[self._part.rows.start + row]
        return choose_token(
            distribution,
            request.sampling,
            position=self._position(depth),
            choice=request.choice,
        )

    def _position(self, depth: int) -> int:
        """Which token of the text is chosen, from 0 on."""
        sequence = self._part.scheduled.sequence
        return len(sequence.ids) - sequence.prompt_length + depth


def readout_request(part: StepPart, device: torch.device) -> ReadoutRequest:
    """What a step has to read of a part's rows."""
    sequence, rows = part.scheduled.sequence, part.rows
    request = sequence.request
    drafted, policy = request.drafts is not None, request.policy
    greedy, on_cpu = request.sampling.greedy, device.type == "cpu"
    if on_cpu and not greedy:
        return ReadoutRequest(rows, candidates=drafted)
    noise = [] if greedy else _noise(sequence, part.segment)[: rows.stop - rows.start]
    wants_signals = policy is not None and policy.wants_signals
    certain = wants_signals and not on_cpu and not request.changes_distribution
    return ReadoutRequest(rows, request.sampling, noise, candidates=drafted, certainty=certain)


def _noise(sequence: SequenceState, segment: Segment) -> list[float]:
    """The uniform numbers that belong to what follows a segment's last token and each node."""
    request = sequence.request
    first = len(sequence.ids) - sequence.prompt_length
    positions = segment.positions()[segment.chain - 1 :]
    depths: list[int] = (positions - positions[0]).tolist()
    return [uniform(request.sampling.seed, request.choice, first + depth) for depth in depths]
