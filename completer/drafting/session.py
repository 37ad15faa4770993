"""One completion being drafted: start, propose and observe in turn, stop."""

from collections.abc import Sequence
from types import TracebackType
from typing import TYPE_CHECKING, Self

import numpy as np
from numpy.typing import NDArray

from completer.drafting.evidence import MAX_TREE, SCRATCH
from completer.drafting.growing import learn, predict, propose
from completer.drafting.healing import Healer
from completer.drafting.overlap import Overlap
from completer.drafting.recycling import new_table, remember
from completer.drafting.suffix_array import SuffixArray
from completer.drafting.tree import DraftTree, Source

if TYPE_CHECKING:
    from completer.drafting.drafter import Drafter

Int32s = NDArray[np.int32]
Tokens = Sequence[int] | Int32s

_OVERLAP_MEANS_SUFFIX = 4
"""So many tokens of the suffix, generated in its order, mean that the completion ran into it."""
_LEAST_HEALED = 0.2
_NOTHING_RECYCLED = new_table()


class DraftSession:
    """One completion being drafted, from `Drafter.start`. A context manager: leaving it stops it.

    Not for several threads at once.
    """

    def __init__(
        self, drafter: "Drafter", context: Int32s, after: Int32s, document: str, heal: Healer | None
    ) -> None:
        self._drafter, self._document, self._heal = drafter, document, heal
        self._start = self._length = len(context)
        self._history = np.empty(len(context) + 512, np.int32)
        self._history[: len(context)] = context
        self._suffix_length, self._overlap = len(after), Overlap(after[:64].tolist())
        self._scratch = np.zeros(1, SCRATCH)
        self._factors = drafter.factors.copy()
        self._cost = 0.0
        self._array: SuffixArray | None = None
        record = self._scratch
        self._token_ids, self._parents = record["tree_token"][0], record["tree_parent"][0]
        self._probs, self._sources = record["tree_prob"][0], record["tree_source"][0]

    def propose(
        self, max_tokens: int, step_cost: NDArray[np.float64], *, branching: bool = True
    ) -> DraftTree:
        """Return the tree worth verifying next: empty when drafting does not pay.

        step_cost: [> max_tokens] milliseconds of a step that verifies 0, 1, ... drafted tokens.
        branching: False for a tree without branches.

        Raises ValueError if step_cost is too short for max_tokens.
        """
        if max_tokens >= len(step_cost):
            raise ValueError(f"step_cost must give the cost of 0 to {max_tokens} drafted tokens")
        cost = step_cost[: min(max_tokens, MAX_TREE) + 1]
        if self._heal is not None and self._length == self._start:
            healed = self._propose_healed(cost, branching)
            if healed is not None:
                return healed
        return self._grow(self._history, self._length, cost, branching)

    def observe(
        self, tree: DraftTree, accepted: Tokens, top_candidates: Int32s | None = None
    ) -> None:
        """Take in a step's outcome: extend the context by it and learn from it.

        tree: what was verified. accepted: every token that the step emitted, the bonus token too.
        top_candidates: [1 + len(tree), k] the model's likeliest next tokens, at the root and after
        each node.
        """
        tokens = np.ascontiguousarray(accepted, np.int32)
        drafter = self._drafter
        self._reserve(len(tokens))
        with drafter.lock:
            if top_candidates is not None and self._length:
                last = self._history[self._length - 1 : self._length]
                seen = np.concatenate((last, tree.token_ids))
                remember(drafter.recycled, seen, np.ascontiguousarray(top_candidates, np.int32))
            drafter.count_step(len(tokens), self._cost)
            for i in range(len(tokens)):
                self._history[self._length] = tokens[i]
                learn(drafter.texts(), self._history, self._length, self._scratch)
                drafter.live.append((self._document, "before"), tokens[i : i + 1])
                self._length += 1
        self._overlap.extend(tokens.tolist())

    def predict(self, path: Tokens) -> tuple[Int32s, NDArray[np.float64]]:
        """Return the tokens that may follow the context and `path`, and their probabilities.

        They sum to at most one. Depends on the texts and on the factors as they stood when the
        session began, not on what was drafted since: however a text came about, this says the same.
        """
        after, before = np.ascontiguousarray(path, np.int32), (self._document, "before")
        drafter, length = self._drafter, self._length + len(after)
        self._reserve(len(after))
        self._history[self._length : length] = after
        with drafter.lock:
            if self._array is not drafter.corpus.array:
                self._look_around()
            kept = drafter.live.length(before)
            drafter.live.append(before, after)
            texts = drafter.texts()._replace(recycled=_NOTHING_RECYCLED, factors=self._factors)
            count = predict(texts, self._history, length, self._scratch)
            drafter.live.truncate(before, kept)
        tokens = self._scratch["token"][0, :count] - 1
        probs = self._scratch["prob"][0, :count].astype(np.float64)
        return tokens.astype(np.int32), probs / max(1.0, float(probs.sum()))

    def ran_into_suffix(self) -> bool:
        """Whether what was generated last is the beginning of the text after the caret."""
        wanted = min(_OVERLAP_MEANS_SUFFIX, self._suffix_length)
        return 0 < wanted <= self._overlap.length

    def suffix_overlap(self) -> int:
        """Return how many of the last generated tokens begin the text after the caret."""
        return self._overlap.length

    def stop(self) -> None:
        """End the session: what it generated is forgotten, unless it is taken in as accepted."""
        self._drafter.end(self._document, self._length - self._start)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.stop()

    def _grow(
        self, history: Int32s, length: int, cost: NDArray[np.float64], branching: bool
    ) -> DraftTree:
        drafter = self._drafter
        with drafter.lock:
            if self._array is not drafter.corpus.array:
                self._look_around()
            rate = drafter.rate or 1.0 / cost[0]
            size = propose(drafter.texts(), history, length, cost, rate, branching, self._scratch)
        self._cost = float(cost[size])
        if not size:
            return DraftTree.empty()
        return DraftTree(
            self._token_ids[:size].copy(),
            self._parents[:size].copy(),
            self._probs[:size].copy(),
            self._sources[:size].copy(),
            int(self._scratch["match_len"][0]),
        )

    def _propose_healed(self, cost: NDArray[np.float64], branching: bool) -> DraftTree | None:
        """Draft the rest of an unfinished word and what follows it; None if there is none known."""
        heal = self._heal
        assert heal is not None  # noqa: S101
        pieces, word = heal.unfinished(self._history[: self._length])
        if not pieces:
            return None
        length = self._length - pieces
        with self._drafter.lock:
            count = predict(self._drafter.texts(), self._history, length, self._scratch)
        tokens = self._scratch["token"][0, :count] - 1
        probs = np.where(heal.completions(word, tokens), self._scratch["prob"][0, :count], 0.0)
        if not probs.any() or probs.max() < _LEAST_HEALED * probs.sum():
            return None
        token, prob = int(tokens[probs.argmax()]), float(probs.max() / probs.sum())
        rest = heal.rest(word, token)
        room = len(cost) - len(rest)
        if room < 1:
            return None
        whole = np.append(self._history[:length], np.int32(token))
        follows = self._grow(whole, length + 1, cost[len(rest) :], branching)
        self._cost = float(cost[len(rest) + len(follows)])
        source = Source(int(follows.sources[0])) if len(follows) else Source.REPOSITORY
        path = DraftTree.path(rest, np.full(len(rest), prob, np.float32), source)
        return path.then(follows, pieces)

    def _look_around(self) -> None:
        """Note where the document's folder stands in the repository's array."""
        self._array = self._drafter.corpus.array
        near = self._drafter.corpus.folder_of(self._document)
        self._scratch["near_begin"], self._scratch["near_end"] = near
        self._scratch["suffix_stream"] = self._drafter.suffix_stream(self._document)

    def _reserve(self, wanted: int) -> None:
        if self._length + wanted > len(self._history):
            grown = np.empty(2 * (self._length + wanted), np.int32)
            grown[: self._length] = self._history[: self._length]
            self._history = grown
