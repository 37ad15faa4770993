"""Drafter: proposes what the model is about to say, from what the workspace's texts say already.

A completion is drafted in a session (`session`): `start`, then `propose` and `observe` in turn for
each verification step, then `stop`. Contexts are matched in the document's order: the text before
the caret, then what has been generated. The document being completed is known text too, as two
texts that meet nowhere, before and after the caret; its saved version does not count meanwhile.

One drafter serves one workspace and one tokenizer. It is safe to use from several threads: an
engine that proposes while an editor's changes and a watcher's files are written.
"""

from collections.abc import Sequence
from itertools import count
from threading import RLock

import numpy as np
from numpy.typing import NDArray

from completer.drafting.calibration import initial_factors
from completer.drafting.corpus import Corpus, Stamp
from completer.drafting.healing import Healer
from completer.drafting.live_text import LiveText
from completer.drafting.memory import release_memory
from completer.drafting.open_documents import OpenDocuments
from completer.drafting.places import Texts
from completer.drafting.recycling import new_table
from completer.drafting.session import DraftSession
from completer.drafting.suffix_array import SuffixArray, join_streams
from completer.drafting.worth import new_foresight

Int32s = NDArray[np.int32]
Tokens = Sequence[int] | Int32s

_RATE_MEMORY = 0.995

__all__ = ["DraftSession", "Drafter", "Healer", "Stamp"]


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
        self.foresight = new_foresight()
        self._documents = OpenDocuments(self.live)
        self._dependencies = SuffixArray.empty(vocabulary_size)
        self._drafting: set[str] = set()
        self._pending: dict[str, Int32s] = {}  # changes of documents that are being drafted in
        self._texts = self._current_texts()
        self._tokens = self._milliseconds = 0.0
        self._names = count()

    @property
    def nbytes(self) -> int:
        """Bytes held."""
        tables = self.recycled.nbytes + self.factors.nbytes + self.foresight.nbytes
        return self.live.nbytes + self.corpus.nbytes + self._dependencies.nbytes + tables

    def open_document(self, document: str, tokens: Tokens) -> None:
        """Take in a document as it reads now, saved or not; call again after each change."""
        with self.lock:
            if document in self._drafting:
                self._pending[document] = _ids(tokens)
                return
            self.corpus.hide(document)
            self._documents.read(document, _ids(tokens))
            self._forget_evicted()

    def close_document(self, document: str) -> None:
        """Forget a document's live text; its saved version counts again."""
        with self.lock:
            self._pending.pop(document, None)
            self._documents.forget(document)
            self.corpus.show(document)

    def documents(self) -> list[str]:
        """Return the names of the documents whose live text counts."""
        return self._documents.names()

    def add_completion(self, tokens: Tokens) -> None:
        """Take in the text of an accepted completion."""
        with self.lock:
            self.live.write(("completion", next(self._names)), _ids(tokens))
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
            self._documents = OpenDocuments(self.live)
            self.corpus = Corpus(self.vocabulary_size, self.lock)
            self._dependencies = SuffixArray.empty(self.vocabulary_size)
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

        document: the name under which the document is opened and its file saved, if it has one.
        heal: lets the caret stand inside a token; None if it stands between two.
        """
        before, rest = _ids(context), _ids(after)
        with self.lock:
            if document is None or document in self._drafting:
                document = f"\0{next(self._names)}"
            self._drafting.add(document)
            self.corpus.hide(document)
            self._documents.split(document, before, rest)
            self.live.pin((document, "before"))
            self.live.pin((document, "after"))
            self.live.follow((document, "before"))
            self._forget_evicted()
            session = DraftSession(self, before, rest, document, heal)
            self.drop_last(document, len(session.taken_off))
        return session

    def drop_last(self, document: str, count: int) -> None:
        """Cut the last tokens off the live text before a document's caret."""
        before = (document, "before")
        self.live.truncate(before, max(0, self.live.length(before) - count))

    def end(self, document: str, generated: int, taken_off: Int32s) -> None:
        """Take back what a session generated, give back what it took; for `DraftSession.stop`."""
        with self.lock:
            if document not in self._drafting:
                return
            self._drafting.discard(document)
            before = (document, "before")
            self.live.unpin(before)
            self.live.unpin((document, "after"))
            self.drop_last(document, generated)
            self.live.append(before, taken_off)
            if document.startswith("\0"):
                self._documents.forget(document)
            if document in self._pending:
                self.open_document(document, self._pending.pop(document))

    def texts(self) -> Texts:
        """Return what the kernels draft from, as it stands; hold the lock while it is used.

        The same object as before unless an array was replaced by another.
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

    def suffix_stream(self, document: str) -> int:
        """Return the number of the live stream after a document's caret."""
        return self.live.number((document, "after"))

    @property
    def rate(self) -> float:
        """Tokens per millisecond that steps have yielded of late; 0 before the first."""
        return self._tokens / self._milliseconds if self._milliseconds else 0.0

    def count_step(self, tokens: int, milliseconds: float) -> None:
        """Count what a step yielded and cost."""
        self._tokens = _RATE_MEMORY * self._tokens + tokens
        self._milliseconds = _RATE_MEMORY * self._milliseconds + milliseconds

    def _current_texts(self) -> Texts:
        return Texts(
            self.live.nodes,
            self.corpus.saved.nodes,
            self.corpus.array.parts,
            self._dependencies.parts,
            self.recycled,
            self.factors,
            self.foresight,
        )

    def _forget_evicted(self) -> None:
        """Let the saved version of a document count again whose live text had to go."""
        for name in self.live.evicted:
            document = name[0] if isinstance(name, tuple) else ""
            if document in self._documents:
                self.close_document(document)
        self.live.evicted.clear()


def _ids(tokens: Tokens) -> Int32s:
    return np.ascontiguousarray(tokens, np.int32)
