"""The open workspaces: which one a request belongs to, and what each knows of its code."""

import threading
from collections.abc import Callable
from pathlib import Path

from completer.context.prompt import Prompt
from completer.context.workspace import Workspace
from completer.engine.sequence import Drafting
from completer.errors import BadRequestError
from completer.request import CompletionRequest, Snippet


class Repository:
    """One open workspace."""

    def __init__(self, workspace: Workspace) -> None:
        self.workspace = workspace

    @property
    def root(self) -> Path:
        """The workspace's folder."""
        return self.workspace.root

    def snippets(self, request: CompletionRequest, budget: int) -> list[Snippet]:
        """Find what of the other files helps at the caret, within `budget` tokens."""
        return []

    def drafts(self, request: CompletionRequest, prompt: Prompt) -> Drafting | None:
        """Start drafting for one request."""
        return None

    def document_changed(self, path: Path, text: str | None) -> None:
        """Take over the unsaved text of an open document; `None` when it was closed."""

    def accepted(self, text: str) -> None:
        """Learn a text that a person accepted."""

    def close(self) -> None:
        """Stop watching."""


class Repositories:
    """All open workspaces; `make` opens one. May be used from several threads."""

    def __init__(self, make: Callable[[Path], Repository]) -> None:
        self._make = make
        self._open: dict[Path, Repository] = {}
        self._lock = threading.Lock()

    @property
    def roots(self) -> tuple[Path, ...]:
        """The folders of the open workspaces."""
        return tuple(self._open)

    def open(self, root: Path) -> Repository:
        """Open a workspace, or return it if it is open. Raises `WorkspaceError`."""
        resolved = root.expanduser().resolve()
        with self._lock:
            if resolved not in self._open:
                self._open[resolved] = self._make(resolved)
            return self._open[resolved]

    def of(self, request: CompletionRequest) -> Repository | None:
        """Find the workspace of a request: the one it names, or the nearest above its file.

        Raises `BadRequestError` when it names one that is not open.
        """
        if request.workspace is None:
            return self._containing(request.path)
        found = self._open.get(request.workspace.expanduser().resolve())
        if found is None:
            raise BadRequestError(
                f"The workspace {request.workspace} is not open.",
                hint="Start the server with --workspace for each folder that it may read.",
            )
        return found

    def document_changed(self, path: Path, text: str | None) -> None:
        """Tell the workspace of `path` about a document's unsaved text."""
        repository = self._containing(path)
        if repository is not None:
            repository.document_changed(path, text)

    def close(self) -> None:
        """Close all workspaces."""
        with self._lock:
            while self._open:
                self._open.popitem()[1].close()

    def _containing(self, path: Path | None) -> Repository | None:
        if path is None or not path.is_absolute():
            return None
        resolved = path.resolve()
        above = [root for root in self._open if resolved.is_relative_to(root)]
        return self._open[max(above, key=lambda root: len(root.parts))] if above else None
