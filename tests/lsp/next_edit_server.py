"""A language server with the real next edits: `python -m tests.lsp.next_edit_server`."""

from concurrent.futures import Future
from pathlib import Path

from tokenizers import Tokenizer

from completer.context.workspace import Workspace
from completer.next_edit.edits import NextEdit, NextEditRequest
from completer.place import Place
from completer.workspaces.repositories import Repositories
from completer.workspaces.repository import Repository
from lsp.server import create_server
from tests.fakes import FakeRecorder, FakeService
from tests.tiny import byte_tokenizer


class NextEditService(FakeService):
    """Keeps documents and finds next edits as the service does."""

    def __init__(self) -> None:
        super().__init__(reply=lambda request: "")
        tokenizer: Future[Tokenizer] = Future()  # workspaces read their files once it is there
        tokenizer.set_result(byte_tokenizer().backend_tokenizer)
        self._repositories = Repositories(lambda root: Repository(Workspace(root), tokenizer))

    def open_workspace(self, root: Path) -> None:
        self._repositories.open(Place(root))

    def document_changed(self, path: Path, text: str | None, workspace: Path | None = None) -> None:
        self._repositories.document_changed(Place(path), text)

    async def next_edits(self, request: NextEditRequest) -> tuple[NextEdit, ...]:
        repository = self._repositories.of(request)
        return () if repository is None else repository.next_edits(request)


if __name__ == "__main__":
    create_server(NextEditService(), FakeRecorder()).start_io()
