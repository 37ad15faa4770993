"""A workspace's draft index: loaded from the cache, brought up to date, changed, saved again."""

import hashlib
import logging
import threading
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from itertools import islice
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from tokenizers import Tokenizer

from completer.context.dependencies import imported_packages, iter_dependencies
from completer.context.encoding import encode_one, token_pieces
from completer.context.workspace import SourceFile, Workspace
from completer.drafting.corpus import Stamp
from completer.drafting.drafter import Drafter
from completer.drafting.healing import Healer
from completer.drafting.index_store import index_folder, load_index, retire_indexes, save_index
from completer.drafting.indexing import IndexReport, refresh, text_digest
from completer.drafting.memory import trim
from completer.drafting.warm_up import is_warm, warm_up
from completer.place import Place
from completer.settings import Settings

log = logging.getLogger(__name__)
Progress = Callable[[int, int], None]
TEXTS_AT_ONCE = 64  # of packages; in between, a build can be stopped
VOCABULARY_STEP = 1024  # models have rows for more tokens than their tokenizers know


@dataclass(frozen=True, slots=True, kw_only=True)
class IndexOptions:
    """Where indexes are kept (`None`: nowhere), how large one may be, and what it covers.

    `team` is where that of the repository is kept which a workspace is a clone of, and its root.
    """

    cache_folder: Path | None = None
    max_bytes: int = 512 << 20
    dependencies: bool = False
    team: tuple[Path, Place] | None = None


def index_options(settings: Settings, workspace: Workspace) -> IndexOptions:
    """Turn settings into an index's options.

    What is kept of a mirror lies in its folder, to go with it; the packages here are not its own.
    """
    here, team = workspace.on_disk, workspace.team_root
    return IndexOptions(
        cache_folder=settings.cache_folder if here else workspace.root / "cache",
        max_bytes=settings.drafting.max_index_mb << 20,
        dependencies=settings.drafting.with_dependencies and here,
        team=None if team is None else (settings.cache_folder, team),
    )


