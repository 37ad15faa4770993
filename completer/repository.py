"""One open workspace: its symbols for the prompt, its texts for drafting, kept up to date.

Everything that reads files or tokenises them happens on the feed's thread; a request only looks up
what is there.
"""

from pathlib import Path

from tokenizers import Tokenizer

from completer.context.feed import WorkspaceFeed
from completer.context.languages import language_of_name
from completer.context.prompt import Prompt
from completer.context.retrieval import Retriever
from completer.context.workspace import Workspace
from completer.drafting.drafter import Drafter, DraftSession
from completer.request import CompletionRequest, Snippet

CHARACTERS_PER_TOKEN = 4


class Repository:
    """What is known of one workspace's code. `tokenizer` must treat marks as text.

    Reading starts at once, in the background; `wait` tells when all files were read.
    """

    def __init__(self, workspace: Workspace, tokenizer: Tokenizer) -> None:
        self.workspace = workspace
        self._tokenizer = tokenizer
        self._retriever = Retriever(workspace.root)
        self._drafter = Drafter(tokenizer.get_vocab_size(with_added_tokens=True))
        self._feed = WorkspaceFeed(workspace, [self._retriever.update, self._update_drafts])
        self._feed.start()

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
        """Take over the unsaved text of an open document; `None` when it was closed."""
        self._feed.document_changed(path, text)

    def accepted(self, text: str) -> None:
        """Learn a text that a person accepted."""
        self._drafter.add_completion(self._encode(text))

    def wait(self, timeout_s: float | None = None) -> bool:
        """Wait until all files were read once; say whether they were."""
        return self._feed.wait(timeout_s)

    def close(self) -> None:
        """Stop reading and watching."""
        self._feed.stop()

    def _update_drafts(self, path: Path, text: str | None, *, edited: bool) -> None:
        if edited and text is not None:
            self._drafter.open_document(str(path), self._encode(text))
        else:
            self._drafter.close_document(str(path))

    def _encode(self, text: str) -> list[int]:
        ids: list[int] = self._tokenizer.encode(text, add_special_tokens=False).ids
        return ids
