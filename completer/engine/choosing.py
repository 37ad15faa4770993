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
from completer.engine.part import Part
from completer.engine.readout import Question, Readout, certainty, certainty_here
from completer.engine.sampling import choose_token, uniform
from completer.engine.sequence import Running
from completer.engine.staging import to_device
from completer.engine.stopping import TokenSignals


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a step computed: the model's `logits` [R, V], and the `law` [R, V] that is drawn from.

    Both are of all of the step's sequences; `readout` is what was read of one of them.
    """

    logits: Tensor
    law: Tensor
    readout: Readout


class Chooser:
    """Chooses after a part's rows, which are walked down from the root."""

    def __init__(self, part: Part, outcome: Outcome) -> None:
        self._part = part
        self._outcome = outcome
        self._readout = outcome.readout
        self._made: list[tuple[int, int]] = []  # rows and the tokens chosen after them

    def __call__(self, row: int, depth: int) -> int:
        """Choose the token after `row`; what was chosen before lies on the way to it."""
        tokens = self._readout.tokens
        token = self._choose(row, depth) if tokens is None else tokens[row]
        self._made.append((row, token))
        return token

    def signals(self) -> tuple[TokenSignals, ...]:
        """Tell of every chosen token how sure the distribution was."""
        last, expected = len(self._made) - 1, self._part.expected
        told = []
        for number, ((row, token), sure) in enumerate(
            zip(self._made, self._certainty(), strict=True)
        ):
            probability, margin, entropy, own = sure
            given = expected.prob(row, token) if expected is not None else 0.0
            told.append(TokenSignals(probability, margin, entropy, own, given, number < last))
        return tuple(told)

    def _certainty(self) -> list[list[float]]:
        """Probability, margin, entropy and the model's own probability of each chosen token."""
        chosen = [token for _, token in self._made]
        if self._readout.certainty is not None:
            rows = [row for row, _ in self._made]
            return [[*each, each[0]] for each in self._readout.certainty[rows].tolist()]
        law = self._walked(self._outcome.law)
        if law.device.type == "cpu":
            columns = certainty_here(law, chosen)
        else:
            columns = certainty(law, to_device(np.array(chosen), law.device)).tolist()
        if self._part.expected is None:  # the model's own distribution is the one drawn from
            return [[*each, each[0]] for each in columns]
        models = self._walked(self._outcome.logits).float().softmax(-1)
        own = models[range(len(chosen)), chosen].tolist()
        return [[*each, of_model] for each, of_model in zip(columns, own, strict=True)]

    def _walked(self, logits: Tensor) -> Tensor:
        """Those of a step's rows of `logits` [R, V] that were chosen after."""
        if len(self._made) == logits.shape[0]:
            return logits
        first = self._part.rows.start
        return logits[[first + row for row, _ in self._made]]

    def _choose(self, row: int, depth: int) -> int:
        sequence = self._part.work.sequence
        request = sequence.request
        position = len(sequence.ids) - sequence.prompt_length + depth
        law = self._outcome.law[self._part.rows.start + row]
        return choose_token(law, request.sampling, position=position, choice=request.choice)


def question(part: Part, device: torch.device) -> Question:
    """What a step has to read of a part's rows."""
    sequence, rows = part.work.sequence, part.rows
    request = sequence.request
    drafted, policy = request.drafts is not None, request.policy
    greedy, on_cpu = request.sampling.greedy, device.type == "cpu"
    if on_cpu and not greedy:
        return Question(rows, candidates=drafted)
    noise = [] if greedy else _noise(sequence, part.segment)[: rows.stop - rows.start]
    certain = policy is not None and policy.wants_signals and not on_cpu and not _mixes(sequence)
    return Question(rows, request.sampling, noise, candidates=drafted, certainty=certain)


def _noise(sequence: Running, segment: Segment) -> list[float]:
    """The uniform numbers that belong to what follows a segment's last token and each node."""
    request = sequence.request
    first = len(sequence.ids) - sequence.prompt_length
    positions = segment.positions()[segment.chain - 1 :]
    depths: list[int] = (positions - positions[0]).tolist()
    return [uniform(request.sampling.seed, request.choice, first + depth) for depth in depths]


def _mixes(sequence: Running) -> bool:
    """Whether the law is not the model's own, so that there are two to tell of."""
    return sequence.request.repository_weight > 0 and sequence.request.drafts is not None
