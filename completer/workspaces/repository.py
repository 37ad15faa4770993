"""One open workspace: its symbols for the prompt, its texts for drafting, kept up to date.

Everything that reads files or tokenises them happens on threads of its own; a request only looks
up what is there.
"""

import logging
import threading
import time
from concurrent.futures import CancelledError, Future
from pathlib import Path
from typing import TYPE_CHECKING

from tokenizers import Tokenizer

from completer.context.definition_reader import DefinitionReader
from completer.context.feed import Sink, WorkspaceFeed
from completer.context.prompt import CHARACTERS_PER_TOKEN, Prompt
from completer.context.retrieval import Retriever
from completer.context.surroundings import Surroundings
from completer.context.workspace import Workspace
from completer.interface import WorkspaceHealth
from completer.next_edit.asking import situation
from completer.next_edit.edits import Hunk, NextEdit, NextEditRequest
from completer.next_edit.expected import Replacement
from completer.next_edit.history import EditHistory
from completer.next_edit.imports import ImportTable
from completer.next_edit.where import NextEdits
from completer.place import Place
from completer.power import on_battery, wait_for_mains
from completer.request import CompletionRequest, Snippet
from completer.settings import Settings
from completer.workspaces.workspace_files import WorkspaceFiles
from completer.workspaces.workspace_settings import WorkspaceSettings
from models.edit_formats import Situation

if TYPE_CHECKING:  # Numba's import takes long, and happens on the thread that reads
    from completer.drafting.session import DraftSession
    from completer.workspaces.draft_index import DraftIndex

log = logging.getLogger(__name__)
STOPS_WITHIN_S = 2.0


