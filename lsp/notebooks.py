"""Notebooks: the cells of one are one document, in their order, for prompt and drafts.

Each cell is a document of its own for positions and edits. Cells of prose are left out.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from lsprotocol import types

from completer.place import Place
from lsp.convert import path_of, same_document
from lsp.documents import Document, Documents
from lsp.synchronization import Synchronization

SYNC = types.NotebookDocumentSyncOptions([types.NotebookDocumentFilterWithNotebook("*")])


@dataclass(slots=True)
class Notebook:
    """One open notebook: where it is, if it is a local file, and its cells from top to bottom."""

    path: Place | None
    cells: list[types.NotebookCell] = field(default_factory=list)


class Notebooks:
    """The open notebooks; their cells are synchronised as documents by `synchronization`."""

    def __init__(self, documents: Documents, synchronization: Synchronization) -> None:
        self._documents = documents
        self._synchronization = synchronization
        self._notebooks: dict[str, Notebook] = {}

    def around(self, cell: Document) -> tuple[str, str]:
        """The code of the cells before and after a cell; empty for what is no cell."""
        notebook = self._notebook_of(cell)
        if notebook is None:
            return "", ""
        texts = list(self._code(notebook))
        at = next((n for n, (uri, _) in enumerate(texts) if uri == same_document(cell.uri)), None)
        if at is None:
            return "", ""
        before = "".join(f"{text}\n" for _, text in texts[:at])
        return before, "".join(f"\n{text}" for _, text in texts[at + 1 :])

    def path_of(self, document: Document) -> Place | None:
        """Where a document is: a cell is where its notebook is."""
        notebook = self._notebook_of(document)
        return notebook.path if notebook else document.path

    def opened(self, params: types.DidOpenNotebookDocumentParams) -> None:
        """`notebookDocument/didOpen`."""
        document = params.notebook_document
        notebook = Notebook(path_of(document.uri), list(document.cells))
        self._notebooks[same_document(document.uri)] = notebook
        self._open(params.cell_text_documents)

    def changed(self, params: types.DidChangeNotebookDocumentParams) -> None:
        """`notebookDocument/didChange`: cells come, go and move, and their texts change."""
        notebook = self._notebooks.get(same_document(params.notebook_document.uri))
        changes = params.change.cells
        if notebook is None or changes is None:
            return
        if changes.structure is not None:
            array = changes.structure.array
            end = array.start + array.delete_count
            notebook.cells[array.start : end] = array.cells or []
            self._close(changes.structure.did_close or ())
            self._open(changes.structure.did_open or ())
        for cell in changes.data or ():
            known = [same_document(each.document) for each in notebook.cells]
            if same_document(cell.document) in known:
                notebook.cells[known.index(same_document(cell.document))] = cell
        for text in changes.text_content or ():
            self._synchronization.changed(
                types.DidChangeTextDocumentParams(text.document, text.changes)
            )

    def closed(self, params: types.DidCloseNotebookDocumentParams) -> None:
        """`notebookDocument/didClose`."""
        self._notebooks.pop(same_document(params.notebook_document.uri), None)
        self._close(params.cell_text_documents)

    def _notebook_of(self, cell: Document) -> Notebook | None:
        uri = same_document(cell.uri)
        for notebook in self._notebooks.values():
            if any(same_document(each.document) == uri for each in notebook.cells):
                return notebook
        return None

    def _code(self, notebook: Notebook) -> Iterator[tuple[str, str]]:
        for cell in notebook.cells:
            document = self._documents.get(cell.document)
            if document is not None and cell.kind is types.NotebookCellKind.Code:
                yield same_document(cell.document), document.buffer.text

    def _open(self, items: Sequence[types.TextDocumentItem]) -> None:
        for item in items:
            self._synchronization.opened(types.DidOpenTextDocumentParams(item))

    def _close(self, identifiers: Sequence[types.TextDocumentIdentifier]) -> None:
        for identifier in identifiers:
            self._synchronization.closed(types.DidCloseTextDocumentParams(identifier))
