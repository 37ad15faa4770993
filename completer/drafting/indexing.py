"""Brings a corpus up to date with the files of a workspace, reading only what has changed.

A file whose size and time of change are those noted counts as unchanged; one whose bytes' digest is
the same, too. All others are read, tokenised in batches and written; merges happen on the way, so
that the corpus can be drafted from while it grows.
"""

import hashlib
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import numpy as np

from completer.drafting.corpus import Corpus, Stamp

_BATCH_CHARACTERS = 1 << 19
_BATCH_FILES = 1 << 10


class File(Protocol):
    """A file of a workspace, as `completer.context.workspace` lists them."""

    @property
    def path(self) -> Path:
        """The file's absolute path."""
        ...

    @property
    def size(self) -> int:
        """Bytes."""
        ...

    @property
    def mtime_ns(self) -> int:
        """When it changed."""
        ...


Read = Callable[[Path], str | None]
"""Returns a file's text, or None if it may not be read."""
Encode = Callable[[Sequence[str]], Sequence[Sequence[int]]]
"""Turns a batch of texts into token ids."""
Progress = Callable[[int, int], None]
"""Is called with the numbers of files and tokens read so far."""


@dataclass(slots=True)
class IndexReport:
    """What `refresh` did."""

    files: int = 0
    unchanged: int = 0
    read: int = 0
    removed: int = 0
    tokens: int = 0
    tokenised: int = 0
    tokenise_s: float = 0.0
    sort_s: float = 0.0
    total_s: float = 0.0
    nbytes: int = 0


@dataclass(slots=True)
class _Waiting:
    name: str
    text: str
    stamp: Stamp


def refresh(
    corpus: Corpus,
    files: Iterable[File],
    read: Read,
    encode: Encode,
    progress: Progress = lambda files, tokens: None,
    stopped: Callable[[], bool] = lambda: False,
    *,
    sorts: bool = True,
) -> IndexReport:
    """Make `corpus` hold exactly `files`, under their paths as names; return what was done.

    Once `stopped`, `files` may have ended early: what they did not name stays. Unless it `sorts`,
    few changes leave the array as it is.
    """
    report, began = IndexReport(), time.perf_counter()
    seen: set[str] = set()
    batch: list[_Waiting] = []
    characters = 0
    for file in files:
        name = str(file.path)
        seen.add(name)
        waiting = _changed_text(corpus, file, name, read)
        if waiting is None:
            report.unchanged += 1
            continue
        batch.append(waiting)
        characters += len(waiting.text)
        if characters > _BATCH_CHARACTERS or len(batch) == _BATCH_FILES:
            _write_batch(corpus, batch, encode, report)
            batch.clear()
            characters = 0
            progress(len(seen), report.tokenised)
    _write_batch(corpus, batch, encode, report)
    if not stopped():
        _settle(corpus, seen, report, sorts=sorts)
    report.files, report.tokens, report.nbytes = len(corpus), corpus.tokens, corpus.nbytes
    report.total_s = time.perf_counter() - began
    return report


def _settle(corpus: Corpus, seen: set[str], report: IndexReport, *, sorts: bool) -> None:
    """Remove the files that are gone, and sort those that have been written, here or elsewhere."""
    for name in set(corpus.names()) - seen:
        corpus.remove(name)
        report.removed += 1
    if corpus.merge_is_due or (sorts and (report.removed or not corpus.is_sorted)):
        _merge(corpus, report)


def _changed_text(corpus: Corpus, file: File, name: str, read: Read) -> _Waiting | None:
    """Return a file's text if it differs from what the corpus holds."""
    known = corpus.stamp(name)
    if known is not None and (known.size, known.mtime_ns) == (file.size, file.mtime_ns):
        return None
    text = read(file.path)
    if text is None:
        corpus.remove(name)
        return None
    stamp = Stamp(file.size, file.mtime_ns, text_digest(text))
    if known is not None and known.digest == stamp.digest:
        corpus.restamp(name, stamp)
        return None
    return _Waiting(name, text, stamp)


def text_digest(text: str) -> str:
    """Return the digest by which a file's text is known again."""
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()


def _write_batch(
    corpus: Corpus, batch: Sequence[_Waiting], encode: Encode, report: IndexReport
) -> None:
    if not batch:
        return
    began = time.perf_counter()
    streams = encode([item.text for item in batch])
    report.tokenise_s += time.perf_counter() - began
    for item, stream in zip(batch, streams, strict=True):
        corpus.write(item.name, np.asarray(stream, np.int32), item.stamp)
        report.read += 1
        report.tokenised += len(stream)
    if corpus.merge_is_due:
        _merge(corpus, report)


def _merge(corpus: Corpus, report: IndexReport) -> None:
    began = time.perf_counter()
    corpus.merge()
    report.sort_s += time.perf_counter() - began
