"""The VS Code extension, run by node with a stand-in for VS Code."""

from __future__ import annotations

import json
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

import lsp
from lsp.options import CLIENT_OPTIONS, LspOptions

FOLDER = Path(lsp.__file__).parent / "editors" / "vscode"
PACKAGE = json.loads((FOLDER / "package.json").read_text())
SETTINGS = PACKAGE["contributes"]["configuration"]["properties"]
COMMANDS = [command["command"] for command in PACKAGE["contributes"]["commands"]]
NODE = shutil.which("node")

needs_node = pytest.mark.skipif(NODE is None, reason="node is not installed")


def run(**changes: object) -> Any:
    """What the extension does when it is activated, asked, switched off and restarted."""
    values = {name.removeprefix("completer."): each["default"] for name, each in SETTINGS.items()}
    stub = Path(__file__).with_name("stub_vscode.js")
    command = [str(NODE), str(stub), str(FOLDER / "extension.js"), json.dumps(values | changes)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=30, check=True)
    return json.loads(done.stdout)


@needs_node
def test_it_starts_the_server_and_registers_what_it_declares():
    did = run(disabledLanguages=["markdown"])
    assert sorted(did["registered"]) == sorted(COMMANDS)
    first, again = did["started"]
    assert first == again
    assert first["server"] == {"command": "completer", "args": ["lsp"]}
    assert (did["python"], did["markdown"], did["afterToggle"]) == ("asked", None, None)
    assert did["handled"] == ["didChangeStatus"] * 2
    assert "$(warning) Completer" in did["status"]
    assert did["notified"] == []


@needs_node
def test_its_wishes_are_options_of_the_server():
    wishes = run(choices=3, afterDeletion=False)["started"][0]["wishes"]
    options = LspOptions().with_client_wishes(wishes)
    assert (options.choices, options.after_deletion) == (3, False)
    assert len(wishes) <= len(CLIENT_OPTIONS)


@needs_node
def test_a_missing_program_is_told_with_what_to_do():
    did = run(command="missing")
    assert all("completer.command" in message for message in did["notified"])
    assert did["notified"]
    assert did["status"][0] == "$(error) Completer"


def test_a_repository_cannot_choose_the_program():
    for name in ("completer.command", "completer.arguments"):
        assert SETTINGS[name]["scope"] == "machine"


def test_the_readme_names_every_setting_and_command():
    readme = (FOLDER / "README.md").read_text()
    assert all(f"`{name}`" in readme for name in [*SETTINGS, *COMMANDS])