class Repository:
    """What is known of one workspace's code. `tokenizer` must treat marks as text.

    `settings` are the workspace's own; without them, requests have the user's. Reading starts in
    the background, once there is a tokenizer; `wait` tells when all files were read.
    """

    def __init__(
        self,
        workspace: Workspace,
        tokenizer: Tokenizer | Future[Tokenizer],
        settings: WorkspaceSettings | None = None,
    ) -> None:
        self.workspace = workspace
        self._settings = settings
        self._fault = ""
        self._definitions = DefinitionReader()
        self._retriever = Retriever(workspace.root, read=self._definitions)
        imports = ImportTable(workspace.root)
        self.history = EditHistory()
        self._files = WorkspaceFiles(workspace, self.history, imports, self._retriever)
        self._next_edits = NextEdits(self._files)
        self._index: DraftIndex | None = None
        self._sinks: list[Sink] = [self._retriever.update, imports.update]
        self._feed = WorkspaceFeed(workspace, self._sinks)
        self._indexed = threading.Event()
        self._stopped = threading.Event()
        self._indexer = threading.Thread(
            target=self._read, args=(tokenizer,), name="index", daemon=True
        )
        self._indexer.start()

    @property
    def root(self) -> Place:
        """The workspace's folder."""
        return self.workspace.root

    @property
    def on_disk(self) -> bool:
        """Whether its files lie on this machine: see `Workspace`."""
        return self.workspace.on_disk

    @property
    def modules(self) -> Place:
        """See `Workspace`."""
        return self.workspace.modules

    @property
    def settings(self) -> Settings | None:
        """What is set for requests in here now, if anything but the user's settings."""
        return None if self._settings is None else self._settings.current()

    @property
    def is_open(self) -> bool:
        """Whether requests may be answered in here."""
        return not self._stopped.is_set()

    @property
    def health(self) -> WorkspaceHealth:
        """What went wrong so far."""
        watch = self._feed.watch
        return WorkspaceHealth(
            fault=self._fault or self._feed.fault,
            restarts=watch.restarts,
            reason=watch.reason,
            compared=watch.compared,
        )

    @property
    def changes(self) -> int:
        """How many files came, changed or went so far: what is known of them may be old."""
        return self._feed.changes

    @property
    def can_draft(self) -> bool:
        """Whether drafting can begin; not while its kernels are being compiled."""
        return self._index is not None and self._index.ready

    @property
    def is_indexed(self) -> bool:
        """Whether completions can be drafted from all files."""
        return self._indexed.is_set()

    @property
    def index_bytes(self) -> int:
        """Bytes that drafting holds."""
        return 0 if self._index is None else self._index.drafter.nbytes

    @property
    def language(self) -> str | None:
        """The language that most of the code is in, if there is one."""
        return self._retriever.language

    def snippets(self, around: Surroundings, path: Path | None, budget: int) -> list[Snippet]:
        """Find what of the other files helps at a caret, within about `budget` tokens."""
        return self._retriever.retrieve(around, path, budget * CHARACTERS_PER_TOKEN)

    def drafts(self, request: CompletionRequest, prompt: Prompt) -> "DraftSession | None":
        """Start drafting for one request; whoever takes the session has to `stop` it.

        `None` while that cannot begin: a request never waits for a compiler.
        """
        if self._index is None or not self._index.ready:
            return None
        return self._index.drafter.start(
            prompt.prefix_ids,
            after=prompt.suffix_ids,
            document=None if request.path is None or request.raw else str(request.path),
            heal=self._index.healer,
        )

    def document_changed(self, path: Place, text: str | None) -> None:
        """Take over the unsaved text of an open document; `None` when it was closed."""
        self.history.document_changed(path, text)
        self._feed.document_changed(path, text)

    def next_edits(self, request: NextEditRequest) -> tuple[NextEdit, ...]:
        """See `CompletionService`; the document is as the request has it from now on.

        Not so with a history that a client brings: then nothing is remembered of it.
        """
        settings = self.settings
        if settings is not None and not settings.next_edit.enabled:
            return ()
        if request.history is None:
            self.history.document_changed(request.path, request.text)
        return self._next_edits.find(request, self._history_of(request))

    def situation(self, request: NextEditRequest) -> tuple[Situation, list[Replacement]] | None:
        """Return what a model that writes edits is to know, after `next_edits` found none.

        With what the last edits replaced. `None` where next edits are switched off.
        """
        settings = self.settings
        if settings is not None and not settings.next_edit.enabled:
            return None
        return situation(request, self._history_of(request), self._files)

    def accepted(self, text: str) -> None:
        """Learn a text that a person accepted."""
        if self._index is not None:
            self._index.accepted(text)

    def forget_requests(self) -> None:
        """Keep nothing of the texts that requests have shown."""
        if self._index is not None:
            self._index.drafter.forget_sessions()

    def wait_until_indexed(self, timeout_s: float | None = None) -> bool:
        """Wait until completions can be drafted from all files; say whether they can."""
        return self._indexed.wait(timeout_s)

    def wait(self, timeout_s: float | None = None) -> bool:
        """Wait until all files were read once; say whether they were."""
        return self._feed.wait(timeout_s) and self._indexed.wait(timeout_s)

    def stop(self) -> None:
        """Let what reads files come to its end soon; returns at once."""
        self._stopped.set()
        if self._index is not None:
            self._index.stop()
        self._definitions.close()
        self._feed.stop(0)

    def close(self, within_s: float = STOPS_WITHIN_S) -> None:
        """Stop reading and watching, and give the memory back.

        A thread that does not end in time is left behind, with what it still uses.
        """
        until = time.monotonic() + within_s
        self.stop()
        self._feed.stop(max(0.0, until - time.monotonic()))
        self._indexer.join(max(0.0, until - time.monotonic()))
        if self._index is not None and not self._indexer.is_alive():
            self._index.close()

    def _history_of(self, request: NextEditRequest) -> tuple[Hunk, ...]:
        if request.history is None:
            return self.history.hunks
        return request.history or self._files.unsaved(request)

    def _wait_for_mains(self) -> None:
        """Make do with what was saved until the machine is plugged in, then begin to read."""
        self._indexed.set()
        wait_for_mains(self._stopped)
        if self.is_open:
            self._feed.start()

    def _read(self, tokenizer: Tokenizer | Future[Tokenizer]) -> None:
        """Begin to read, and build the index, as soon as there is a tokenizer."""
        from completer.workspaces.draft_index import DraftIndex, IndexOptions, index_options

        try:
            if isinstance(tokenizer, Future):
                tokenizer = tokenizer.result()
            settings = self.settings
            options = (
                IndexOptions() if settings is None else index_options(settings, self.workspace)
            )
            self._index = DraftIndex(self.workspace, tokenizer, options)
            if self.is_open:
                self._sinks.append(self._index.update)
                if settings is not None and settings.engine.on_battery == "quiet" and on_battery():
                    self._index.build(before_reading=self._wait_for_mains)
                else:
                    self._feed.start()
                    self._index.build()
        except CancelledError:
            log.info("%s is not read: there is no tokenizer", self.root)
        except Exception as error:
            self._fault = type(error).__name__
            log.exception("%s cannot be drafted from", self.root)
        finally:
            self._indexed.set()
