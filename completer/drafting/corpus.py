"""The repository's token streams, one per file: sorted, changed, sorted again.

Most files stand in a suffix array. A file that changes is struck out of it (its tokens die where
they stand) and its new text goes into a tree of saved files, as does a new file's; both count alike
when drafting. `merge` sorts everything that is alive into a new array and puts that in the place of
the old one, while the old one is drafted from; it is due when the changes have grown to a share of
the whole, so that a corpus that is being read is usable while it grows.
"""

from bisect import bisect_left
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, replace
from itertools import pairwise
from threading import Lock, RLock

import numpy as np
from numpy.typing import NDArray

from completer.drafting.live_text import LiveText
from completer.drafting.suffix_array import SuffixArray, join_streams

Int32s = NDArray[np.int32]

_MERGE_SHARE = 0.5
_MERGE_TOKENS = 1 << 17
_SAVED_BYTES = 1 << 34  # never evicts: a merge empties it
_CHANGE_TOKENS = 1 << 16
"""A file of more tokens waits for the next merge: it is not sorted in one token at a time."""


@dataclass(frozen=True, slots=True)
class Stamp:
    """What a file looked like when it was read: its bytes, time of change, digest of its text."""

    size: int
    mtime_ns: int
    digest: str


@dataclass(slots=True)
class _File:
    stamp: Stamp | None
    length: int
    begin: int = -1
    """Where it stands in the array; -1: not there."""
    tokens: Int32s | None = None
    """Its text while that is not in the array."""
    hidden: bool = False
    """Whether an open document counts in its stead."""


