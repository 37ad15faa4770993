"""Keeps the service's workspaces, and whose each document is, as the client's folders are."""

from __future__ import annotations

import logging

from lsprotocol import types

from completer.errors import WorkspaceError
from completer.interface import CompletionService
from lsp.document_feed import DocumentFeed
from lsp.documents import Documents
from lsp.session import Session

logger = logging.getLogger(__name__)


class Workspaces:
    """The service's workspaces that are open for this client."""

    def __init__(
        self,
        service: CompletionService,
        session: Session,
        documents: Documents,
        feed: DocumentFeed,
    ) -> None:
        self._service = service
        self._session = session
        self._documents = documents
        self._feed = feed

    def open(self) -> None:
        """Open the session's folders, those left out that are not there."""
        for folder in self._session.folders:
            try:
                self._service.open_workspace(folder)
            except WorkspaceError as error:
                logger.warning("workspace folder left out: %s", error)

    def change(self, event: types.WorkspaceFoldersChangeEvent) -> None:
        """Open and close folders; documents go over to the folder that holds them now."""
        folders = self._session.folders
        held = [(each, self._session.workspace_of(each.path)) for each in self._documents]
        self._session.change_folders(added=event.added, removed=event.removed)
        moved = [each for each, was in held if self._session.workspace_of(each.path) != was]
        for document in moved:
            self._feed.closed(document)
        self.open()
        for folder in folders:
            if folder not in self._session.folders:
                self._service.close_workspace(folder)
        for document in moved:
            self._feed.changed(document)
