"""An editor with an open session, for every test that wants one."""

from __future__ import annotations

import pytest_asyncio

from tests.lsp.editor import Editor


@pytest_asyncio.fixture
async def editor():
    editor = Editor()
    await editor.initialize()
    return editor
