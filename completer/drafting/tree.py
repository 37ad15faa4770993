"""DraftTree: the tokens proposed for one verification step, as a tree with probabilities.

Predictions: what the texts that drafts come from expect at each of its nodes.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import IntEnum

import numpy as np
from numpy.typing import NDArray


class DraftSource(IntEnum):
    """Where a drafted token comes from; of several, the one with the longest match."""

    REPOSITORY = 0
    LIVE = 1
    DEPENDENCIES = 2
    RECYCLED = 3
    SELF = 4
    SUFFIX = 5
    NAMES = 6
    PREDICTION = 7


@dataclass(slots=True, eq=False)
class DraftTree:
    """Drafted tokens in the order they were chosen in: likeliest first, parents before children.

    Every beginning of a tree is therefore itself the best tree of its size. Nobody changes one; to
    make it frozen takes half a microsecond of each proposal.
    """

    token_ids: NDArray[np.int32]
    """[n] the drafted tokens."""
    parents: NDArray[np.int32]
    """[n] index of the parent node; -1 for a child of the last accepted token."""
    probs: NDArray[np.float32]
    """[n] P(the node is accepted): the calibrated probability of the whole path down to it."""
    sources: NDArray[np.int8]
    """[n] `DraftSource` of each node."""

    @classmethod
    def empty(cls) -> "DraftTree":
        """Return the tree that proposes nothing."""
        return _EMPTY

    @classmethod
    def path(
        cls, token_ids: NDArray[np.int32], probs: NDArray[np.float32], source: DraftSource
    ) -> "DraftTree":
        """Return a tree without branches over `token_ids`."""
        n = len(token_ids)
        parents = np.arange(-1, n - 1, dtype=np.int32)
        return cls(token_ids, parents, probs, np.full(n, source, np.int8))

    def __len__(self) -> int:
        return len(self.token_ids)

    def then(self, other: "DraftTree") -> "DraftTree":
        """Return this path with `other` growing from its end; for a path that is not empty."""
        n, last = len(self), self.probs[-1]
        return DraftTree(
            np.concatenate((self.token_ids, other.token_ids)),
            np.concatenate((self.parents, other.parents + np.int32(n))),
            np.concatenate((self.probs, other.probs * last)),
            np.concatenate((self.sources, other.sources)),
        )

    def path_to(self, node: int) -> list[int]:
        """Return the tokens from the root down to a node; none for the root, -1."""
        path: list[int] = []
        while node >= 0:
            path.append(int(self.token_ids[node]))
            node = int(self.parents[node])
        return path[::-1]

    def descend(self, accepted: list[int]) -> list[int]:
        """Return the nodes that `accepted` walks through from the root; shorter where it leaves."""
        children = {
            (parent, token): node
            for node, (parent, token) in enumerate(
                zip(self.parents.tolist(), self.token_ids.tolist(), strict=True)
            )
        }
        nodes: list[int] = []
        for token in accepted:
            node = children.get((nodes[-1] if nodes else -1, token))
            if node is None:
                break
            nodes.append(node)
        return nodes


@dataclass(frozen=True, slots=True)
class Predictions:
    """The tokens that may follow: row 0 is for what follows the context, row 1 + i for node i."""

    token_ids: NDArray[np.int32]
    """[m] of all rows, one behind the other; distinct within a row."""
    probs: NDArray[np.float64]
    """[m] their probabilities; a row's sum to at most one."""
    bounds: NDArray[np.int64]
    """[rows + 1] where each row begins and the last one ends."""

    @classmethod
    def of_rows(
        cls, rows: Sequence[tuple[NDArray[np.int32], NDArray[np.float64]]]
    ) -> "Predictions":
        """Join rows of ids and probabilities; at least one."""
        ids, probs = zip(*rows, strict=True)
        return cls(np.concatenate(ids), np.concatenate(probs), np.cumsum([0, *map(len, ids)]))

    def __len__(self) -> int:
        return len(self.bounds) - 1

    def row(self, number: int) -> tuple[NDArray[np.int32], NDArray[np.float64]]:
        """Return the ids and the probabilities of a row."""
        span = slice(self.bounds[number], self.bounds[number + 1])
        return self.token_ids[span], self.probs[span]

    def prob(self, number: int, token: int) -> float:
        """Return the probability of a token in a row."""
        ids, probs = self.row(number)
        return float(probs[ids == token].sum())


_EMPTY = DraftTree(
    np.empty(0, np.int32), np.empty(0, np.int32), np.empty(0, np.float32), np.empty(0, np.int8)
)
