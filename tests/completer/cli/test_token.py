"""`completer token`."""

from __future__ import annotations

import json

import pytest
from typer.testing import CliRunner

from completer.cli.commands import app
from completer.http.tokens import TokenFile, digest_of
from completer.settings import CONFIG_VARIABLE


@pytest.fixture
def file(tmp_path, monkeypatch):
    monkeypatch.setenv(CONFIG_VARIABLE, str(tmp_path / "config.toml"))
    return TokenFile(tmp_path / "tokens.json")


def run(*arguments: str):
    result = CliRunner().invoke(app, ["token", *arguments])
    if result.exception is not None and not isinstance(result.exception, SystemExit):
        raise result.exception
    return result


def test_a_token_is_shown_once_and_alone_on_standard_output(file, tmp_path):
    shown = run("add", "ada", "--workspace", str(tmp_path))
    secret = shown.stdout.strip()

    (token,) = file.read()
    assert token.sha256 == digest_of(secret.encode())
    assert token.workspaces == (tmp_path.resolve(),)
    assert str(tmp_path) in shown.stderr
    assert secret not in run("list").output + run("list", "--json").output


def test_the_list_tells_who_and_what_for(file, tmp_path):
    run("add", "ada", "-w", str(tmp_path))
    run("add", "bob")
    facts = json.loads(run("list", "--json").stdout)

    assert [each["name"] for each in facts] == ["ada", "bob"]
    assert [each["workspaces"] for each in facts] == [[str(tmp_path.resolve())], None]
    assert all("sha256" not in each and each["created"] for each in facts)
    lines = run("list").stdout.splitlines()
    assert lines[0].startswith("ada ")
    assert "every workspace" in lines[1]


def test_removing_the_last_one_says_what_that_means(file):
    run("add", "ada")
    run("add", "bob")
    assert run("remove", "ada").stderr == ""
    assert "the last" in run("remove", "bob").stderr
    assert file.read() == ()


def test_another_file_may_be_named(file, tmp_path):
    (tmp_path / "other").mkdir()
    other = tmp_path / "other" / "config.toml"
    other.write_text("[server]\nport = 1\n")
    run("add", "ada", "--config", str(other))
    other.write_text(f"[server]\ntokens = {str(tmp_path / 'people.json')!r}\n")
    run("add", "bob", "--config", str(other))

    assert file.read() == ()
    for path, name in ((other.with_name("tokens.json"), "ada"), (tmp_path / "people.json", "bob")):
        assert [token.name for token in TokenFile(path).read()] == [name]
