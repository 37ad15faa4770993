"""What model and repository each make of the truth, token by token: what a mixture is fitted to.

The engine is made to write the truth: a distribution that holds nothing else, and drafts that know
it. On the way it says what the model alone would have given each token.
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
    forced = _Overheard(truth, drafts)
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


class Dictated:
    """Lets an engine that blends nothing but predictions draw `truth`; `drafts` draft meanwhile."""

    def __init__(self, truth: Sequence[int], drafts: Drafting | None) -> None:
        self._truth, self._drafts, self._emitted = truth, drafts, 0

    def propose(self, max_tokens: int, step_cost: NDArray[np.float64]) -> DraftTree:
        """See `Drafting`."""
        if self._drafts is None:
            return DraftTree.empty()
        return self._drafts.propose(max_tokens, step_cost)

    def observe(
        self,
        tree: DraftTree,
        accepted: Sequence[int],
        top_candidates: NDArray[np.int32] | None = None,
    ) -> None:
        """See `Drafting`."""
        self._emitted += len(accepted)
        if self._drafts is not None:
            self._drafts.observe(tree, accepted, top_candidates)

    def predict(self, tree: DraftTree) -> Predictions:
        """Return the next token of the truth, at each node as if the path to it were true."""
        depths = [len(tree.path_to(node)) for node in range(-1, len(tree))]
        places = [min(self._emitted + depth, len(self._truth) - 1) for depth in depths]
        tokens = [np.array([self._truth[place]], np.int32) for place in places]
        return Predictions.of_rows([(token, np.ones(1)) for token in tokens])

    def stop(self) -> None:
        """See `Drafting`."""
        if self._drafts is not None:
            self._drafts.stop()


class _Overheard(Dictated):
    """Drafts the truth, and asks the real drafts what they would have predicted."""

    def __init__(self, truth: Sequence[int], drafts: Drafting) -> None:
        super().__init__(truth, drafts)
        self.said: list[tuple[float, float]] = []
        self._asked = drafts

    def propose(self, max_tokens: int, step_cost: NDArray[np.float64]) -> DraftTree:
        ahead = np.array(self._truth[self._emitted :][:max_tokens], np.int32)
        return DraftTree.path(ahead, np.ones(len(ahead), np.float32), DraftSource.REPOSITORY)

    def observe(
        self,
        tree: DraftTree,
        accepted: Sequence[int],
        top_candidates: NDArray[np.int32] | None = None,
    ) -> None:
        super().observe(DraftTree.empty(), accepted)

    def predict(self, tree: DraftTree) -> Predictions:
        expected, true = self._asked.predict(tree), super().predict(tree)
        for row in range(len(expected)):
            confidence = float(expected.row(row)[1].sum())
            self.said.append((expected.prob(row, int(true.row(row)[0][0])), confidence))
        return true


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
