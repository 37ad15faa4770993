"""The open workspaces, and which one a request belongs to."""

import logging
import threading
import time
from collections.abc import Callable, Mapping
from concurrent.futures import Future
from contextlib import suppress
from pathlib import Path

from tokenizers import Tokenizer

from completer.context.workspace import Workspace, WorkspaceOptions
from completer.errors import BadRequestError, CompleterError, WorkspaceError
from completer.interface import WorkspaceHealth
from completer.next_edit.edits import NextEditRequest
from completer.place import Place, innermost, is_inside, local_place
from completer.remote.mirror import Mirror
from completer.request import CompletionRequest
from completer.settings import Settings
from completer.workspaces.repository import STOPS_WITHIN_S, Repository
from completer.workspaces.workspace_settings import WorkspaceSettings

log = logging.getLogger(__name__)


class Repositories:
    """All open workspaces; `make` opens one. May be used from several threads.

    One that cannot be opened is known as such: its requests have the model alone.
    """

    def __init__(self, make: Callable[[Place], Repository]) -> None:
        self._make = make
        self._open: dict[Place, Repository] = {}
        self._failed: dict[Place, str] = {}
        self._closing: list[threading.Thread] = []
        self._lock = threading.Lock()

    @property
    def roots(self) -> tuple[Place, ...]:
        """The folders of the workspaces here, those included that could not be opened."""
        return (*self._here(), *self._failed)

    @property
    def health(self) -> dict[Place, WorkspaceHealth]:
        """What is wrong with which of them."""
        known = {root: repository.health for root, repository in self._here().items()}
        known |= {root: WorkspaceHealth(fault=why) for root, why in list(self._failed.items())}
        return {root: health for root, health in known.items() if not health.is_well}

    @property
    def index_bytes(self) -> int:
        """Bytes that the indexes of all open workspaces hold."""
        return sum(repository.index_bytes for repository in list(self._open.values()))

    def open(self, root: Place) -> Repository:
        """Open a workspace, or return it if it is open. Raises `WorkspaceError`."""
        with self._lock:
            if root not in self._open:
                self._open[root] = self._made(root)
            return self._open[root]

    def _made(self, root: Place) -> Repository:
        try:
            repository = self._make(root)
        except Exception as error:
            known = isinstance(error, CompleterError)
            self._failed[root] = "it is not a folder" if known else type(error).__name__
            log.warning("%s is not used: %s", root, error, exc_info=not known)
            raise WorkspaceError(f"{root} cannot be used: {error}") from error
        self._failed.pop(root, None)
        return repository

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

    def of(self, request: CompletionRequest | NextEditRequest) -> Repository | None:
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
        if found is None and not self._has_failed(request):
            raise BadRequestError(
                f"The workspace {request.workspace} is not open.",
                hint="Start the server with --workspace for each folder that it may read.",
            )
        return found

    def document_changed(
        self, path: Place, text: str | None, workspace: Place | None = None
    ) -> None:
        """Tell a workspace, or else the innermost around `path`, a document's unsaved text."""
        around = self._open.get(workspace) if workspace else None
        repository = around or _containing(path, self._open)
        if repository is not None:
            repository.document_changed(path, text)

    def forget_requests(self) -> None:
        """Keep nothing of the texts that requests have shown."""
        for repository in list(self._open.values()):
            repository.forget_requests()

    def close(self) -> None:
        """Close all workspaces; whatever cannot end soon is left behind."""
        with self._lock:
            closing = list(self._open.values())
            self._open.clear()
        for repository in closing:
            repository.stop()
        until = time.monotonic() + STOPS_WITHIN_S
        for repository in closing:
            repository.close(until - time.monotonic())
        for thread in self._closing:
            thread.join(max(0.0, until - time.monotonic()))

    def _has_failed(self, request: CompletionRequest | NextEditRequest) -> bool:
        """Whether the workspace of a request could not be opened, as far as it may know of that."""
        may = request.may_use is None or request.workspace in request.may_use
        return may and request.workspace in self._failed

    def _there_for(
        self, request: CompletionRequest | NextEditRequest
    ) -> Mapping[Place, Repository]:
        """The open workspaces, as far as the request may know of them; of mirrors its own alone."""
        if request.may_use is None:
            return self._here()
        return {root: each for root, each in self._open.items() if root in request.may_use}

    def _here(self) -> dict[Place, Repository]:
        """The open workspaces whose files lie on this machine: a mirror is one person's."""
        every = list(self._open.items())
        return {root: each for root, each in every if each.on_disk}


def open_repositories(settings: Settings, tokenizer: Tokenizer | Future[Tokenizer]) -> Repositories:
    """Open the workspaces that the settings name; `tokenizer` must treat marks as text."""

    def open_repository(root: Place) -> Repository:
        options = workspace_options(settings)
        mirrored = is_inside(root, local_place(settings.server.mirrors))
        workspace = Mirror(root, options=options) if mirrored else Workspace(root, options=options)
        return Repository(workspace, tokenizer, WorkspaceSettings(workspace.root, settings))

    repositories = Repositories(open_repository)
    for root in settings.workspaces:
        with suppress(WorkspaceError):  # the others are open; `health` tells of this one
            repositories.open(local_place(root))
    return repositories


def workspace_options(settings: Settings) -> WorkspaceOptions:
    """Turn settings into how a workspace is read."""
    return WorkspaceOptions(keep_secrets=settings.secrets == "keep")


def _containing(path: Path | None, among: Mapping[Place, Repository]) -> Repository | None:
    """The repository of the nearest workspace above a file."""
    root = innermost(path, list(among))
    return None if root is None else among.get(root)


def _close(repository: Repository, at_first: Callable[[Repository], None]) -> None:
    try:
        at_first(repository)
    finally:
        repository.close()