class DraftIndex:
    """What a workspace's completions are drafted from. `tokenizer` must treat marks as text.

    `build` and `update` may run on different threads; drafting goes on meanwhile.
    """

    def __init__(self, workspace: Workspace, tokenizer: Tokenizer, options: IndexOptions) -> None:
        self._workspace = workspace
        self._tokenizer = tokenizer
        self._options = options
        self._folder = _folder(workspace.root, tokenizer, options.cache_folder)
        self._is_shared = False
        """Whether it is the team's, with the changes of this workspace beside: not to be saved."""
        size = tokenizer.get_vocab_size(with_added_tokens=True)
        padded = -(-size // VOCABULARY_STEP) * VOCABULARY_STEP
        self.drafter = Drafter(padded)
        self.healer = Healer(token_pieces(tokenizer, padded), partial(encode_one, tokenizer))
        self._closing = False
        self._saving = threading.Lock()
        self._saved = 0  # of the corpus's changes, those that the saved index has
        self._lock = threading.Lock()
        self._has_kernels = False
        self._edited: dict[Path, str] = {}  # open documents, until there are kernels to take them

    @property
    def ready(self) -> bool:
        """Whether drafting can begin; not while its kernels are being compiled."""
        return self._has_kernels

    def build(
        self,
        progress: Progress = lambda files, tokens: None,
        before_reading: Callable[[], None] = lambda: None,
    ) -> IndexReport:
        """Take in all files: from the saved index what has not changed, the rest anew; save it.

        `before_reading` is called when what was saved is there.
        """
        warm_up(lambda: self._closing)
        if not is_warm():
            return IndexReport()
        self._take_edited()
        corpus = self.drafter.corpus
        if self._options.cache_folder is not None and self._folder is not None:
            retire_indexes(self._options.cache_folder)
            self._load(self._folder)
        before_reading()
        read, encode, sorts = self._workspace.read, self._encode_batch, not self._is_shared
        report = refresh(
            corpus, self._files(), read, encode, progress, lambda: self._closing, sorts=sorts
        )
        if corpus.changes != self._saved and not self._closing:
            self._save()
        if self._options.dependencies:
            self._add_dependencies()
        trim()
        return report

    def update(self, path: Path, text: str | None, *, edited: bool) -> None:
        """Take over one file's text: saved, or as an editor has it; `None` when it is gone.

        Until there are kernels only open documents are noted: `build` reads what is saved.
        """
        with self._lock:
            if not self._has_kernels:
                self._edited.pop(path, None)
                if edited and text is not None:
                    self._edited[path] = text
                return
        name = str(path)
        if edited and text is not None:
            self.drafter.open_document(name, self.encode(text))
            return
        self.drafter.close_document(name)
        if text is None:
            self.drafter.remove_file(name)
        elif (file := self._workspace.source_file(path)) is not None:
            self._write(name, text, Stamp(file.size, file.mtime_ns, text_digest(text)))

    def accepted(self, text: str) -> None:
        """Take in the text of an accepted completion; its document has it, too."""
        if self._has_kernels:
            self.drafter.add_completion(self.encode(self._workspace.cleaned(text)))

    def encode(self, text: str) -> list[int]:
        """Turn text into token ids."""
        return encode_one(self._tokenizer, text)

    def stop(self) -> None:
        """Let a `build` that is under way end soon, and leave the saved index as it is."""
        self._closing = True

    def close(self) -> None:
        """Give the memory back. What changed since the last save is found again by its stamp."""
        self.drafter.close()

    def _load(self, own: Path) -> None:
        """Start from the index of the team's repository if there is one, else from what was saved.

        Its pages are in memory once for all who have it, as far as they have not changed them.
        """
        corpus, rules = self.drafter.corpus, self._workspace.cleaned_by
        if self._options.team is not None:
            cache, root = self._options.team
            folder = _folder(root, self._tokenizer, cache)
            here, there = str(self._workspace.root), str(root)
            if folder is not None:
                self._is_shared = load_index(
                    corpus, folder, rules, lambda name: here + name.removeprefix(there)
                )
        if not self._is_shared:
            load_index(corpus, own, rules)

    def _take_edited(self) -> None:
        with self._lock:
            for path, text in self._edited.items():
                self.drafter.open_document(str(path), self.encode(text))
            self._edited.clear()
            self._has_kernels = True

    def _write(self, name: str, text: str, stamp: Stamp) -> None:
        known = self.drafter.corpus.stamp(name)
        if known is not None and known.digest == stamp.digest:
            return
        self.drafter.update_file(name, self.encode(text), stamp)
        if self.drafter.merge_if_due():
            self._save()

    def _files(self) -> Iterator[SourceFile]:
        """The workspace's files, until the index is as large as it may be or is closed."""
        for file in self._workspace.iter_files():
            if self._closing:  # what comes behind it is not gone: `refresh` is told
                return
            if self.drafter.nbytes > self._options.max_bytes:
                log.warning("the index of %s is full; later files are left out", file.path.parent)
                return
            yield file

    def _encode_batch(self, texts: Sequence[str]) -> list[list[int]]:
        encodings = self._tokenizer.encode_batch_fast(list(texts), add_special_tokens=False)
        return [encoding.ids for encoding in encodings]

    def _add_dependencies(self) -> None:
        imported = {} if self._closing else imported_packages(self._workspace)
        files = iter_dependencies(self._workspace, imported)
        texts = map(self._workspace.cleaned, _texts(file.path for file in files))
        streams: list[NDArray[np.int32]] = []
        while not self._closing and (batch := list(islice(texts, TEXTS_AT_ONCE))):
            streams += [np.asarray(ids, np.int32) for ids in self._encode_batch(batch)]
        if not self._closing:
            self.drafter.set_dependencies(streams)

    def _save(self) -> None:
        if self._folder is None or self._is_shared:
            return
        corpus = self.drafter.corpus
        with self._saving:
            changes = corpus.changes
            try:
                save_index(corpus, self._folder, self._workspace.cleaned_by)
                self._saved = changes
            except OSError as error:
                log.warning("the index could not be saved in %s: %s", self._folder, error)


def _folder(root: Place, tokenizer: Tokenizer, cache: Path | None) -> Path | None:
    if cache is None:
        return None
    digest = hashlib.sha256(tokenizer.to_str().encode()).hexdigest()
    return index_folder(cache, root, digest)


def _texts(paths: Iterable[Path]) -> Iterator[str]:
    for path in paths:
        with suppress(OSError, UnicodeDecodeError):
            yield path.read_text(encoding="utf-8")
