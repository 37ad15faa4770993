"""What model and repository each make of the truth, token by token: what a mixture is fitted to.

The engine is made to write the truth: drafts that know it, and a distribution that holds nothing
else. On the way it says what the model alone would have given each token.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from completer.drafting.tree import DraftSource, DraftTree, Predictions
from completer.engine.engine import Engine
from completer.engine.sequence import Drafting, GenerationRequest
from completer.engine.stop_policy import Stop, TokenSignals

_TOKENS = 32  # of a truth that are looked at


@dataclass(frozen=True, slots=True)
class Evidence:
    """A true token: the probabilities that model and repository gave it.

    `confidence` is the sum of the repository's probabilities, of all tokens.
    """

    model: float
    repository: float
    confidence: float


def evidence(
    engine: Engine, prompt: Sequence[int], truth: Sequence[int], drafts: Drafting, owner: str
) -> list[Evidence]:
    """Return the evidence for each token of `truth`, at most `_TOKENS`. `drafts` is used up."""
    truth = truth[:_TOKENS]
    forced = _Forced(drafts, truth)
    listener = _Listener()
    engine.generate(
        GenerationRequest(
            prompt=prompt,
            max_tokens=len(truth),
            drafts=forced,
            repository_weight=1.0,
            policy=listener,
            owner=owner,
        )
    )
    return [
        Evidence(signals.model, *said)
        for signals, said in zip(listener.tokens, forced.said, strict=False)
    ]


@dataclass(slots=True)
class _Forced:
    """Drafts and predicts the truth, and asks the real drafts what they would have predicted."""

    drafts: Drafting
    truth: Sequence[int]
    said: list[tuple[float, float]] = field(default_factory=list)
    _emitted: int = 0

    def propose(self, max_tokens: int, step_cost: NDArray[np.float64]) -> DraftTree:
        ahead = np.array(self.truth[self._emitted :][:max_tokens], np.int32)
        return DraftTree.path(ahead, np.ones(len(ahead), np.float32), DraftSource.REPOSITORY)

    def observe(
        self,
        tree: DraftTree,
        accepted: Sequence[int],
        top_candidates: NDArray[np.int32] | None = None,
    ) -> None:
        self._emitted += len(accepted)
        self.drafts.observe(DraftTree.empty(), accepted)

    def predict(self, tree: DraftTree) -> Predictions:
        expected, rows = self.drafts.predict(tree), []
        for row in range(len(expected)):
            token = self.truth[min(self._emitted + row, len(self.truth) - 1)]
            confidence = float(expected.row(row)[1].sum())
            self.said.append((expected.prob(row, token), confidence))
            rows.append((np.array([token], np.int32), np.ones(1)))
        return Predictions.of_rows(rows)

    def stop(self) -> None:
        self.drafts.stop()


@dataclass(slots=True)
class _Listener:
    tokens: list[TokenSignals] = field(default_factory=list)

    @property
    def wants_signals(self) -> bool:
        return True

    def after_token(
        self, ids: Sequence[int], signals: TokenSignals | None, *, ended: bool
    ) -> Stop | None:
        self.tokens += [signals] if signals else []
        return None
