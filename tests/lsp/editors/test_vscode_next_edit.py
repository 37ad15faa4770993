"""Next edits in real VS Code, around a real service without a model."""

from __future__ import annotations

import sys

import pytest

from tests.lsp.editors.codeserver import ROOT, browser, code_server, window

pytestmark = [pytest.mark.slow, pytest.mark.alone]

SERVER = {
    "completer.command": sys.executable,
    "completer.arguments": ["-m", "tests.lsp.next_edit_server"],
}
TEXT = "def f(size):\n    print(1)\n    return size * size\n\n\nf(size=2)\n"


@pytest.fixture(scope="module")
def address(vsix, tmp_path_factory):
    folder = tmp_path_factory.mktemp("next")
    (folder / "project" / ".git").mkdir(parents=True)
    (folder / "project" / "app.py").write_text(TEXT)
    env = {"PYTHONPATH": str(ROOT), "COMPLETER_CONFIG": str(folder / "config.toml")}
    with code_server(vsix, folder / "project", folder / "data", SERVER, **env) as address:
        yield address


@pytest.fixture
def code(address):
    with browser() as chromium, window(chromium, address) as opened:
        opened.open("app.py")
        yield opened


def hints(code):
    """Next edits that are on the screen."""
    return [text for text in code.behind_lines if "⇥" in text]


def test_a_rename_is_dismissed_and_another_followed_with_tab(code):
    code.keys("Control+Home", *["ArrowRight"] * 6, *["Delete"] * 4)
    code.type("length")
    code.until(lambda: hints(code) == ["⇥ size → length"])
    code.keys("Escape")
    code.until(lambda: not hints(code))
    code.keys(*["Backspace"] * 6)
    code.type("width")
    code.until(lambda: hints(code) == ["⇥ size → width"])
    tabs = 0
    while code.text.count("width") < 4 and tabs < 9:
        code.until(lambda: hints(code))
        before = code.text, code.caret
        code.keys("Tab")
        code.until(lambda before=before: (code.text, code.caret) != before)
        tabs += 1
    assert code.text.rstrip() == TEXT.replace("size", "width").rstrip()
    assert tabs == 5  # two jumps, three edits
