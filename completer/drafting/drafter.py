"""Drafter: proposes what the model is about to say, from what the workspace's texts say already.

A completion is drafted in a session (`session`): `start`, then `propose` and `observe` in turn for
each verification step, then `stop`. Contexts are matched in the document's order: the text before
the caret, then what has been generated. The document being completed is known text too, as two
texts that meet nowhere, before and after the caret, which only its session sees (`own_text`); it
sees neither the saved version nor the open document beside them.

One drafter serves one workspace and one tokenizer. It is safe to use from several threads: an
engine that proposes while an editor's changes and a watcher's files are written.
"""

import time
from collections import deque
from collections.abc import Sequence
from itertools import count
from threading import RLock

import numpy as np
from numpy.typing import NDArray

from completer.drafting.calibration import initial_factors
from completer.drafting.corpus import Corpus, Stamp
from completer.drafting.coverage import new_coverage
from completer.drafting.healing import Healer
from completer.drafting.live_text import LiveText
from completer.drafting.memory import release_memory
from completer.drafting.own_text import OwnText, OwnTexts
from completer.drafting.places import Texts
from completer.drafting.recycling import new_table
from completer.drafting.session import DraftSession, View
from completer.drafting.suffix_array import SuffixArray, join_streams
from completer.drafting.suffix_tree import DRAFT_BIT, new_nodes

Int32s = NDArray[np.int32]
Float64s = NDArray[np.float64]
Tokens = Sequence[int] | Int32s

_RATE_MEMORY = 0.995
_COMPLETIONS = 256
"""So many accepted completions are drafted from, the latest ones."""
_PART, _PAUSE_S = 2_048, 0.0005
"""Tokens that are sorted in at once (10 ms where a text repeats itself), and how long others may
have the lock then: a thread that takes it again at once would keep it."""
_NO_NODES = new_nodes(1)


