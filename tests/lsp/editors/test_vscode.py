"""The VS Code extension: what its manifest promises, and what it is built from."""

from __future__ import annotations

import json
import re
import zipfile
from pathlib import Path

import pytest

import lsp
from lsp.commands import DISABLED_COMMAND, SET_DISABLED_COMMAND, WHY_COMMAND
from lsp.feedback import ACCEPT_COMMAND
from lsp.options import CLIENT_OPTIONS, LspOptions

FOLDER = Path(lsp.__file__).parent / "editors" / "vscode"
PACKAGE = json.loads((FOLDER / "package.json").read_text())
CONTRIBUTES = PACKAGE["contributes"]
SETTINGS = CONTRIBUTES["configuration"]["properties"]
COMMANDS = [command["command"] for command in CONTRIBUTES["commands"]]
SOURCE = "\n".join(file.read_text() for file in sorted((FOLDER / "src").glob("*.ts")))


def test_a_repository_cannot_choose_the_program():
    for name in ("completer.command", "completer.arguments"):
        assert SETTINGS[name]["scope"] == "machine"


def test_the_readme_names_every_setting_and_command():
    readme = (FOLDER / "README.md").read_text()
    assert all(f"`{name}`" in readme for name in [*SETTINGS, *COMMANDS])


def test_every_command_that_is_promised_is_registered():
    table = SOURCE.split("const commands: Record", 1)[1].split("};", 1)[0]
    registered = {f"completer.{name}" for name in re.findall(r"^\s+(\w+): \(\) =>", table, re.M)}
    assert set(COMMANDS) <= registered
    servers = {ACCEPT_COMMAND, WHY_COMMAND, DISABLED_COMMAND, SET_DISABLED_COMMAND}
    assert not registered & servers  # the language client registers these
    assert {binding["command"] for binding in CONTRIBUTES["keybindings"]} <= set(COMMANDS)


def test_every_wish_is_an_option_of_the_server():
    sent = SOURCE.split("initializationOptions: {", 1)[1].split("}", 1)[0]
    names = re.findall(r"^\s+(\w+): setting", sent, re.M)
    wishes = {name: SETTINGS[f"completer.{name}"]["default"] for name in names}
    options = LspOptions(choices=9).with_client_wishes(wishes | {"disabledIn": ["*.md"]})
    assert (options.choices, options.disabled_in) == (3, ("*.md",))
    assert len(names) <= len(CLIENT_OPTIONS)


def test_the_lockfile_names_no_registry():
    assert "resolved" not in (FOLDER / "package-lock.json").read_text()


@pytest.mark.slow
def test_the_extension_is_built_with_the_language_client_and_nothing_else(vsix):
    names = {Path(name).name for name in zipfile.ZipFile(vsix).namelist()}
    pages = {"install.md", "type.md", "off.md", "readme.md"}
    parts = {"extension.js", "vscode-languageclient.LICENSE.txt", "package.json"}
    assert names == pages | parts | {"extension.vsixmanifest", "[Content_Types].xml"}
