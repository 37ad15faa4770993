"""The plugin in real Neovims, around a scripted server."""

from __future__ import annotations

import re
import sys
import time

import pytest

from tests.lsp.editors.installed import needed
from tests.lsp.editors.neovim import PLUGIN, ROOT, Neovim
from tests.lsp.fake_server import BLOCK

pytestmark = pytest.mark.slow

SERVER = f"{{ {sys.executable!r}, '-m', 'tests.lsp.fake_server' }}"
REST = BLOCK.removeprefix("tot")


@pytest.fixture(params=["nvim", "nvim-0.11"])
def start(request, tmp_path, monkeypatch):
    program = needed(request.param)
    monkeypatch.setenv("COMPLETER_CONFIG", str(tmp_path / "config.toml"))
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    monkeypatch.chdir(ROOT)
    started = []

    def begin(options: str = "", before: str = "") -> Neovim:
        setup = f"vim.tbl_extend('force', {{ cmd = {SERVER} }}, {{ {options} }})"
        neovim = Neovim(program, tmp_path, setup, before=before)
        started.append(neovim)
        (tmp_path / ".git").mkdir(exist_ok=True)
        file = tmp_path / "app.py"
        file.write_text("x = 1\n")
        neovim.open(file)
        return neovim

    yield begin
    for neovim in started:
        neovim.close()


@pytest.fixture
def neovim(start):
    return start()


def events(neovim):
    return [
        {name: value for name, value in event.items() if name not in ("suggestion_id", "id", "at")}
        for event in neovim.state()["outcomes"]
    ]


def kinds(neovim):
    return [event["event"] for event in events(neovim)]


def test_what_is_shown_is_accepted_with_tab_which_else_is_a_tab(neovim):
    neovim.type("otot")
    neovim.shows(REST)
    neovim.type("<Tab>")
    neovim.until(lambda: neovim.text == f"x = 1\n{BLOCK}")
    assert neovim.lua("return vim.api.nvim_win_get_cursor(0)") == [3, len("print(total)")]
    assert kinds(neovim)[:2] == ["Shown", "Accepted"]
    neovim.type("<Esc>ggO<C-]><Tab>")
    neovim.until(lambda: neovim.text.startswith(("\t\n", "        \n", "    \n")))


def test_typing_through_it_leaves_the_rest_on_the_screen(neovim):
    neovim.type("otot")
    neovim.shows(REST)
    neovim.type("a")
    neovim.shows(REST[1:], 0.5)
    neovim.type("x")
    neovim.shows("ed()\n")
    assert "typed_over" in [event.get("reason") for event in events(neovim)]


def test_a_word_and_a_line_are_accepted(neovim):
    neovim.type("otot")
    neovim.shows(REST)
    neovim.type("<M-Right>")
    neovim.shows(" = sum(items) / 2\nprint(total)", 0.5)
    neovim.type("<M-Right><M-Right>")
    neovim.shows("(items) / 2\nprint(total)", 0.5)
    neovim.type("<M-End>")
    neovim.shows("\nprint(total)", 0.5)
    neovim.type("<M-End>")
    neovim.until(lambda: neovim.text == f"x = 1\n{BLOCK}")
    told = [event for event in events(neovim) if event["event"] == "Accepted"]
    lengths = [len(BLOCK[: BLOCK.index(end)]) for end in (" =", " sum", "(items)", "\nprint")]
    assert [event["length"] for event in told[:4]] == lengths
    assert [event["kind"] for event in told] == ["word", "word", "word", "line", "full"]


def test_alternatives_are_fetched_and_gone_through(neovim):
    neovim.type("otot")
    neovim.shows(REST)
    neovim.type("<M-]>")
    neovim.shows(f"{REST}  # 1 (2/3)")
    neovim.type("<M-]>")
    neovim.shows(f"{REST}  # 2 (3/3)")
    neovim.type("<M-[>")
    neovim.shows(f"{REST}  # 1 (2/3)")
    neovim.type("<Tab>")
    neovim.until(lambda: neovim.text == f"x = 1\n{BLOCK}  # 1")
    assert [request["n"] for request in neovim.state()["requests"][:2]] == [1, 3]


def test_where_completions_come_only_when_asked_for(start):
    neovim = start("shown = 'asked'")
    neovim.type("otot")
    neovim.until(lambda: neovim.text.endswith("tot"))
    time.sleep(0.5)  # more than it waits after a key
    assert (neovim.ghost, neovim.state()["requests"]) == (None, [])
    neovim.type("<M-]>")
    neovim.shows(f"{REST} (1/3)")
    neovim.type("<Tab>")
    neovim.until(lambda: neovim.text == f"x = 1\n{BLOCK}")