class Corpus:
    """The files of one workspace, by name. Safe to use from several threads.

    lock: held, briefly, while what is drafted from changes.
    changes: counts what happened to files, other than that they were sorted.
    """

    def __init__(
        self, vocabulary_size: int, lock: AbstractContextManager[object] | None = None
    ) -> None:
        self.vocabulary_size = vocabulary_size
        self.lock = lock or RLock()
        self.array = SuffixArray.empty(vocabulary_size)
        self.saved = LiveText(_SAVED_BYTES)
        self.changes = 0
        self._files: dict[str, _File] = {}
        self._waiting = 0  # tokens of files that wait for the next merge, in neither place
        self._changed: set[str] = set()  # since the merge that is under way began
        self._merging = Lock()
        self._sorted_names: list[str] = []
        self._begins = [1]  # of the sorted files in the array's text, and its end

    def __contains__(self, name: str) -> bool:
        return name in self._files

    def __len__(self) -> int:
        return len(self._files)

    @property
    def tokens(self) -> int:
        """Tokens of all files."""
        return sum(file.length for file in self._files.values())

    @property
    def nbytes(self) -> int:
        """Bytes held."""
        return self.array.nbytes + self.saved.nbytes

    def names(self) -> list[str]:
        """Return the names of all files."""
        return list(self._files)

    def stamp(self, name: str) -> Stamp | None:
        """Return what the file `name` looked like when it was read, if that is known."""
        file = self._files.get(name)
        return file.stamp if file else None

    def restamp(self, name: str, stamp: Stamp) -> None:
        """Note that the file `name` looks different but reads the same."""
        with self.lock:
            self._files[name].stamp = stamp
            self.changes += 1

    def write(self, name: str, tokens: Int32s, stamp: Stamp | None = None) -> None:
        """Add a file, or replace its text."""
        with self.lock:
            old = self._files.get(name)
            if old is not None:
                self._strike_out(old)
            file = _File(stamp, len(tokens), tokens=tokens, hidden=bool(old and old.hidden))
            self._files[name] = file
            self._note_change(name)
            if len(tokens) > _CHANGE_TOKENS or self.saved.tokens > _MERGE_TOKENS:
                self.saved.drop(name)
                self._waiting += len(tokens)
            elif not file.hidden:
                self.saved.write(name, tokens, pinned=True)

    def add(self, name: str, tokens: Int32s, stamp: Stamp | None = None) -> None:
        """Add a new file that counts from the next merge on: the way for many at once."""
        with self.lock:
            self._files[name] = _File(stamp, len(tokens), tokens=tokens)
            self._note_change(name)
            self._waiting += len(tokens)

    def remove(self, name: str) -> None:
        """Remove a file, if it is there."""
        with self.lock:
            file = self._files.pop(name, None)
            if file is not None:
                self._strike_out(file)
                self.saved.drop(name)
                self._note_change(name)

    def hide(self, name: str) -> None:
        """Let the file `name` not count, because a document counts in its stead."""
        with self.lock:
            file = self._files.get(name)
            if file is not None and not file.hidden:
                file.hidden = True
                self._kill(file)
                self.saved.drop(name)

    def show(self, name: str) -> None:
        """Let the file `name` count again."""
        with self.lock:
            file = self._files.get(name)
            if file is None or not file.hidden:
                return
            file.hidden = False
            if file.begin >= 0:
                self.array.revive(file.begin, file.begin + file.length)
            elif file.tokens is not None:
                self.saved.write(name, file.tokens, pinned=True)

    def span_of(self, name: str) -> tuple[int, int]:
        """Return the positions in the array's text, [begin, end), of the file `name`."""
        file = self._files.get(name)
        if file is None or file.begin < 0:
            return 0, 0
        return file.begin, file.begin + file.length

    def text(self, name: str) -> Int32s | None:
        """Return the token ids of the file `name`, `None` if there is no such file."""
        file = self._files.get(name)
        return None if file is None else _text_of(file, self.array)

    def folder_of(self, name: str) -> tuple[int, int]:
        """Return the positions in the array's text, [begin, end), of the files beside `name`."""
        folder = name[: name.rfind("/") + 1]
        first = bisect_left(self._sorted_names, folder)
        last = bisect_left(self._sorted_names, folder + "\U0010ffff")
        if not folder or first == last:
            return 0, 0
        return self._begins[first], self._begins[last]

    @property
    def merge_is_due(self) -> bool:
        """Whether changes have grown so much that a merge is worth while."""
        changed = self._waiting + self.saved.tokens
        return changed > max(_MERGE_TOKENS, _MERGE_SHARE * len(self.array))

    @property
    def is_sorted(self) -> bool:
        """Whether all files stand in the array, which is what can be saved."""
        with self.lock:
            return all(file.begin >= 0 for file in self._files.values())

    def merge(self) -> None:
        """Sort all files into one array; drafting goes on with the old one meanwhile."""
        with self._merging:
            with self.lock:
                self._changed = set()
                names = sorted(self._files)
                files = [replace(self._files[name]) for name in names]
                old = self.array
            streams = [_text_of(file, old) for file in files]
            text, bounds = join_streams(streams)
            self._adopt(names, bounds, SuffixArray.build(text, self.vocabulary_size))

    def adopt(
        self, array: SuffixArray, files: Sequence[tuple[str, int, int, Stamp | None]]
    ) -> None:
        """Start from a saved array and its files: name, begin, length and stamp of each."""
        with self.lock:
            self.array = array
            self._files = {
                name: _File(stamp, length, begin) for name, begin, length, stamp in files
            }
            self._sorted_names = [name for name, _, _, _ in files]
            self._begins = [*(begin for _, begin, _, _ in files), len(array)]

    def sorted_files(self) -> Iterator[tuple[str, int, int, Stamp | None]]:
        """Yield name, begin, length and stamp of the files that stand, unchanged, in the array."""
        for name, file in sorted(self._files.items()):
            if file.begin >= 0:
                yield name, file.begin, file.length, file.stamp

    def _adopt(self, names: list[str], bounds: list[int], array: SuffixArray) -> None:
        """Put a new array in the old one's place; what changed since stays in the tree."""
        saved = LiveText(_SAVED_BYTES)
        with self.lock:
            for name, (begin, end) in zip(names, pairwise(bounds), strict=True):
                file = self._files.get(name)
                stays = file is not None and name not in self._changed
                if file is not None and stays:
                    file.begin, file.tokens = begin, None
                if file is None or not stays or file.hidden:
                    array.kill(begin, end - 1)
            for name in self._changed & self._files.keys():
                file = self._files[name]
                if file.tokens is not None and not file.hidden:
                    saved.write(name, file.tokens, pinned=True)
            self.array, self.saved, self._waiting = array, saved, 0
            self._sorted_names, self._begins = names, bounds

    def _note_change(self, name: str) -> None:
        self._changed.add(name)
        self.changes += 1

    def _kill(self, file: _File) -> None:
        if file.begin >= 0:
            self.array.kill(file.begin, file.begin + file.length)

    def _strike_out(self, file: _File) -> None:
        self._kill(file)
        file.begin = -1


def _text_of(file: _File, array: SuffixArray) -> Int32s:
    """Return a file's token ids, wherever they are."""
    if file.tokens is not None:
        return file.tokens
    return np.abs(array.text[file.begin : file.begin + file.length]) - 1
