"""One completion being drafted: start, propose and observe in turn, stop."""

from collections.abc import Sequence
from contextlib import AbstractContextManager
from types import TracebackType
from typing import NamedTuple, Protocol, Self

import numpy as np
from numpy.typing import NDArray

from completer.drafting.calibration import initial_factors
from completer.drafting.canonical import CanonicalContext
from completer.drafting.healing import Healer, Predict
from completer.drafting.kernels import kernels
from completer.drafting.matching import Seen
from completer.drafting.own_text import AFTER, BEFORE, OwnText
from completer.drafting.places import Texts
from completer.drafting.recycling import new_table
from completer.drafting.scratch import MAX_OCCURRENCES, MAX_TREE, SCRATCH
from completer.drafting.settling import SettledDraft
from completer.drafting.tree import DraftSource, DraftTree, Predictions

Int32s = NDArray[np.int32]
Float64s = NDArray[np.float64]
Tokens = Sequence[int] | Int32s

_NOTHING_RECYCLED, _UNLEARNED = new_table(), initial_factors()
_NOTHING_EXPECTED = np.empty(0, np.int32), np.empty(0)
_DEEPEST = 2 * MAX_TREE
"""No path through a draft is longer, not even in settled tokens."""


class View(NamedTuple):
    """Where a session's document stands in the texts, that the session may not see it there."""

    open: int
    """The number of its stream if it is open; 0: it is not."""
    saved: int
    """The number of its file's stream if that was saved since the repository was sorted, or 0."""
    span: tuple[int, int]
    """The positions of its file in the sorted repository, [begin, end)."""


class Shared(Protocol):
    """What the sessions of one workspace share: its texts, and what they learn together.

    The drafter has it (`drafter.Drafter`).
    """

    @property
    def lock(self) -> AbstractContextManager[bool]:
        """Held while anything here is read or written, and while a kernel runs."""

    @property
    def recycled(self) -> Int32s:
        """The table of `recycling`."""

    @property
    def rate(self) -> float:
        """Tokens per millisecond that steps have yielded of late; 0 before the first."""

    def texts(self) -> Texts:
        """Return the texts as they stand; the same object as before unless an array is another."""

    def view(self, document: str) -> View:
        """Return where a document stands in the texts."""

    def folder_of(self, document: str) -> tuple[int, int]:
        """Return the positions of a document's folder in the sorted repository, [begin, end)."""

    def count_step(self, tokens: int, milliseconds: float) -> None:
        """Count what a step yielded and cost."""

    def end(self, own: OwnText) -> None:
        """Take a session's copy of its document back."""


