"""Who is at the other end: the client, what it can do, and the folders that it has open."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

import attrs
from lsprotocol.types import (
    ClientInfo,
    InitializeParams,
    TextDocumentClientCapabilities,
    WorkspaceFolder,
)

from completer.place import Place
from completer.unicode import well_formed
from lsp.folders import Folders
from lsp.options import LspOptions
from telemetry.events import SessionStarted


class Session:
    """One client's connection. `id` is the recorder's name for it, empty until `initialize`.

    `served` tells all folders whose code may be used, whoever has opened them.
    """

    def __init__(self, options: LspOptions, served: Callable[[], Sequence[Place]] = tuple) -> None:
        self.id = ""
        self._served = served
        self.client = ClientInfo(name="unknown")
        self.options = options
        self._folders = Folders()
        self.capabilities: tuple[str, ...] = ()

    @property
    def folders(self) -> list[Place]:
        """The open folders that are local."""
        return self._folders.places

    @property
    def is_neovim(self) -> bool:
        """Neovim counts lines in its own way."""
        return self.client.name == "Neovim"

    def initialize(self, params: InitializeParams) -> None:
        """Take what the client says of itself."""
        self.client = params.client_info or self.client
        self.capabilities = _abilities(params.capabilities.text_document)
        self.options = self.options.with_client_wishes(params.initialization_options)
        self.change_folders(added=params.workspace_folders or _root_of(params), removed=())

    def change_folders(
        self, *, added: Iterable[WorkspaceFolder], removed: Iterable[WorkspaceFolder]
    ) -> None:
        """Open and close workspace folders; those that are not local are left out."""
        self._folders.change(
            added=[folder.uri for folder in added], removed=[folder.uri for folder in removed]
        )

    def workspace_of(self, path: Place | None) -> Place | None:
        """The innermost open folder that holds a file."""
        return self._folders.holding(path)

    def places_of(self, path: Place | None) -> tuple[str, ...]:
        """What a document is known to be about: its file and the folders around it.

        Outside of the open folders it may be about each of them, and all others that are served.
        """
        file = [] if path is None else [path]
        others = self._served() if self.workspace_of(path) is None else ()
        return tuple(map(str, [*file, *self._folders.names_around(path), *others]))

    def started(self, server_version: str) -> SessionStarted:
        """What the recorder is told, under an id of its own."""
        return SessionStarted(
            client=well_formed(self.client.name),
            client_version=well_formed(self.client.version or ""),
            server_version=server_version,
            user=self.options.user,
            capabilities=self.capabilities,
        )


def _abilities(of_client: TextDocumentClientCapabilities | None) -> tuple[str, ...]:
    """What the client says that it can do with documents, by name."""
    if of_client is None:
        return ()
    names = (field.name for field in attrs.fields(TextDocumentClientCapabilities))
    return tuple(name for name in names if getattr(of_client, name) is not None)


def _root_of(params: InitializeParams) -> list[WorkspaceFolder]:
    """The one folder of a client that knows no workspace folders."""
    if params.root_uri:
        return [_folder(params.root_uri)]
    path = Path(params.root_path or "")
    return [_folder(path.as_uri())] if path.is_absolute() else []


def _folder(uri: str) -> WorkspaceFolder:
    return WorkspaceFolder(uri=uri, name="")
