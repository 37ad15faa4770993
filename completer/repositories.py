"""The open workspaces, and which one a request belongs to."""

import threading
from collections.abc import Callable, Mapping
from pathlib import Path

from completer.errors import BadRequestError
from completer.place import Place, innermost
from completer.repository import Repository
from completer.request import CompletionRequest


class Repositories:
    """All open workspaces; `make` opens one. May be used from several threads."""

    def __init__(self, make: Callable[[Place], Repository]) -> None:
        self._make = make
        self._open: dict[Place, Repository] = {}
        self._closing: list[threading.Thread] = []
        self._lock = threading.Lock()

    @property
    def roots(self) -> tuple[Place, ...]:
        """The folders of the open workspaces."""
        return tuple(self._open)

    @property
    def index_bytes(self) -> int:
        """Bytes that the indexes of all open workspaces hold."""
        return sum(repository.index_bytes for repository in list(self._open.values()))

    def open(self, root: Place) -> Repository:
        """Open a workspace, or return it if it is open. Raises `WorkspaceError`."""
        with self._lock:
            if root not in self._open:
                self._open[root] = self._make(root)
            return self._open[root]

    def open_workspace(self, root: Place) -> None:
        """Open a workspace if it is not open. Raises `WorkspaceError`."""
        self.open(root)

    def close_workspace(self, root: Place) -> None:
        """Close a workspace, in the background, if it is open."""
        self.dismiss(root)

    def dismiss(
        self, root: Place, at_first: Callable[[Repository], None] = lambda repository: None
    ) -> Repository | None:
        """Close a workspace, in the background; return it if it was open.

        Nothing is found in it from now on, and what it reads comes to its end. `at_first` is called
        in the background before its memory goes, for what still uses that.
        """
        with self._lock:
            repository = self._open.pop(root, None)
            if repository is not None:
                repository.stop()
                closing = threading.Thread(
                    target=_close, args=(repository, at_first), name="close-workspace", daemon=True
                )
                closing.start()
                self._closing = [*filter(threading.Thread.is_alive, self._closing), closing]
        return repository

    def of(self, request: CompletionRequest) -> Repository | None:
        """Find the workspace of a request: the one it names, or the nearest above its file.

        A request that says nothing of where it is from belongs to the only one, if only one is
        open. Raises `BadRequestError` when it names one that is not open.
        """
        there = self._there_for(request)
        if request.workspace is None and request.path is None:
            only = list(there.values())
            return only[0] if len(only) == 1 else None
        if request.workspace is None:
            return _containing(request.path, there)
        found = there.get(request.workspace)
        if found is None:
            raise BadRequestError(
                f"The workspace {request.workspace} is not open.",
                hint="Start the server with --workspace for each folder that it may read.",
            )
        return found

    def document_changed(self, path: Place, text: str | None) -> None:
        """Tell the workspace of `path` about a document's unsaved text."""
        repository = _containing(path, self._open)
        if repository is not None:
            repository.document_changed(path, text)

    def forget_requests(self) -> None:
        """Keep nothing of the texts that requests have shown."""
        for repository in list(self._open.values()):
            repository.forget_requests()

    def close(self) -> None:
        """Close all workspaces."""
        with self._lock:
            while self._open:
                self._open.popitem()[1].close()
        for thread in self._closing:
            thread.join()

    def _there_for(self, request: CompletionRequest) -> Mapping[Place, Repository]:
        """The open workspaces, as far as the request may know of them."""
        if request.may_use is None:
            return self._open
        return {root: each for root, each in self._open.items() if root in request.may_use}


def _containing(path: Path | None, among: Mapping[Place, Repository]) -> Repository | None:
    """The repository of the nearest workspace above a file."""
    root = innermost(path, list(among))
    return None if root is None else among.get(root)


def _close(repository: Repository, at_first: Callable[[Repository], None]) -> None:
    try:
        at_first(repository)
    finally:
        repository.close()
