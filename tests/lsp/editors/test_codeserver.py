"""The extension in real VS Code, around a scripted server."""

from __future__ import annotations

import json

import pytest

from tests.lsp.editors.codeserver import FAKE_SERVER, ROOT, browser, code_server, window
from tests.lsp.fake_server import BLOCK

pytestmark = [pytest.mark.slow, pytest.mark.alone]

REST = BLOCK.removeprefix("tot")


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    folder = tmp_path_factory.mktemp("code")
    (folder / "project" / ".git").mkdir(parents=True)
    return folder


@pytest.fixture(scope="module")
def address(vsix, place):
    env = {"PYTHONPATH": str(ROOT), "FAKE_SERVER_LOG": str(place / "log")}
    env["COMPLETER_CONFIG"] = str(place / "config.toml")
    with code_server(vsix, place / "project", place / "data", FAKE_SERVER, **env) as address:
        yield address


@pytest.fixture(scope="module")
def chromium(address):
    with browser() as chromium:
        yield chromium


@pytest.fixture
def code(chromium, address, place, request):
    file = place / "project" / f"{request.node.name[5:30]}.py"
    file.write_text("x = 1\n")
    (place / "log").write_text("")
    with window(chromium, address) as opened:
        opened.open(file.name)
        yield opened


@pytest.fixture
def told(place):
    """What the recorder was told: events of some kinds, as dictionaries."""

    def events(*kinds):
        read = [json.loads(line) for line in (place / "log").read_text().splitlines()]
        return [event for event in read if event["event"] in kinds]

    return events


def test_what_is_shown_is_accepted_with_tab(code, told):
    code.type("tot")
    code.shows(REST)
    code.keys("Tab")
    code.until(lambda: told("Accepted"))
    assert (told("Accepted")[0]["kind"], told("Accepted")[0]["source"]) == ("full", "client")
    assert code.ghost != REST


def test_a_word_and_a_line_are_accepted_and_told(code, told):
    code.type("tot")
    code.shows(REST)
    code.keys("Control+ArrowRight")
    code.until(lambda: told("Accepted"))
    code.keys("Control+Shift+ArrowRight")
    code.until(lambda: len(told("Accepted")) > 1)
    assert [each["kind"] for each in told("Accepted")[:2]] == ["word", "line"]
    assert [each["length"] for each in told("Accepted")[:2]] == [5, BLOCK.index("\n") + 1]


def test_alternatives_are_gone_through(code, told):
    code.type("tot")
    code.shows(REST)
    code.keys("Alt+BracketRight")
    code.shows(f"{REST}  # 1")
    code.keys("Tab")
    code.until(lambda: told("Accepted"))
    assert told("Accepted")[0]["suggestion"].endswith("-1")


def test_a_dismissal_is_told(code, told):
    code.type("tot")
    code.shows(REST)
    code.keys("Escape")
    code.shows("")
    code.until(lambda: told("Hidden"))
    assert told("Hidden")[0]["reason"] == "esc"


def test_where_it_is_only_shown_when_asked_for_a_modifier_pressed_twice_asks(
    chromium, address, place, told
):
    user, log = place / "data" / "User", place / "log"
    before = (user / "settings.json").read_text()
    asked = json.loads(before) | {"completer.ghostText": "asked"}
    (user / "settings.json").write_text(json.dumps(asked))
    twice = {"key": "shift shift", "command": "completer.show"}
    (user / "keybindings.json").write_text(json.dumps([twice]))
    (place / "project" / "asked.py").write_text("x = 1\n")
    log.write_text("")
    try:
        with window(chromium, address) as code:
            code.open("asked.py")
            code.type("tot")
            code.page.wait_for_timeout(1000)  # more than it waits after a key
            assert (code.ghost, told("Opportunity")) == ("", [])
            for keys in (["Alt+Backslash"], ["Shift", "Shift"]):
                code.keys(*keys)
                code.shows(REST)
                code.keys("Escape")
                code.shows("")
    finally:
        (user / "settings.json").write_text(before)
        (user / "keybindings.json").unlink()


def test_it_is_toggled_and_says_why(code):
    code.run("Completer: Turn Completions On or Off")
    code.until(lambda: "Completions are off" in code.tooltip)
    code.type("tot")
    code.run("Completer: Why Was Nothing Shown?")
    code.until(lambda: "Completions are off" in code.notifications)
    assert code.ghost == ""
    code.run("Completer: Turn Completions On or Off")
    code.until(lambda: "Completions are on" in code.tooltip)
    code.type("a")
    code.shows(REST[1:])


def test_it_is_toggled_for_good_by_language(code, place):
    config = place / "config.toml"
    title = "Completer: Turn Completions On or Off for This Language"
    code.run(title)
    code.until(lambda: config.exists() and "language:python" in config.read_text())
    code.run(title)
    code.until(lambda: "language:python" not in config.read_text())


def test_an_error_is_in_the_status_and_why_is_told(code):
    code.type("fail")
    code.until(lambda: "The queue is full." in code.tooltip)
    code.run("Completer: Why Was Nothing Shown?")
    code.until(lambda: "The queue is full." in code.notifications)


def test_cells_of_a_notebook_are_one_document(chromium, address, place):
    cells = [
        {"cell_type": "code", "id": name, "metadata": {}, "outputs": [], "source": source}
        | {"execution_count": None}
        for name, source in (("a", "import os"), ("b", "x = 1"))
    ]
    language = {"language_info": {"name": "python"}}
    notebook = {"cells": cells, "metadata": language, "nbformat": 4, "nbformat_minor": 5}
    (place / "project" / "cells.ipynb").write_text(json.dumps(notebook))
    with window(chromium, address) as code:
        code.open("cells.ipynb", editor=".cell.code .view-lines >> nth=1")
        code.keys("End", "Enter")
        code.type("above")
        code.shows(" is import os")


def test_a_program_that_is_missing_is_told(vsix, chromium, tmp_path):
    (tmp_path / "project").mkdir()
    (tmp_path / "project" / "app.py").write_text("x = 1\n")
    settings = {"completer.command": "/no/such/completer"}
    with (
        code_server(vsix, tmp_path / "project", tmp_path / "data", settings) as address,
        window(chromium, address) as code,
    ):
        code.until(lambda: "could not start" in code.notifications)
        assert "completer.command" in code.notifications
        code.until(lambda: "/no/such/completer" in code.tooltip)
