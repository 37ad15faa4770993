"""One open workspace: its symbols for the prompt, its texts for drafting, kept up to date.

Everything that reads files or tokenises them happens on threads of its own; a request only looks
up what is there.
"""

import logging
import threading
import time
from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray
from tokenizers import Tokenizer

from completer.context.definition_reader import DefinitionReader
from completer.context.feed import WorkspaceFeed
from completer.context.languages import language_of_name
from completer.context.prompt import Prompt
from completer.context.retrieval import Retriever
from completer.context.workspace import Workspace
from completer.draft_index import DraftIndex, IndexOptions
from completer.drafting.factor_fitting import adapted
from completer.drafting.session import DraftSession
from completer.drafting.warm_up import is_warm
from completer.interface import WorkspaceHealth
from completer.place import Place
from completer.request import CompletionRequest, Snippet
from completer.settings import Settings
from completer.workspace_settings import WorkspaceSettings

log = logging.getLogger(__name__)
CHARACTERS_PER_TOKEN = 4
Factors = NDArray[np.float64]
STOPS_WITHIN_S = 2.0


class Repository:
    """What is known of one workspace's code. `tokenizer` must treat marks as text.

    `settings` are the workspace's own; without them, requests have the user's. Reading starts at
    once, in the background; `wait` tells when all files were read.
    """

    def __init__(
        self,
        workspace: Workspace,
        tokenizer: Tokenizer,
        options: IndexOptions | None = None,
        settings: WorkspaceSettings | None = None,
    ) -> None:
        self.workspace = workspace
        self._settings = settings
        self._fault = ""
        self._definitions = DefinitionReader()
        self._retriever = Retriever(workspace.root, read=self._definitions)
        self._index = DraftIndex(workspace, tokenizer, options or IndexOptions())
        self._feed = WorkspaceFeed(workspace, [self._retriever.update, self._index.update])
        self._indexed = threading.Event()
        self._stopped = threading.Event()
        self._indexer = threading.Thread(target=self._build_index, name="index", daemon=True)
        self._indexer.start()
        self._feed.start()

    @property
    def root(self) -> Place:
        """The workspace's folder."""
        return self.workspace.root

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
    def can_draft(self) -> bool:
        """Whether drafting can begin; not while its kernels are being compiled."""
        return is_warm()

    @property
    def index_bytes(self) -> int:
        """Bytes that drafting holds."""
        return self._index.drafter.nbytes

    def snippets(self, request: CompletionRequest, budget: int) -> list[Snippet]:
        """Find what of the other files helps at the caret, within about `budget` tokens."""
        language = request.language or language_of_name(request.path.name if request.path else "")
        return self._retriever.retrieve(
            request.prefix, request.suffix, request.path, language, budget * CHARACTERS_PER_TOKEN
        )

    def drafts(
        self, request: CompletionRequest, prompt: Prompt, factors: Factors | None = None
    ) -> DraftSession | None:
        """Start drafting for one request; whoever takes the session has to `stop` it.

        `factors` were fitted for what it predicts. `None` while that cannot begin: a request never
        waits for a compiler.
        """
        if not self.can_draft:
            return None
        return self._index.drafter.start(
            prompt.prefix_ids,
            after=prompt.suffix_ids,
            document=str(request.path) if request.path is not None else None,
            heal=self._index.healer,
            factors=factors,
        )

    def document_changed(self, path: Place, text: str | None) -> None:
        """Take over the unsaved text of an open document; `None` when it was closed."""
        self._feed.document_changed(path, text)

    def accepted(self, text: str) -> None:
        """Learn a text that a person accepted."""
        self._index.accepted(text)

    def fitted_factors(self, texts: Mapping[str, str], factors: Factors, rate: float) -> Factors:
        """Return drafting factors adapted to `texts` by their paths, which must not be indexed."""
        encode = self._index.encode
        encoded = {name: np.array(encode(text), np.int32) for name, text in texts.items()}
        return adapted(self._index.drafter, encoded, factors, rate)

    def forget_requests(self) -> None:
        """Keep nothing of the texts that requests have shown."""
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
        if not self._indexer.is_alive():
            self._index.close()

    def _build_index(self) -> None:
        try:
            self._index.build()
        except Exception as error:
            self._fault = type(error).__name__
            log.exception("%s cannot be drafted from", self.root)
        finally:
            self._indexed.set()
