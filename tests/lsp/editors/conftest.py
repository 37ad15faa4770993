"""What the tests of the VS Code extension share: it is built once."""

from __future__ import annotations

import pytest

from tests.lsp.editors.codeserver import build


@pytest.fixture(scope="session")
def vsix(tmp_path_factory):
    return build(tmp_path_factory.mktemp("vsix") / "vscode")
