"""Drafter: proposes what the model is about to say, from everything that the workspace's texts say already.

A completion is drafted in a session: `start`, then `propose` and `observe` in turn for each verification step, then `stop`.
Contexts are matched in the document's order (the text before the caret, then what has been generated). The document being
completed is known text too, as two texts that meet nowhere: what stands before the caret and what stands after it, so
that it cannot match itself across the caret; its saved version does not count meanwhile.

One drafter serves one workspace and one tokenizer. It is safe to use from several threads: an engine that proposes while an
editor's changes and a watcher's files are written.
"""

from collections.abc import Sequence
from itertools import count
from threading import RLock
from types import TracebackType
from typing import Self

import numpy as np
from numpy.typing import NDArray

from completer.drafting.calibration import initial_factors
from completer.drafting.corpus import Corpus, Stamp
from completer.drafting.evidence import MAX_TREE, SCRATCH, Texts
from completer.drafting.growing import learn, propose
from completer.drafting.live_text import LiveText
from completer.drafting.recycling import new_table, remember
from completer.drafting.suffix_array import SuffixArray
from completer.drafting.tree import DraftTree

Int32s = NDArray[np.int32]
Tokens = Sequence[int] | Int32s

_RATE_MEMORY = 0.995
_OVERLAP_MEANS_SUFFIX = 4
"""So many tokens of the suffix, generated in its order, mean that the completion has run into it."""


class Drafter:
    """Everything drafted from in one workspace.

    vocabulary_size: ids are below it. live_bytes: bound of the live tree (open documents, accepted completions).
    """

    def __init__(self, vocabulary_size: int, *, live_bytes: int = 32 << 20) -> None:
        self.vocabulary_size = vocabulary_size
        self.lock = RLock()
        self.live = LiveText(live_bytes)
        self.corpus = Corpus(vocabulary_size, self.lock)
        self.dependencies = SuffixArray.empty(vocabulary_size)
        self.recycled = new_table()
        self.factors = initial_factors()
        self.expected_tokens = self.expected_cost = 0.0
        self._names = count()

    def texts(self) -> Texts:
        """Return what the kernels draft from, as it stands."""
        array, other = self.corpus.array, self.dependencies
        return Texts(
            self.live.nodes, self.corpus.saved.nodes, array.columns, array.shared, array.starts,
            other.columns, other.shared, other.starts, self.recycled, self.factors,
        )  # fmt: skip

    def open_document(self, document: str, tokens: Tokens) -> None:
        """Take in a document as it reads now, saved or not; call again after each change."""
        with self.lock:
            self.corpus.hide(document)
            self.live.write((document, "before"), _ids(tokens))
            self.live.drop((document, "after"))

    def close_document(self, document: str) -> None:
        """Forget a document's live text."""
        with self.lock:
            self.live.drop((document, "before"))
            self.live.drop((document, "after"))
            self.corpus.show(document)

    def add_completion(self, tokens: Tokens) -> None:
        """Take in the text of an accepted completion."""
        with self.lock:
            self.live.write(("completion", next(self._names)), _ids(tokens))

    def start(
        self, context: Tokens, *, after: Tokens = (), document: str | None = None
    ) -> "DraftSession":
        """Start to draft a completion between `context` and `after`, in the document's order.

        document: the name under which the document is opened and its file saved, if it has one.
        """
        return DraftSession(self, _ids(context), _ids(after), document or f"\0{next(self._names)}")

    @property
    def array(self) -> SuffixArray:
        """The repository's suffix array, for those who have one ready."""
        return self.corpus.array

    @array.setter
    def array(self, array: SuffixArray) -> None:
        self.corpus.adopt(array, [])

    def update_file(self, name: str, tokens: Tokens, stamp: Stamp | None = None) -> None:
        """Take in a saved file, new or changed. `name` is also the name of the document that shows it."""
        self.corpus.write(name, _ids(tokens), stamp)

    def remove_file(self, name: str) -> None:
        """Forget a saved file."""
        self.corpus.remove(name)

    @property
    def rate(self) -> float:
        """Tokens per millisecond that steps have yielded of late; 0 before the first."""
        return self.expected_tokens / self.expected_cost if self.expected_cost else 0.0

    def count_step(self, tokens: int, milliseconds: float) -> None:
        """Count what a step yielded and cost."""
        self.expected_tokens = _RATE_MEMORY * self.expected_tokens + tokens
        self.expected_cost = _RATE_MEMORY * self.expected_cost + milliseconds


