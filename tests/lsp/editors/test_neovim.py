"""The Neovim plugin, run by a Lua like Neovim's with a stand-in for Neovim."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path

import pytest

import lsp

FOLDER = Path(lsp.__file__).parent / "editors" / "neovim"
LUA = shutil.which("luajit") or shutil.which("lua5.1")

needs_lua = pytest.mark.skipif(LUA is None, reason="neither luajit nor lua5.1 is installed")


def run(*arguments: str) -> list[str]:
    """What the plugin does when it is set up and used."""
    stub = Path(__file__).with_name("stub_vim.lua")
    command = [str(LUA), str(stub), str(FOLDER), *arguments]
    done = subprocess.run(command, capture_output=True, text=True, timeout=30, check=True)
    return done.stdout.splitlines()


@needs_lua
def test_it_starts_the_server_and_maps_its_keys():
    assert run() == [
        "config completer completer 3",
        "start completer true",
        "inline true 7",
        "tab without <Tab>",
        "tab with true",
        "select 1",
        "inline false 7",
        "redrawstatus",
        "notify completer: Warning full",
        "notify completer: no such action: explode",
    ]


@needs_lua
def test_an_old_neovim_is_told_so():
    assert run("old") == ["notify completer needs Neovim 0.12 or newer"]


@needs_lua
@pytest.mark.parametrize("file", sorted(FOLDER.rglob("*.lua")), ids=lambda file: file.name)
def test_every_file_is_lua(file):
    command = [str(LUA), "-e", f"assert(loadfile({str(file)!r}))"]
    subprocess.run(command, timeout=30, check=True)


def test_the_readme_names_every_option_and_command():
    readme = (FOLDER / "README.md").read_text()
    source = (FOLDER / "lua/completer/init.lua").read_text()
    options = re.findall(r"---@field (\w+)\?", source)
    actions = re.findall(
        r"^  (\w+) = function", (FOLDER / "plugin/completer.lua").read_text(), re.M
    )
    assert options
    assert actions
    assert all(f"`{name}`" in readme for name in options)
    assert all(name in readme for name in actions)
