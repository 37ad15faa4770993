"""One list says where nothing is completed, and is followed as the user's file changes."""

import os
from pathlib import Path

import pytest

from completer.serving.disabled import Disabled, found_in
from completer.settings import Settings, load_settings
from completer.user_settings import write_setting

ROOT = Path("/repo")


@pytest.mark.parametrize(
    ("entries", "path", "found"),
    [
        (["*.env"], "prod.env", "*.env"),
        (["*.env"], "deep/er/prod.env", "*.env"),
        (["*.env"], "env.py", ""),
        (["secrets/**"], "secrets/a/b.py", "secrets/**"),
        (["secrets/**"], "src/secrets/b.py", ""),
        (["secrets/"], "src/secrets/b.py", "secrets/"),
        (["*.py", "!keep.py"], "keep.py", ""),
        (["*.py", "!keep.py"], "other.py", "*.py"),
        (["language:python"], "a.py", "language:python"),
        (["language:markdown"], "a.py", ""),
        (["[", ""], "a.py", ""),
    ],
)
def test_entries_are_patterns_as_in_gitignore_or_languages(entries, path, found):
    assert found_in(tuple(entries), ROOT / path, None, ROOT) == found


def test_a_language_is_the_clients_word_or_the_names():
    assert found_in(("language:markdown",), None, "markdown") == "language:markdown"
    assert found_in(("language:python",), ROOT / "x.py", "mine") == "language:python"


def test_outside_of_a_workspace_patterns_without_a_folder_hold():
    assert found_in(("*.tex",), Path("/elsewhere/a.tex"), None, ROOT) == "*.tex"
    assert found_in(("*.tex",), Path("a.tex"), None) == "*.tex"


@pytest.mark.parametrize("name", [".env", "prod.env", "id_rsa", "secrets.toml", ".aws/config"])
def test_files_that_may_hold_secrets_need_no_entry(name):
    path = ROOT / name
    assert Disabled(Settings()).why(path, None, ROOT) == f"{path.name} may hold secrets"
    assert Disabled(Settings(secrets="keep")).why(path, None, ROOT) == ""


def test_the_users_file_is_followed(tmp_path):
    file = tmp_path / "config.toml"
    file.write_text("")
    disabled = Disabled(load_settings(file=file).settings)
    assert disabled.why(ROOT / "a.py", None) == ""

    write_setting(file, "completion", "disabled_in", ["*.py"])
    assert disabled.why(ROOT / "a.py", None) == "disabled here: *.py"
    file.write_text("[completion]\ndisabled_in = 3\n")
    assert disabled.why(ROOT / "a.py", None) == "disabled here: *.py"
    file.unlink()
    assert disabled.why(ROOT / "a.py", None) == ""


def test_what_the_environment_says_stays(tmp_path, monkeypatch):
    monkeypatch.setenv("COMPLETER_COMPLETION__DISABLED_IN", '["*.md"]')
    file = tmp_path / "config.toml"
    file.write_text("")
    disabled = Disabled(load_settings(file=file).settings)
    write_setting(file, "completion", "disabled_in", ["*.py"])

    assert os.environ["COMPLETER_COMPLETION__DISABLED_IN"]
    assert disabled.why(ROOT / "a.py", None) == ""
    assert disabled.why(ROOT / "a.md", None) == "disabled here: *.md"


@pytest.mark.parametrize(
    ("entries", "scope", "found"),
    [
        (("scope:comment",), "comment", "disabled here: scope:comment"),
        (("scope:string", "scope: comment"), "comment", "disabled here: scope: comment"),
        (("scope:comment",), "code", ""),
        (("*.txt",), "comment", ""),
    ],
)
def test_what_the_caret_stands_in_may_be_an_entry(entries, scope, found):
    disabled = Disabled(Settings())
    assert disabled.why(ROOT / "a.py", "python", ROOT, entries, lambda: scope) == found


def test_nobody_is_asked_what_the_caret_stands_in_where_no_entry_is_about_that():
    def scope():
        raise AssertionError("asked")

    assert Disabled(Settings()).why(ROOT / "a.py", None, ROOT, ("*.txt",), scope) == ""