class DraftSession:
    """One completion being drafted. A context manager: leaving it stops it."""

    def __init__(self, drafter: Drafter, context: Int32s, after: Int32s, document: str) -> None:
        self._drafter = drafter
        self._document = document
        self._before, self._after = (document, "before"), (document, "after")
        self._anonymous = document.startswith("\0")
        self._start = self._length = len(context)
        self._history = np.empty(len(context) + 512, np.int32)
        self._history[: len(context)] = context
        self._suffix = after
        self._overlap = _Overlap(after)
        self._scratch = np.zeros(1, SCRATCH)
        record = self._scratch
        self._tokens, self._parents = record["tree_token"][0], record["tree_parent"][0]
        self._probs, self._sources = record["tree_prob"][0], record["tree_source"][0]
        self._match_len = record["match_len"]
        self._cost = 0.0
        with drafter.lock:
            if not self._anonymous:
                drafter.corpus.hide(document)
            drafter.live.write(self._before, context, pinned=True)
            drafter.live.follow(self._before)
            stream = drafter.live.write(self._after, after, pinned=True)
            self._scratch["suffix_stream"] = stream.number
            self._look_around()

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
        drafter = self._drafter
        with drafter.lock:
            if self._array is not drafter.corpus.array:
                self._look_around()
            size = propose(
                drafter.texts(), self._history, self._length, cost,
                drafter.rate or 1.0 / cost[0], branching, self._scratch,
            )  # fmt: skip
        self._cost = float(cost[size])
        if not size:
            return DraftTree.empty()
        return DraftTree(
            self._tokens[:size].copy(),
            self._parents[:size].copy(),
            self._probs[:size].copy(),
            self._sources[:size].copy(),
            int(self._match_len[0]),
        )

    def observe(
        self, tree: DraftTree, accepted: Tokens, top_candidates: Int32s | None = None
    ) -> None:
        """Take in a step's outcome: extend the context by it and learn from it.

        tree: what was verified. accepted: every token that the step emitted, the bonus token among them.
        top_candidates: [1 + len(tree), k] the model's likeliest next tokens at the root and after each node.
        """
        tokens = _ids(accepted)
        self._reserve(len(tokens))
        drafter = self._drafter
        if top_candidates is not None and self._length:
            last = self._history[self._length - 1 : self._length]
            seen = np.concatenate((last, tree.token_ids))
            remember(drafter.recycled, seen, np.ascontiguousarray(top_candidates, np.int32))
        with drafter.lock:
            drafter.count_step(len(tokens), self._cost)
            for i in range(len(tokens)):
                self._history[self._length] = tokens[i]
                learn(drafter.texts(), self._history, self._length, self._scratch)
                drafter.live.append(self._before, tokens[i : i + 1])
                self._length += 1
        self._overlap.extend(tokens)

    def ran_into_suffix(self) -> bool:
        """Whether what was generated last is the beginning of the text after the caret."""
        wanted = min(_OVERLAP_MEANS_SUFFIX, len(self._suffix))
        return 0 < wanted <= self._overlap.length

    def suffix_overlap(self) -> int:
        """Return how many of the last generated tokens are the beginning of the text after the caret."""
        return self._overlap.length

    def stop(self) -> None:
        """End the session: what it generated is forgotten, unless it is accepted (`add_completion`)."""
        live = self._drafter.live
        with self._drafter.lock:
            if self._anonymous:
                live.drop(self._before)
                live.drop(self._after)
                return
            live.unpin(self._before)
            live.truncate(self._before, self._start)
            live.unpin(self._after)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.stop()

    def _look_around(self) -> None:
        """Note where the document's folder stands in the repository's array."""
        self._array = self._drafter.corpus.array
        near = (0, 0) if self._anonymous else self._drafter.corpus.folder_of(self._document)
        self._scratch["near_begin"], self._scratch["near_end"] = near

    def _reserve(self, wanted: int) -> None:
        if self._length + wanted > len(self._history):
            grown = np.empty(2 * (self._length + wanted), np.int32)
            grown[: self._length] = self._history[: self._length]
            self._history = grown


class _Overlap:
    """The longest end of a growing text that is a beginning of `pattern` (Knuth, Morris and Pratt 1977)."""

    def __init__(self, pattern: Int32s, limit: int = 64) -> None:
        self._pattern = pattern[:limit].tolist()
        self._failure = [0] * (len(self._pattern) + 1)
        self.length = 0
        for i in range(1, len(self._pattern)):
            self._failure[i + 1] = self._next(self._failure[i], self._pattern[i])

    def extend(self, tokens: Int32s) -> None:
        for token in tokens.tolist():
            self.length = self._next(self.length, token)

    def _next(self, length: int, token: int) -> int:
        if length == len(self._pattern):
            length = self._failure[length]
        while length and self._pattern[length] != token:
            length = self._failure[length]
        return length + 1 if self._pattern and self._pattern[length] == token else 0


def _ids(tokens: Tokens) -> Int32s:
    return np.ascontiguousarray(tokens, np.int32)
