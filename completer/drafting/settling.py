"""What a draft is in settled tokens, where the context before it has an open end (`canonical`)."""

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from completer.drafting.canonical import CanonicalContext
from completer.drafting.tree import DraftTree


@dataclass(slots=True)
class SettledDraft:
    """Nodes of a draft (-1: its root) by whether they settle the context's open end."""

    still_open: dict[int, CanonicalContext]
    """Those after which the end is open yet, and the context there."""
    ends: dict[int, int] = field(default_factory=dict)
    """Where the others' paths end in the tree of settled tokens, which grows from the context."""
    _tokens: list[int] = field(default_factory=list)
    _parents: list[int] = field(default_factory=list)

    @classmethod
    def of(cls, tree: DraftTree, context: CanonicalContext) -> "SettledDraft":
        """Settle each node of a draft that follows `context`, whose end is open."""
        draft = cls({-1: context})
        for node in range(len(tree)):
            draft._add(node, int(tree.parents[node]), int(tree.token_ids[node]))
        return draft

    @property
    def tree(self) -> tuple[NDArray[np.int32], NDArray[np.int32]]:
        """The tree of settled tokens: ids and parents, [n]."""
        return np.array(self._tokens, np.int32), np.array(self._parents, np.int32)

    def _add(self, node: int, parent: int, token: int) -> None:
        settled, at = [token], self.ends.get(parent, -1)
        if parent in self.still_open:
            way = self.still_open[parent].branch()
            settled = way.extend(token).tolist()
            if way.open_text:
                self.still_open[node] = way
                return
        for each in settled:
            self._parents.append(at)
            at = len(self._tokens)
            self._tokens.append(each)
        self.ends[node] = at