def test_a_dismissal_is_told_and_holds_until_the_text_changes(neovim):
    neovim.type("otot")
    neovim.shows(REST)
    neovim.type("<C-]>")
    neovim.shows(None)
    neovim.until(lambda: kinds(neovim) == ["Shown", "Hidden"])
    assert events(neovim)[1]["reason"] == "esc"
    assert events(neovim)[1]["shown_for_ms"] >= 0
    assert neovim.ghost is None
    neovim.type("a")
    neovim.shows(REST[1:])


def test_leaving_insert_mode_hides_it(neovim):
    neovim.type("otot")
    neovim.shows(REST)
    neovim.type("<Esc>")
    neovim.shows(None)
    neovim.until(lambda: kinds(neovim) == ["Shown", "Hidden"])


@pytest.mark.parametrize("off", ["toggle", "toggle buffer", "disable"])
def test_it_is_toggled_in_the_session_and_by_buffer(neovim, off):
    neovim.type(f"<Cmd>Completer {off}<CR>otot")
    neovim.until(lambda: neovim.text.endswith("tot"))
    assert neovim.lua("return require('completer').statusline()") == "completer off"
    neovim.api.command("Completer why")
    assert "switched off" in neovim.messages
    on = off.replace("disable", "enable")
    neovim.type(f"<Esc>u<Cmd>Completer {on}<CR>otot")
    neovim.shows(REST)


@pytest.mark.parametrize(("what", "entry"), [("language", "language:python"), ("*.py", "*.py")])
def test_it_is_toggled_for_good_by_language_and_pattern(neovim, tmp_path, what, entry):
    config = tmp_path / "config.toml"
    neovim.api.command(f"Completer toggle {what}")
    neovim.until(lambda: config.exists() and entry in config.read_text())
    neovim.api.command(f"Completer toggle {what}")
    neovim.until(lambda: entry not in config.read_text())


def test_how_lines_are_indented_goes_with_requests(neovim):
    neovim.api.command("setlocal shiftwidth=3 expandtab")
    neovim.type("otot")
    neovim.shows(REST)
    assert neovim.state()["requests"][0]["indent"] == "   "


def test_why_and_status_are_told(neovim):
    neovim.type("ofail")
    neovim.until(lambda: neovim.lua("return require('completer').status.kind") == "Warning")
    assert neovim.lua("return require('completer').statusline()") == "completer !"
    neovim.api.command("Completer why")
    neovim.until(lambda: "The queue is full." in neovim.messages)
    neovim.type("<Cmd>Completer explode<CR>")
    neovim.until(lambda: "no such action: explode" in neovim.messages)


def test_other_plugins_keys_and_menus_come_first(start):
    mapping = "vim.keymap.set('i', '<Tab>', function() vim.g.other = true end)"
    neovim = start(before=mapping)
    neovim.type("o<C-]><Tab>")
    neovim.until(lambda: neovim.lua("return vim.g.other") is True)
    neovim.type("tot")
    neovim.shows(REST)
    neovim.type("<C-x><C-n><C-n>")  # a menu whose entry is selected
    neovim.api.command("call complete(1, ['total', 'totter'])")
    neovim.type("<C-n>")
    neovim.shows(None)


def test_a_program_that_is_missing_is_told(neovim):
    neovim.lua("require('completer').options.cmd = { '/no/such/completer' }")
    neovim.type("<Cmd>Completer log<CR>")
    neovim.until(lambda: "cannot be started" in neovim.messages)


def test_its_health_is_checked(neovim):
    neovim.api.command("checkhealth completer")
    assert "the server runs" in neovim.text
    assert "ERROR" not in neovim.text


def test_neovims_own_ghost_text_does_not_double_it(neovim):
    if neovim.lua("return vim.lsp.inline_completion == nil"):
        pytest.skip("this Neovim has none")
    filter_ = "{ client_id = vim.lsp.get_clients()[1].id }"
    assert neovim.lua(f"return vim.lsp.inline_completion.is_enabled({filter_})") is False


def test_the_readme_names_every_option_key_and_action():
    readme = (PLUGIN / "README.md").read_text()
    source = (PLUGIN / "lua/completer/init.lua").read_text()
    commands = (PLUGIN / "lua/completer/command.lua").read_text()
    names = re.findall(r"---@field (\w+)\? ?[^ ]*\[?\]? ", source)
    keys = re.findall(r"^    (\w+) = '(<.*>)',$", source, re.M)
    actions = re.findall(r"^  (\w+) = function", commands, re.M)
    assert (len(keys), len(names) > 6, len(actions) > 8) == (6, True, True)
    told = [*names, *(part for pair in keys for part in pair)]
    assert [each for each in told if f"`{each}`" not in readme] == []
    assert [name for name in actions if f"`:Completer {name}" not in readme] == []
