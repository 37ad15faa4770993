"""Drafts from a text that is expected to be the answer, or nearly, as a client predicts it.

A pointer goes along it. Where the answer leaves it, drafts come from elsewhere, until the last
tokens of the answer are found again a little further on, as in a diff.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from completer.drafting.tree import DraftSource, DraftTree, Predictions

if TYPE_CHECKING:
    from completer.drafting.session import DraftSession

_AGAIN = 3
"""So many equal tokens set the pointer right."""
_WINDOW = 256
_HITS, _MISSES = 9.0, 1.0
"""What is known of a prediction before its first token."""
_NONE = (np.empty(0, np.int32), np.empty(0))


class PredictedDrafts:
    """Drafts from `predicted`, [n] token ids, or else from `others`. Implements `Drafting`."""

    def __init__(self, predicted: Sequence[int], others: DraftSession | None) -> None:
        self._predicted = np.asarray(predicted, np.int32)
        self._others = others
        self._came: list[int] = []
        self._at, self._agrees = 0, len(predicted) > 0
        self._hits, self._misses = _HITS, _MISSES

    def propose(self, max_tokens: int, step_cost: NDArray[np.float64]) -> DraftTree:
        """Return as much of the prediction as pays, if the answer follows it."""
        rest = self._predicted[self._at : self._at + max_tokens]
        if not self._agrees or not len(rest):
            return self._propose_others(max_tokens, step_cost)
        each = self._hits / (self._hits + self._misses)
        probs = (each ** np.arange(1, len(rest) + 1)).astype(np.float32)
        rates = (1 + np.concatenate(([0], np.cumsum(probs)))) / step_cost[: len(rest) + 1]
        best = int(np.argmax(rates))
        return DraftTree.path(rest[:best], probs[:best], DraftSource.PREDICTION)

    def observe(
        self,
        tree: DraftTree,
        accepted: Sequence[int],
        top_candidates: NDArray[np.int32] | None = None,
    ) -> None:
        """Move along the prediction by what a step emitted."""
        for token in accepted:
            self._move(int(token))
        if self._others is not None:
            self._others.observe(tree, accepted, top_candidates)

    def predict(self, tree: DraftTree) -> Predictions:
        """Return what the repository expects: a prediction changes no distribution."""
        if self._others is not None:
            return self._others.predict(tree)
        return Predictions.of_rows([_NONE] * (1 + len(tree)))

    def stop(self) -> None:
        """End the other drafts."""
        if self._others is not None:
            self._others.stop()

    def _propose_others(self, max_tokens: int, step_cost: NDArray[np.float64]) -> DraftTree:
        if self._others is None:
            return DraftTree.empty()
        return self._others.propose(max_tokens, step_cost)

    def _move(self, token: int) -> None:
        self._came = [*self._came[1 - _AGAIN :], token]
        expected = self._at < len(self._predicted) and int(self._predicted[self._at]) == token
        if self._agrees and expected:
            self._at, self._hits = self._at + 1, self._hits + 1
            return
        self._misses += self._agrees
        self._agrees = False
        for start in range(max(0, self._at - _AGAIN), self._at + _WINDOW):
            end = start + len(self._came)
            if len(self._came) == _AGAIN and self._predicted[start:end].tolist() == self._came:
                self._at, self._agrees = end, True
                return
