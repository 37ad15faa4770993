"""Next edits in a real Neovim, around a real service without a model."""

from __future__ import annotations

import sys
import time
from pathlib import Path

import pytest

from tests.lsp.editors.installed import needed
from tests.lsp.editors.neovim import ROOT, Neovim

pytestmark = pytest.mark.slow

SERVER = f"{{ {sys.executable!r}, '-m', 'tests.lsp.next_edit_server' }}"
TEXT = "def f(size):\n    print(1)\n    return size * size\n\n\nf(size=2)\n"
HINTS = """
local marks = vim.api.nvim_buf_get_extmarks(
  0, vim.api.nvim_create_namespace('completer_next_edit'), 0, -1, { details = true })
return vim.tbl_map(function(mark) return { mark[2] + 1, mark[4].virt_text[1][1] } end, marks)
"""


@pytest.fixture(params=["{}"])
def neovim(request, tmp_path, monkeypatch):
    program = needed("nvim")
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    monkeypatch.setenv("COMPLETER_CONFIG", str(tmp_path / "config.toml"))
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    monkeypatch.chdir(ROOT)
    (tmp_path / ".git").mkdir()
    (tmp_path / "app.py").write_text(TEXT)
    mapped = "vim.keymap.set('n', '<Tab>', 'O# mine<Esc>')"
    started = Neovim(
        program, tmp_path, f"{{ cmd = {SERVER}, next_edit = {request.param} }}", before=mapped
    )
    started.open(Path(tmp_path / "app.py"))
    yield started
    started.close()


def hints(neovim):
    return neovim.lua(HINTS)


def rename(neovim):
    neovim.lua("vim.api.nvim_win_set_cursor(0, { 1, 6 })")
    neovim.type("cwwidth<Esc>")
    neovim.until(lambda: hints(neovim) == [[3, "  ⇥ size → width"]])


def state(neovim):
    return neovim.lua("return vim.api.nvim_win_get_cursor(0)"), neovim.text


def test_a_rename_is_followed_with_tab(neovim):
    rename(neovim)
    tabs = 0
    while "size" in neovim.text:
        neovim.until(lambda: hints(neovim))
        before = state(neovim)
        neovim.type("<Tab>")
        neovim.until(lambda before=before: state(neovim) != before)
        tabs += 1
    assert neovim.text == TEXT.replace("size", "width").rstrip("\n")
    assert tabs == 5  # two jumps, three edits


def test_esc_dismisses_and_without_an_edit_keys_mean_what_they_did(neovim):
    rename(neovim)
    neovim.type("<Esc>")
    neovim.until(lambda: hints(neovim) == [])
    assert neovim.text.count("size") == 3
    neovim.type("A # x<Esc>")
    neovim.until(lambda: "# x" in neovim.text)
    assert hints(neovim) == []
    neovim.type("<Tab>")
    neovim.until(lambda: "# mine" in neovim.text)


@pytest.mark.parametrize("neovim", ["{ shown = 'asked' }"], indirect=True)
def test_where_edits_are_only_shown_when_asked_for(neovim):
    neovim.lua("vim.api.nvim_win_set_cursor(0, { 1, 6 })")
    neovim.type("cwwidth<Esc>")
    neovim.until(lambda: "width" in neovim.text)
    time.sleep(1)  # more than it waits after an edit
    assert hints(neovim) == []
    neovim.type("<M-n>")
    neovim.until(lambda: hints(neovim) == [[3, "  ⇥ size → width"]])


def test_a_parameter_of_three_files_is_renamed_with_a_quarter_of_the_keys(neovim, tmp_path):
    after = {
        "app.py": TEXT.replace("size", "width"),
        "b.py": "from app import f\n\nprint(f(width=3))\n",
        "c.py": "from app import f\n\n\ndef g(size):\n    return f(width=size)\n",
    }
    for name in ("b.py", "c.py"):
        (tmp_path / name).write_text(after[name].replace("width", "size"))
    neovim.api.command("set hidden")
    retyped, opened = len("cwwidth") + 1, len(":e b.py") + 1
    by_hand = 6 * (len("n") + retyped) + 2 * opened
    rename(neovim)
    keys = retyped
    while any(text_of(neovim, tmp_path / name) != text for name, text in after.items()):
        neovim.until(lambda: hints(neovim))
        before = state(neovim)
        neovim.type("<Tab>")
        neovim.until(lambda before=before: state(neovim) != before)
        keys += 1
        assert keys <= by_hand / 4


def text_of(neovim, file):
    """A file's text, as Neovim has it once it is open."""
    number = neovim.api.funcs.bufnr(str(file))
    is_open = number > 0 and neovim.api.funcs.bufloaded(number)
    return "\n".join([*neovim.api.buffers[number][:], ""]) if is_open else file.read_text()