class Drafter:
    """Everything drafted from in one workspace.

    vocabulary_size: ids are below it. live_bytes: bound of open documents and accepted completions.
    """

    def __init__(self, vocabulary_size: int, *, live_bytes: int = 32 << 20) -> None:
        self.vocabulary_size = vocabulary_size
        self.lock = RLock()
        self.live = LiveText(live_bytes)
        self.corpus = Corpus(vocabulary_size, self.lock)
        self.recycled = new_table()
        self.factors = initial_factors()
        self.coverage = new_coverage()
        self._open: dict[str, Int32s] = {}
        self._own = OwnTexts()
        self._completions: deque[int] = deque()
        self._dependencies = SuffixArray.empty(vocabulary_size)
        self._texts = self._current_texts()
        self._tokens = self._milliseconds = 0.0
        self._names = count()

    @property
    def nbytes(self) -> int:
        """Bytes held."""
        tables = self.recycled.nbytes + self.factors.nbytes + self.coverage.nbytes
        texts = self.live.nbytes + self._own.nbytes + self.corpus.nbytes
        return texts + self._dependencies.nbytes + tables

    def open_document(self, document: str, tokens: Tokens) -> None:
        """Take in a document as it reads now, saved or not; call again after each change.

        A long one that is new is sorted in part by part: whoever drafts waits for none but a part.
        """
        ids = _ids(tokens)
        with self.lock:
            self.corpus.hide(document)
            self._open[document] = ids
            known = ids[-self.live.capacity :]
            rest = known[_PART:] if document not in self.live else known[:0]
            self.live.write(document, known[: len(known) - len(rest)])
            self._forget_evicted()
        for start in range(0, len(rest), _PART):
            time.sleep(_PAUSE_S)
            with self.lock:
                if self._open.get(document) is not ids:
                    return
                self.live.append(document, rest[start : start + _PART])
                self._forget_evicted()

    def close_document(self, document: str) -> None:
        """Forget a document's live text; its saved version counts again."""
        with self.lock:
            self._open.pop(document, None)
            self.live.drop(document)
            self.corpus.show(document)

    def add_completion(self, tokens: Tokens) -> None:
        """Take in the text of an accepted completion: to draft from, nothing is expected for it.

        It stands in its document as well, which others see when it is open or saved.
        """
        with self.lock:
            self._completions.append(next(self._names))
            self.live.write(self._completions[-1], _ids(tokens), bits=DRAFT_BIT)
            if len(self._completions) > _COMPLETIONS:
                self.live.drop(self._completions.popleft())
            self._forget_evicted()

    def update_file(self, name: str, tokens: Tokens, stamp: Stamp | None = None) -> None:
        """Take in a saved file, new or changed; `name` also names the document that shows it."""
        self.corpus.write(name, _ids(tokens), stamp)

    def remove_file(self, name: str) -> None:
        """Forget a saved file."""
        self.corpus.remove(name)

    def merge_if_due(self) -> bool:
        """Sort all saved files anew if enough have changed; drafting goes on meanwhile."""
        due = self.corpus.merge_is_due
        if due:
            self.corpus.merge()
        return due

    def set_dependencies(self, streams: Sequence[Int32s]) -> None:
        """Take in the token streams of installed packages, a source of lower weight."""
        array = SuffixArray.build(join_streams(streams)[0], self.vocabulary_size)
        with self.lock:
            self._dependencies = array

    def close(self) -> None:
        """Forget everything and give the memory back; sessions must have stopped."""
        with self.lock:
            self.live = LiveText(1)
            self._open, self._own = {}, OwnTexts()
            self.corpus = Corpus(self.vocabulary_size, self.lock)
            self._dependencies = SuffixArray.empty(self.vocabulary_size)
            self.recycled = new_table()
            self._texts = self._current_texts()
        release_memory()

    @property
    def array(self) -> SuffixArray:
        """The repository's suffix array; those who have one ready may set it."""
        return self.corpus.array

    @array.setter
    def array(self, array: SuffixArray) -> None:
        self.corpus.adopt(array, [])

    def start(
        self,
        context: Tokens,
        *,
        after: Tokens = (),
        document: str | None = None,
        heal: Healer | None = None,
    ) -> DraftSession:
        """Start to draft a completion between `context` and `after`, in the document's order.

        document: the name under which the document is opened or its file saved, if it has one.
        heal: lets the caret stand inside a token; None if it stands between two.
        """
        before, rest = _ids(context), _ids(after)
        with self.lock:
            own = self._own.take(document, before, rest, self._text_of(document))
            return DraftSession(self, before, rest, own, heal)

    def end(self, own: OwnText) -> None:
        """Take a session's copy of its document back; for `DraftSession.stop`."""
        with self.lock:
            self._own.give_back(own)

    def forget_sessions(self) -> None:
        """Keep nothing of the documents that ended sessions were shown."""
        with self.lock:
            self._own.forget()

    def texts(self) -> Texts:
        """Return what the kernels draft from, as it stands; hold the lock while it is used.

        A session puts its own text in. The same object as before unless an array was replaced.
        """
        texts, corpus = self._texts, self.corpus
        if (
            texts.live is not self.live.nodes
            or texts.saved is not corpus.saved.nodes
            or texts.repository is not corpus.array.parts
            or texts.dependencies is not self._dependencies.parts
        ):
            self._texts = texts = self._current_texts()
        return texts

    def view(self, document: str) -> View:
        """Return where a document stands in the texts now; hold the lock."""
        saved, span = self.corpus.saved.number(document), self.corpus.span_of(document)
        return View(self.live.number(document), saved, span)

    def folder_of(self, document: str) -> tuple[int, int]:
        """Return where a document's folder stands in the sorted repository; hold the lock."""
        return self.corpus.folder_of(document)

    @property
    def rate(self) -> float:
        """Tokens per millisecond that steps have yielded of late; 0 before the first."""
        return self._tokens / self._milliseconds if self._milliseconds else 0.0

    def count_step(self, tokens: int, milliseconds: float) -> None:
        """Count what a step yielded and cost."""
        self._tokens = _RATE_MEMORY * self._tokens + tokens
        self._milliseconds = _RATE_MEMORY * self._milliseconds + milliseconds

    def _text_of(self, document: str | None) -> Int32s | None:
        """Return what is known of a document: as it is open, or else saved."""
        if document is None:
            return None
        return self._open[document] if document in self._open else self.corpus.text(document)

    def _current_texts(self) -> Texts:
        return Texts(
            _NO_NODES,
            self.live.nodes,
            self.corpus.saved.nodes,
            self.corpus.array.parts,
            self._dependencies.parts,
            self.recycled,
            self.factors,
            self.coverage,
        )

    def _forget_evicted(self) -> None:
        """Let the saved version of a document count again whose live text had to go."""
        for name in self.live.evicted:
            if isinstance(name, str):
                self.close_document(name)
        self.live.evicted.clear()


def _ids(tokens: Tokens) -> Int32s:
    return np.ascontiguousarray(tokens, np.int32)
