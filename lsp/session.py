"""Who is at the other end: the client, what it can do, and the folders that it has open."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import attrs
from lsprotocol.types import (
    ClientInfo,
    InitializeParams,
    TextDocumentClientCapabilities,
    WorkspaceFolder,
)

from completer.unicode import well_formed
from lsp.convert import path_of
from lsp.options import LspOptions
from telemetry.events import SessionInfo


class Session:
    """One client's connection. `id` is the recorder's name for it, empty until `initialize`."""

    def __init__(self, options: LspOptions) -> None:
        self.id = ""
        self.client = ClientInfo(name="unknown")
        self.options = options
        self.folders: list[Path] = []
        self.capabilities: tuple[str, ...] = ()

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
        gone = {path_of(folder.uri) for folder in removed}
        new = (path_of(folder.uri) for folder in added)
        kept = [folder for folder in self.folders if folder not in gone]
        self.folders = list(dict.fromkeys([*kept, *(path for path in new if path is not None)]))

    def workspace_of(self, path: Path | None) -> Path | None:
        """The innermost open folder that holds a file."""
        if path is None:
            return None
        holding = [folder for folder in self.folders if path.is_relative_to(folder)]
        return max(holding, key=lambda folder: len(folder.parts), default=None)

    def info(self, server_version: str) -> SessionInfo:
        """What the recorder is told."""
        return SessionInfo(
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
