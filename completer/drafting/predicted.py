"""Drafts from a text that will probably be the answer, or nearly: as a client predicts it, or the
old text of a region that is rewritten.

A pointer goes along it. Where the answer leaves it, the pointer stands behind the one token that
may have been replaced, until the last tokens of the answer are found again: as many of them as can
be, as near as can be to where it would stand if nothing had come or gone since it was surely right.
Whoever else drafts goes first where that promises more.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from completer.drafting.tree import DraftSource, DraftTree, Predictions

if TYPE_CHECKING:
    from completer.engine.sequence import Drafting

_SURE, _TRUSTED = 3, 8
"""With so many equal tokens the pointer is probably right; with so many, surely."""
_REACH = np.array((0, 16, 64, 256, 256, 256, 256, 256, 256))
"""How far away the last 1, 2, … tokens of the answer are looked for."""
_BACK = 64
"""It may have gone so many tokens too far."""
_WORTH = 64
"""An equal token makes up for so many tokens of distance."""
_HITS, _MISSES = (1.0, 2.0, 6.0, 40.0), (3.0, 1.0, 1.0, 1.0)
"""What is known of the pointer before its first token: by so many equal tokens behind it."""
_FADES = 0.5
"""So much is left of its hits after a miss where it was not sure: who never agrees stops soon."""
_NONE = (np.empty(0, np.int32), np.empty(0))


class PredictedDrafts:
    """Drafts from `predicted`, [n] token ids, or else from `others`. Implements `Drafting`.

    A mark that ends the answer may be the last of `predicted`.
    """

    def __init__(self, predicted: Sequence[int], others: Drafting | None) -> None:
        self._predicted = np.asarray(predicted, np.int32)
        self._others = others
        self._came: list[int] = []
        self._at, self._left, self._since, self._equal = 0, 0, 0, _SURE
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
        self._came = [*self._came[1 - _TRUSTED :], token]
        equal = min(self._equal, _SURE)
        self._since += 1
        if self._at < len(self._predicted) and int(self._predicted[self._at]) == token:
            self._hits[equal] += 1
            self._at, self._equal = self._at + 1, self._equal + 1
            if self._equal >= _TRUSTED:
                self._left, self._since = self._at, 0
            return
        self._misses[equal] += 1
        if equal < _SURE:
            self._hits[equal] *= _FADES
        self._at, self._equal = self._found_again()

    def _found_again(self) -> tuple[int, int]:
        """Where the answer probably goes on, and how many tokens say so."""
        begin, probably = max(0, self._left - _BACK), self._left + self._since
        ahead = self._predicted[begin : self._left + _REACH[-1]]
        lengths, equal = np.zeros(len(ahead), np.int64), np.ones(len(ahead), bool)
        for back, token in zip(range(len(ahead)), reversed(self._came), strict=False):
            equal[:back] = False
            equal[back:] &= ahead[: len(ahead) - back] == token
            lengths[equal] = back + 1
        ends = begin + 1 + np.arange(len(ahead))
        away = np.abs(ends - probably)
        lengths[away > _REACH[lengths]] = 0
        if not lengths.any():
            return self._at + (self._equal > 0), 0
        best = int(np.argmax(lengths * _WORTH - away))
        return int(ends[best]), int(lengths[best])
