"""The next token after each row of a step: greedy, sampled, or mixed; and how sure it was.

One `Chooser` accompanies one sequence through one step. It is what verification asks. What can be
said of every row at once is in the step's readout; what depends on the path that is taken, or costs
a CPU too much for rows that nobody reaches, is computed row by row.
"""

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from completer.engine.attention import Segment
from completer.engine.mixture import mix
from completer.engine.readout import Question, Readout, certainty
from completer.engine.sampling import choose_token, uniform
from completer.engine.sequence import Running
from completer.engine.staging import to_device
from completer.engine.stopping import TokenSignals


@dataclass(frozen=True, slots=True)
class _Choice:
    """A token, the logits [V] that it was chosen from, and what the repository gave it."""

    row: int
    token: int
    law: Tensor
    repository: float = 0.0


class Chooser:
    """Chooses after rows of `logits` [1 + n, V], which are walked down from the root."""

    def __init__(self, sequence: Running, logits: Tensor, readout: Readout) -> None:
        self._sequence = sequence
        self._logits = logits
        self._readout = readout
        self._made: list[_Choice] = []

    def __call__(self, row: int, depth: int) -> int:
        """Choose the token after `row`; what was chosen before lies on the way to it."""
        tokens = self._readout.tokens
        choice = (
            self._choose(row) if tokens is None else _Choice(row, tokens[row], self._logits[row])
        )
        self._made.append(choice)
        return choice.token

    def signals(self) -> tuple[TokenSignals, ...]:
        """Tell of every chosen token how sure the distribution was."""
        last = len(self._made) - 1
        return tuple(
            TokenSignals(p, margin, entropy, own, each.repository, drafted=number < last)
            for number, ((p, margin, entropy, own), each) in enumerate(
                zip(self._certainty(), self._made, strict=True)
            )
        )

    def _certainty(self) -> list[list[float]]:
        """Probability, margin, entropy and the model's own probability of each chosen token."""
        rows = [each.row for each in self._made]
        if self._readout.certainty is not None:
            return [[*each, each[0]] for each in self._readout.certainty[rows].tolist()]
        tokens = to_device(np.array([each.token for each in self._made]), self._logits.device)
        laws = certainty(torch.stack([each.law for each in self._made]), tokens)
        models = self._logits[rows].float().softmax(-1).gather(1, tokens[:, None])
        columns: list[list[float]] = torch.cat([laws, models], dim=1).tolist()
        return columns

    def _choose(self, row: int) -> _Choice:
        law, repository = self._logits[row], {}
        request = self._sequence.request
        path = [each.token for each in self._made]
        if request.mixture is not None and request.drafts is not None:
            ids, probabilities = request.drafts.predict(path)
            confidence = float(probabilities.sum())
            weight = request.mixture.weight(request.drafts.match_length, confidence)
            law = mix(law, ids, probabilities, weight)
            repository = dict(zip(ids.tolist(), probabilities.tolist(), strict=True))
        position = len(self._sequence.ids) - self._sequence.prompt_length + len(path)
        token = choose_token(law, request.sampling, position=position, choice=request.choice)
        return _Choice(row, token, law, repository.get(token, 0.0))


def question(sequence: Running, segment: Segment, rows: slice, device: torch.device) -> Question:
    """What a step has to read of `rows`, which belong to a segment's last token and its nodes."""
    request = sequence.request
    drafted, policy = request.drafts is not None, request.policy
    greedy, on_cpu = request.sampling.temperature == 0.0, device.type == "cpu"
    if _mixes(sequence) or (on_cpu and not greedy):
        return Question(rows, candidates=drafted)
    noise = [] if greedy else _noise(sequence, segment)[: rows.stop - rows.start]
    certain = policy is not None and policy.wants_signals and not on_cpu
    return Question(rows, request.sampling, noise, candidates=drafted, certainty=certain)


def _noise(sequence: Running, segment: Segment) -> list[float]:
    """The uniform numbers that belong to what follows a segment's last token and each node."""
    request = sequence.request
    first = len(sequence.ids) - sequence.prompt_length
    positions = segment.positions()[segment.chain - 1 :]
    depths: list[int] = (positions - positions[0]).tolist()
    return [uniform(request.sampling.seed, request.choice, first + depth) for depth in depths]


def _mixes(sequence: Running) -> bool:
    """Whether the repository's distribution is blended in, which depends on the path taken."""
    return sequence.request.mixture is not None and sequence.request.drafts is not None
