"""One open workspace: its symbols for the prompt, its texts for drafting, kept up to date.

Everything that reads files or tokenises them happens on the workspace's own thread; a request only
looks up what is there.
"""

import logging
import queue
import threading
from collections.abc import Callable
from pathlib import Path

from tokenizers import Tokenizer

from completer.context.languages import language_of_name
from completer.context.prompt import Prompt
from completer.context.retrieval import Retriever
from completer.context.watch import FileWatcher
from completer.context.workspace import Workspace
from completer.drafting.drafter import Drafter, DraftSession
from completer.request import CompletionRequest, Snippet

log = logging.getLogger(__name__)
CHARACTERS_PER_TOKEN = 4


class Repository:
    """What is known of one workspace's code.

    `tokenizer` must treat marks as text. Indexing starts at once, in the background; `wait` tells
    when everything reported so far has been taken in.
    """

    def __init__(self, workspace: Workspace, tokenizer: Tokenizer) -> None:
        self.workspace = workspace
        self._tokenizer = tokenizer
        self._retriever = Retriever(workspace.root)
        self._drafter = Drafter(tokenizer.get_vocab_size(with_added_tokens=True))
        self._open: dict[Path, str] = {}
        self._jobs: queue.SimpleQueue[Callable[[], None] | None] = queue.SimpleQueue()
        self._closing = threading.Event()
        self._thread = threading.Thread(target=self._work, name="repository", daemon=True)
        self._watcher = FileWatcher(workspace, self._files_changed, self._index_all)
        self._thread.start()
        self._watcher.start()
        self._index_all()

    @property
    def root(self) -> Path:
        """The workspace's folder."""
        return self.workspace.root

    def snippets(self, request: CompletionRequest, budget: int) -> list[Snippet]:
        """Find what of the other files helps at the caret, within about `budget` tokens."""
        language = request.language or language_of_name(request.path.name if request.path else "")
        return self._retriever.retrieve(
            request.prefix, request.suffix, request.path, language, budget * CHARACTERS_PER_TOKEN
        )

    def drafts(self, request: CompletionRequest, prompt: Prompt) -> DraftSession:
        """Start drafting for one request; whoever takes the session has to `stop` it."""
        document = str(request.path) if request.path is not None else None
        return self._drafter.start(prompt.prefix_ids, after=prompt.suffix_ids, document=document)

    def document_changed(self, path: Path, text: str | None) -> None:
        """Take over the unsaved text of an open document; `None` when it was closed.

        Of several changes that wait, only the last is looked at.
        """
        if text is None:
            self._open.pop(path, None)
            self._jobs.put(lambda: self._close_document(path))
        elif self.workspace.check_name(path).ok:
            self._open[path] = text
            self._jobs.put(lambda: self._take_document(path, text))

    def accepted(self, text: str) -> None:
        """Learn a text that a person accepted."""
        self._jobs.put(lambda: self._drafter.add_completion(self._encode(text)))

    def wait(self, timeout_s: float | None = None) -> bool:
        """Wait until everything reported before this call has been taken in."""
        done = threading.Event()
        self._jobs.put(done.set)
        return done.wait(timeout_s)

    def close(self) -> None:
        """Stop watching and forget what is still to be done."""
        self._closing.set()
        self._watcher.stop()
        self._jobs.put(None)
        self._thread.join()

    def _work(self) -> None:
        while (job := self._jobs.get()) is not None and not self._closing.is_set():
            try:
                job()
            except Exception:
                log.exception("a change in %s could not be taken in", self.root)

    def _index_all(self) -> None:
        self._jobs.put(self._read_all)

    def _read_all(self) -> None:
        for file in self.workspace.iter_files():
            if self._closing.is_set():
                return
            self._read(file.path)

    def _files_changed(self, changed: set[Path], deleted: set[Path]) -> None:
        for path in changed:
            self._jobs.put(lambda path=path: self._read(path))  # type: ignore[misc]
        for path in deleted:
            self._jobs.put(lambda path=path: self._forget(path))  # type: ignore[misc]

    def _read(self, path: Path) -> None:
        text = self.workspace.read(path)
        if text is None:
            self._forget(path)
        elif path not in self._open:
            self._retriever.update(path, text)

    def _forget(self, path: Path) -> None:
        self._retriever.update(path, None)

    def _take_document(self, path: Path, text: str) -> None:
        if self._open.get(path) is not text:
            return
        self._drafter.open_document(str(path), self._encode(text))
        self._retriever.update(path, text, edited=True)

    def _close_document(self, path: Path) -> None:
        self._drafter.close_document(str(path))
        self._read(path)

    def _encode(self, text: str) -> list[int]:
        ids: list[int] = self._tokenizer.encode(text, add_special_tokens=False).ids
        return ids