class DraftSession:
    """One completion being drafted, from `Drafter.start`. A context manager: leaving it stops it.

    Not for several threads at once.
    """

    def __init__(
        self,
        shared: Shared,
        context: Int32s,
        after: Int32s,
        own: OwnText,
        heal: Healer | None,
    ) -> None:
        self._shared, self._own, self._heal = shared, own, heal
        self._canonical = CanonicalContext(context, heal)
        own.drop_last(len(self._canonical.taken_off))
        self._start = self._canonical.length
        self._last = context[-1:]
        self._scratch = np.zeros(1, SCRATCH)
        self._cost = 0.0
        self._seen: Texts | None = None
        self._texts: Texts | None = None
        self._view: View | None = None
        self._stopped = False
        self._kernels = kernels()
        tree = self._scratch["tree"]
        self._token_ids, self._parents = tree["token"][0], tree["parent"][0]
        self._probs, self._sources = tree["prob"][0], tree["source"][0]

    def propose(self, max_tokens: int, step_cost: Float64s) -> DraftTree:
        """Return the tree to verify next: empty when drafting does not pay.

        step_cost: [> max_tokens] milliseconds of a step that verifies 0, 1, ... drafted tokens.

        Raises ValueError if step_cost is too short for max_tokens.
        """
        if max_tokens >= len(step_cost):
            raise ValueError(f"step_cost must give the cost of 0 to {max_tokens} drafted tokens")
        cost = np.ascontiguousarray(step_cost[: min(max_tokens, MAX_TREE) + 1], np.float64)
        with self._shared.lock:
            texts = self._look_around()
            rate = self._shared.rate or 1.0 / float(cost[0])
            if self._canonical.open_text:
                tree = self._propose_healed(texts, cost, rate)
            else:
                tree = self._grow(texts, self._canonical.length, cost, rate)
        self._cost = float(cost[len(tree.token_ids)])
        return tree

    def observe(
        self, tree: DraftTree, accepted: Tokens, top_candidates: Int32s | None = None
    ) -> None:
        """Take in a step's outcome: extend the context by it and learn from it.

        tree: what was verified. accepted: every token that the step emitted, the bonus token too.
        top_candidates: [1 + len(tree), k] the model's likeliest next tokens, at the root and after
        each node.
        """
        tokens = np.ascontiguousarray(accepted, np.int32)
        shared = self._shared
        with shared.lock:
            shared.count_step(len(tokens), self._cost)
            texts = self._look_around()
            for token in tokens.tolist():
                texts = self._learn(texts, self._canonical.extend(token))
            if top_candidates is not None and len(self._last):  # not before ranks are learned from
                seen = np.concatenate((self._last, tree.token_ids))
                top = np.ascontiguousarray(top_candidates, np.int32)
                self._kernels.remember(shared.recycled, seen, top)
        self._last = tokens[-1:] if len(tokens) else self._last

    def predict(self, tree: DraftTree) -> Predictions:
        """Return the tokens that may follow the context and each node of a tree.

        Depends on the repository, the open documents and the session's own text, and on nothing
        else: not on what was learned or accepted, nor on any other session.
        """
        with self._shared.lock:
            if self._canonical.open_text:
                return self._predict_open(tree)
            return self._predict_tree(tree.token_ids, tree.parents)

    def stop(self) -> None:
        """End the session: what it generated is no text, but is drafted from later on in here."""
        if not self._stopped:
            self._stopped = True
            canonical, own = self._canonical, self._own
            own.drop_last(canonical.length - self._start)
            own.text.append(BEFORE, canonical.taken_off)
            own.keep(canonical.tokens[: canonical.length], self._start)
            self._shared.end(own)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.stop()

    def _learn(self, texts: Texts, settled: Int32s) -> Texts:
        """Adapt the factors to tokens that were settled last, and let them be known text.

        Takes and returns the texts as they stand, with what has been appended.
        """
        canonical, own = self._canonical, self._own.text
        for at in range(canonical.length - len(settled), canonical.length):
            self._kernels.learn(texts, canonical.tokens, at, self._scratch)
            own.append(BEFORE, canonical.tokens[at : at + 1])
            if own.nodes is not texts.own:
                texts = self._look_around()
        return texts

    def _grow(self, texts: Texts, length: int, cost: Float64s, rate: float) -> DraftTree:
        """Draft what follows canonical.tokens[:length]; `rate` as in `growing.propose`."""
        history, scratch = self._canonical.tokens, self._scratch
        size = self._kernels.propose(texts, history, length, cost, rate, scratch)
        if not size:
            return DraftTree.empty()
        return DraftTree(
            self._token_ids[:size].copy(),
            self._parents[:size].copy(),
            self._probs[:size].copy(),
            self._sources[:size].copy(),
        )

    def _propose_healed(self, texts: Texts, cost: Float64s, rate: float) -> DraftTree:
        """Draft the rest of the likeliest token that covers the open end, and what follows it."""
        assert self._heal is not None  # noqa: S101
        read = self._reader(texts, self._canonical)
        covers = self._heal.covers(self._canonical.open_text, read)
        best = max(covers, key=lambda cover: cover.prob)
        rest = np.array(self._heal.encode(best.rest)[: len(cost) - 1], np.int32)
        length = self._canonical.write(best.tokens)
        if not len(rest):
            return self._grow(texts, length, cost, rate)
        # a token after the rest is the likelier not to count: that makes it as much dearer
        first, more = cost[len(rest)], cost[len(rest) :] - cost[len(rest)]
        follows = self._grow(texts, length, first + more / best.prob, rate)
        source = DraftSource(int(follows.sources[0])) if len(follows) else DraftSource.REPOSITORY
        path = DraftTree.path(rest, np.full(len(rest), best.prob, np.float32), source)
        tree = path.then(follows)
        pays = float(tree.probs.sum()) > rate * (cost[len(tree)] - cost[0])
        return tree if pays else DraftTree.empty()

    def _predict_open(self, tree: DraftTree) -> Predictions:
        """Predict what follows a context with an open end, and each node of a tree below it."""
        draft = SettledDraft.of(tree, self._canonical)
        settled = self._predict_tree(*draft.tree)
        return Predictions.of_rows(
            [
                settled.row(1 + draft.ends[node])
                if node in draft.ends
                else self._predict(draft.still_open[node])
                for node in range(-1, len(tree))
            ]
        )

    def _predict_tree(self, token_ids: Int32s, parents: Int32s) -> Predictions:
        """Predict what follows the settled context, and the nodes of a tree of settled tokens."""
        rows, canonical = 1 + len(token_ids), self._canonical
        own = self._own.text.reserve(BEFORE, _DEEPEST)
        if own is None:  # after thousands of generated tokens: the model is on its own from here on
            return Predictions.of_rows([_NOTHING_EXPECTED] * rows)
        found = np.empty(rows * MAX_OCCURRENCES, np.int32)
        probs = np.empty(rows * MAX_OCCURRENCES)
        bounds = np.zeros(rows + 1, np.int64)
        history = canonical.reserve(len(token_ids))
        self._kernels.predict_tree(
            self._unlearned(), history, canonical.length, token_ids, parents, own,
            self._scratch, found, probs, bounds,
        )  # fmt: skip
        return Predictions(found[: bounds[-1]], probs[: bounds[-1]], bounds)

    def _unlearned(self) -> Texts:
        """Return the texts, weighed as if nothing had been learned while serving."""
        return self._look_around()._replace(recycled=_NOTHING_RECYCLED, factors=_UNLEARNED)

    def _predict(self, canonical: CanonicalContext) -> tuple[Int32s, Float64s]:
        """Predict what follows a context with an open end: ids and probabilities."""
        assert self._heal is not None  # noqa: S101
        read = self._reader(self._unlearned(), canonical)
        ids, probs = self._heal.next_tokens(self._heal.covers(canonical.open_text, read), read)
        return ids, probs / max(1.0, float(probs.sum()))

    def _reader(self, texts: Texts, canonical: CanonicalContext) -> Predict:
        """Return what says what follows the settled tokens and some more."""

        def read(more: Tokens) -> tuple[Int32s, Float64s]:
            length = canonical.write(more)
            count = self._kernels.predict(texts, canonical.tokens, length, self._scratch)
            candidates = self._scratch["candidates"]
            tokens = candidates["token"][0, :count] - 1
            return tokens.astype(np.int32), candidates["prob"][0, :count].copy()

        return read

    def _look_around(self) -> Texts:
        """Return the texts; where they are others than before, note what stands where in them."""
        seen, view = self._shared.texts(), self._shared.view(self._own.document)
        if self._texts is None or seen is not self._seen:
            self._seen, self._texts, self._view = seen, seen, None
        if self._texts.own is not self._own.text.nodes:  # grown: what stood where stands there yet
            self._texts = self._texts._replace(own=self._own.text.nodes)
        if view != self._view:
            self._view = view
            sight, near = self._scratch["sight"][0], self._shared.folder_of(self._own.document)
            sight["suffix_stream"] = self._own.text.number(AFTER)
            sight["opened"][Seen.HIDDEN], sight["saved"][Seen.HIDDEN] = view.open, view.saved
            sight["hidden_begin"], sight["hidden_end"] = view.span
            sight["near_begin"], sight["near_end"] = near
            self._scratch["candidates"]["root_length"] = -1
        return self._texts
