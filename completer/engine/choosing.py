"""The next token after each row of a step: greedy, sampled, or mixed; and how sure it was.

One `Chooser` accompanies one sequence through one step. It is what verification asks.
"""

from dataclasses import dataclass

import torch
from torch import Tensor

from completer.engine.mixture import mix
from completer.engine.sampling import choose_token
from completer.engine.sequence import Running
from completer.engine.stopping import TokenSignals


@dataclass(frozen=True, slots=True)
class _Choice:
    """A token, the logits [V] that it was chosen from, and what the repository gave it."""

    row: int
    token: int
    law: Tensor
    repository: float


class Chooser:
    """Chooses after rows of `logits` [1 + n, V], which are walked down from the root."""

    def __init__(self, sequence: Running, logits: Tensor) -> None:
        self._sequence = sequence
        self._logits = logits
        self._made: list[_Choice] = []
        request = sequence.request
        self._mixes = bool(request.mixture) and request.drafts is not None
        plain = request.sampling.temperature == 0.0 and not self._mixes
        self._greedy: list[int] | None = logits.argmax(-1).tolist() if plain else None

    def __call__(self, row: int, depth: int) -> int:
        """Choose the token after `row`; what was chosen before lies on the way to it."""
        choice = self._choose(row)
        self._made.append(choice)
        return choice.token

    def signals(self) -> tuple[TokenSignals, ...]:
        """Tell of every chosen token how sure the distribution was."""
        laws = torch.stack([each.law for each in self._made]).float().log_softmax(-1)
        models = self._logits[[each.row for each in self._made]].float().log_softmax(-1)
        tokens = torch.tensor([[each.token] for each in self._made], device=laws.device)
        probabilities = laws.exp()
        best = probabilities.topk(2).values
        columns = (
            probabilities.gather(1, tokens)[:, 0],
            best[:, 0] - best[:, 1],
            -(probabilities * laws.clamp_min(-100.0)).sum(-1),
            models.gather(1, tokens)[:, 0].exp(),
        )
        rows = torch.stack(columns, dim=1).tolist()
        last = len(rows) - 1
        return tuple(
            TokenSignals(p, margin, entropy, own, each.repository, drafted=number < last)
            for number, ((p, margin, entropy, own), each) in enumerate(
                zip(rows, self._made, strict=True)
            )
        )

    def _choose(self, row: int) -> _Choice:
        law, repository = self._logits[row], {}
        if self._greedy is not None:
            return _Choice(row, self._greedy[row], law, 0.0)
        request = self._sequence.request
        path = [each.token for each in self._made]
        if self._mixes and request.drafts is not None:
            ids, probabilities = request.drafts.predict(path)
            law = mix(law, ids, probabilities, request.mixture)
            repository = dict(zip(ids.tolist(), probabilities.tolist(), strict=True))
        position = len(self._sequence.ids) - self._sequence.prompt_length + len(path)
        token = choose_token(law, request.sampling, position=position, choice=request.choice)
        return _Choice(row, token, law, repository.get(token, 0.0))
