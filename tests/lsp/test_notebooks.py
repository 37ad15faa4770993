"""The cells of a notebook are one document, for whoever completes in one of them."""

from __future__ import annotations

from pathlib import Path

import pytest_asyncio

from telemetry.events import Opportunity
from tests.lsp.editor import Editor

NOTEBOOK = "file:///repo/analysis.ipynb"
CODE, PROSE = 2, 1


def cell(number):
    return f"vscode-notebook-cell:/repo/analysis.ipynb#c{number}"


def text(number, content, language="python"):
    return {"uri": cell(number), "languageId": language, "version": 1, "text": content}


@pytest_asyncio.fixture
async def editor():
    editor = Editor()
    sync = {"synchronization": {"dynamicRegistration": False}}
    capabilities = {"general": {"positionEncodings": ["utf-16"]}, "notebookDocument": sync}
    made = await editor.initialize(capabilities=capabilities)
    assert made["capabilities"]["notebookDocumentSync"]["notebookSelector"] == [{"notebook": "*"}]
    kinds = [CODE, PROSE, CODE]
    cells = [{"kind": kind, "document": cell(number)} for number, kind in enumerate(kinds)]
    document = {"uri": NOTEBOOK, "notebookType": "jupyter", "version": 1, "cells": cells}
    texts = [text(0, "import os"), text(1, "# Title", "markdown"), text(2, "os.\nprint(2)")]
    params = {"notebookDocument": document, "cellTextDocuments": texts}
    editor.notify("notebookDocument/didOpen", params)
    return editor


def change(editor, **cells):
    document = {"uri": NOTEBOOK, "version": 2}
    params = {"notebookDocument": document, "change": {"cells": cells}}
    editor.notify("notebookDocument/didChange", params)


async def asked(editor, line, character, number=2):
    items = await editor.complete(line, character, uri=cell(number))
    return editor.service.requests[-1], items


async def test_code_of_other_cells_is_around_the_caret(editor):
    request, (item,) = await asked(editor, 0, 3)
    assert (request.prefix, request.suffix) == ("import os\nos.", "\nprint(2)")
    assert (request.path, request.language) == (Path("/repo/analysis.ipynb"), "python")
    assert item["insertText"] == "os.fake completion"
    assert item["range"]["start"] == {"line": 0, "character": 0}
    request, _ = await asked(editor, 0, 9, number=0)
    assert (request.prefix, request.suffix) == ("import os", "\nos.\nprint(2)")
    assert editor.recorder.of(Opportunity)[-1].workspace == "/repo"


async def test_prose_is_left_out_also_where_the_caret_is_in_it(editor):
    request, _ = await asked(editor, 0, 7, number=1)
    assert (request.prefix, request.suffix) == ("# Title", "")


async def test_cells_come_go_and_change(editor):
    edit = {"range": {"start": {"line": 0, "character": 7}, "end": {"line": 0, "character": 9}}}
    changed = {"document": {"uri": cell(0), "version": 2}, "changes": [{**edit, "text": "re"}]}
    change(editor, textContent=[changed])
    assert (await asked(editor, 0, 3))[0].prefix == "import re\nos."
    new = {"kind": CODE, "document": cell(3)}
    array = {"start": 1, "deleteCount": 1, "cells": [new]}
    opened, closed = [text(3, "import sys")], [{"uri": cell(1)}]
    change(editor, structure={"array": array, "didOpen": opened, "didClose": closed})
    assert (await asked(editor, 0, 3))[0].prefix == "import re\nimport sys\nos."
    change(editor, data=[{"kind": PROSE, "document": cell(0)}])
    assert (await asked(editor, 0, 3))[0].prefix == "import sys\nos."


async def test_a_closed_notebook_is_forgotten(editor):
    closed = [{"uri": cell(number)} for number in range(3)]
    params = {"notebookDocument": {"uri": NOTEBOOK}, "cellTextDocuments": closed}
    editor.notify("notebookDocument/didClose", params)
    assert await editor.complete(0, 3, uri=cell(2)) == []
    change(editor, data=[])
    editor.open("x = ", uri=cell(2))
    assert (await asked(editor, 0, 4))[0].prefix == "x = "
