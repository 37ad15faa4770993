"""Drafts from a text that will probably be the answer, or nearly: as a client predicts it, or the
old text of a region that is rewritten.

A pointer goes along it. Where the answer leaves it, the pointer is set on behind the one token that
may have been replaced, until the last tokens of the answer are found again a little further on, as
in a diff. Whoever else drafts goes first where that promises more.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray

from completer.drafting.tree import DraftSource, DraftTree, Predictions

if TYPE_CHECKING:
    from completer.drafting.session import DraftSession

_SURE = 3
"""So many equal tokens, and the pointer is right."""
_REACH = (0, 16, 64, 256)
"""So many tokens ahead the last 1, 2 or 3 tokens of the answer are looked for."""
_HITS, _MISSES = (1.0, 2.0, 6.0, 40.0), (3.0, 1.0, 1.0, 1.0)
"""What is known of the pointer before its first token: by so many equal tokens behind it."""
_FADES = 0.5
"""So much is left of its hits after a miss where it was not sure: who never agrees stops soon."""
_NONE = (np.empty(0, np.int32), np.empty(0))


class PredictedDrafts:
    """Drafts from `predicted`, [n] token ids, or else from `others`. Implements `Drafting`.

    A mark that ends the answer may be the last of `predicted`.
    """

    def __init__(self, predicted: Sequence[int], others: DraftSession | None) -> None:
        self._predicted = np.asarray(predicted, np.int32)
        self._others = others
        self._came: list[int] = []
        self._at, self._left, self._equal = 0, 0, _SURE
        self._hits, self._misses = np.array(_HITS), np.array(_MISSES)

    def propose(self, max_tokens: int, step_cost: NDArray[np.float64]) -> DraftTree:
        """Return as much of the prediction as pays, or what others promise more of."""
        ours = self._propose(max_tokens, step_cost)
        if self._others is None or (len(ours) and self._equal >= _SURE):
            return ours
        theirs = self._others.propose(max_tokens, step_cost)
        return max(ours, theirs, key=lambda tree: (1 + tree.probs.sum()) / step_cost[len(tree)])

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

    def _propose(self, max_tokens: int, step_cost: NDArray[np.float64]) -> DraftTree:
        rest = self._predicted[self._at : self._at + max_tokens]
        equal = np.minimum(self._equal + np.arange(len(rest)), _SURE)
        probs = np.cumprod((self._hits / (self._hits + self._misses))[equal]).astype(np.float32)
        rates = (1 + np.concatenate(([0], np.cumsum(probs)))) / step_cost[: len(rest) + 1]
        best = int(np.argmax(rates))
        return DraftTree.path(rest[:best], probs[:best], DraftSource.PREDICTION)

    def _move(self, token: int) -> None:
        self._came = [*self._came[1 - _SURE :], token]
        equal = min(self._equal, _SURE)
        if self._at < len(self._predicted) and int(self._predicted[self._at]) == token:
            self._hits[equal] += 1
            self._at, self._equal = self._at + 1, self._equal + 1
            return
        self._misses[equal] += 1
        if equal == _SURE:
            self._left = self._at
        else:
            self._hits[equal] *= _FADES
        self._at, self._equal = self._found_again()

    def _found_again(self) -> tuple[int, int]:
        """Where the answer probably goes on, and how many tokens say so."""
        for length in range(len(self._came), 0, -1):
            ahead = self._predicted[self._left : self._left + _REACH[length]]
            if len(ahead) >= length:
                equal = (sliding_window_view(ahead, length) == self._came[-length:]).all(axis=1)
                if equal.any():
                    return self._left + int(equal.argmax()) + length, length
        return self._left + 1, 0
