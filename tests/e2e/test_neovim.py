"""Real Neovim on the embedded model: what a person sees, and what reaches the database."""

import json
import os
import signal
import subprocess
import time
from pathlib import Path

import pytest

from tests.e2e.conftest import COMPLETER, run
from tests.e2e.engine_killer import engines
from tests.e2e.neovim_soak import ERRORS, errors_below, type_for
from tests.lsp.editors.installed import needed
from tests.lsp.editors.neovim import Neovim

pytestmark = pytest.mark.slow


@pytest.fixture
def window(home, project, tmp_path, monkeypatch):
    program = needed("nvim")
    for name, value in home.items():
        monkeypatch.setenv(name, value)
    started = []

    def open_window(file="app.py"):
        neovim = Neovim(program, tmp_path, f"{{ cmd = {{ {str(COMPLETER)!r}, 'lsp' }} }}")
        started.append(neovim)
        neovim.open(project / file)
        return neovim

    yield open_window
    for neovim in started:
        neovim.close()


@pytest.fixture
def neovim(window):
    return window()


def shown(neovim):
    """Type until something is shown, as a model may have nothing to say here and there.

    Again from the start: on a busy machine an engine that just begins is too late for all of it.
    """
    for text in ("ogrand_tot", "al = price_w", "ith_tax(", "<Esc>oprint(pr", "<Esc>") * 3:
        neovim.type(text)
        try:
            neovim.until(lambda: neovim.ghost, 20)
        except AssertionError:
            continue
        return neovim.ghost
    raise AssertionError(neovim.text)


def figures(home):
    done = run("report", "--json", "--db", home["COMPLETER_TELEMETRY__FOLDER"], env=home)
    return json.loads(done.stdout)["overall"]


def test_type_see_accept_dismiss_and_report(neovim, home):
    ghost = shown(neovim)
    before = neovim.text
    neovim.type("<M-Right>")
    neovim.until(lambda: neovim.text != before)
    word = len(neovim.text) - len(before)
    assert 0 < word <= len(ghost)
    neovim.type("<Tab>")
    neovim.until(lambda: ghost in neovim.text)
    neovim.type("<Esc>o")
    shown(neovim)
    neovim.type("<C-]>")
    neovim.shows(None)
    neovim.api.command("wall")
    neovim.close()

    overall = figures(home)
    assert overall["acceptance"]["n"] >= 1
    assert overall["acceptance"]["value"] > 0


def test_two_windows_share_an_engine_and_its_end_is_survived(window, home):
    one, other = window(), window("prices.py")
    shown(one)
    shown(other)
    (engine,) = engines(home)
    assert engine["editors"] == 2
    os.kill(engine["pid"], signal.SIGKILL)
    one.type("<Esc>")
    began = time.monotonic()
    assert one.lua("return 1") == 1
    assert time.monotonic() - began < 0.5
    shown(one)
    assert engines(home)[0]["pid"] != engine["pid"]
    one.type("<Esc><Cmd>Completer status<CR>")
    one.until(lambda: str(engines(home)[0]["pid"]) in one.messages)


def test_typing_leaves_no_error_in_any_log(neovim, tmp_path):
    done, _ = type_for(neovim, 15)
    assert done["keys"] > 50
    assert errors_below(tmp_path) == []
    assert not any(map(ERRORS.search, neovim.messages.splitlines()))


def test_a_secret_file_gets_nothing_and_why_is_told(neovim, project):
    (project / ".env").write_text("TOKEN=\n")
    neovim.open(project / ".env")
    neovim.type("ATOK")
    told = "return require('completer').status.message"
    neovim.until(lambda: neovim.lua(told) == ".env may hold secrets", 60)
    assert neovim.ghost is None
    neovim.type("<Esc><Cmd>Completer why<CR>")
    neovim.until(lambda: ".env may hold secrets" in neovim.messages)


def test_after_setup_a_plain_neovim_has_the_plugin(home, tmp_path):
    nvim = Path(needed("nvim"))
    places = {"XDG_DATA_HOME": str(tmp_path / "data"), "XDG_STATE_HOME": str(tmp_path)}
    env = {**home, **places, "PATH": f"{nvim.parent}:{home['PATH']}"}
    done = run("setup", "--yes", "--no-doctor", "--only", "neovim", env=env)
    assert done.returncode == 0, done.stderr
    ask = "lua io.write(vim.lsp.config.completer.cmd[1])"
    command = [str(nvim), "--headless", "-i", "NONE", f"+{ask}", "+q"]
    shown = subprocess.run(command, env=env, capture_output=True, text=True, timeout=60)
    assert shown.stdout == str(COMPLETER), shown.stderr
    run("setup", "--remove", env=env)
    gone = subprocess.run(command, env=env, capture_output=True, text=True, timeout=60)
    assert gone.stdout == ""
