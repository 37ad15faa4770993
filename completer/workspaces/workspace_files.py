"""The files of a workspace as next edits need them: as editors have them, and whole."""

from completer.context.retrieval import Retriever
from completer.context.workspace import Workspace
from completer.next_edit.edits import Hunk, NextEditRequest
from completer.next_edit.history import EditHistory, difference
from completer.next_edit.imports import ImportTable
from completer.place import Place, place_of


class WorkspaceFiles:
    """Implements `Files`."""

    def __init__(
        self, workspace: Workspace, history: EditHistory, imports: ImportTable, retriever: Retriever
    ) -> None:
        self._workspace = workspace
        self._history = history
        self._imports = imports
        self._retriever = retriever

    def text(self, path: Place) -> str | None:
        """See `Files`."""
        open_text = self._history.text(path)
        return self._on_disk(path) if open_text is None else open_text

    def name(self, path: Place) -> str:
        """See `Files`."""
        return self._workspace.relative(path)

    def importing(self, name: str) -> list[Place]:
        """See `Files`."""
        found = (place_of(each, self._workspace.root) for each in self._imports.importing(name))
        return [each for each in found if each is not None]

    def defining(self, name: str) -> list[str]:
        """See `Files`."""
        return self._retriever.defining(name)

    def unsaved(self, request: NextEditRequest) -> tuple[Hunk, ...]:
        """Return what the text of a request has that the file on disk has not."""
        on_disk = self._on_disk(request.path)
        hunk = None if on_disk is None else difference(on_disk, request.text, request.path)
        return () if hunk is None else (hunk,)

    def _on_disk(self, path: Place) -> str | None:
        return self._workspace.read(path, whole=True)
