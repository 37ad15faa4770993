"""`completer telemetry`: what was deleted, and who is known in several installations."""

import json

import pytest

from telemetry.privacy import KEY_FILE
from telemetry.report import build
from tests.completer.cli.as_user import as_user
from tests.telemetry.conftest import Editor
from tests.telemetry.test_merging import record


@pytest.fixture
def run(monkeypatch, capsys, tmp_path):
    """Run `completer telemetry` as a user does; returns its exit code, output and errors."""
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    monkeypatch.setenv("COMPLETER_TELEMETRY__FOLDER", str(tmp_path / "here"))
    return as_user(monkeypatch, capsys, "telemetry")


@pytest.fixture
def here(tmp_path):
    record(tmp_path / "here", "ada", "bob")
    return tmp_path / "here"


def test_a_purge_leaves_a_receipt(here, run):
    code, out, _ = run("purge", "--yes", "--user", "ada")
    assert code == 0
    assert out == "Deleted 4 rows: 1 opportunity, 1 suggestion, 2 session.\n"
    code, out, _ = run("purge", "--yes", "--everything", "--json")
    receipt = json.loads(out)
    assert (code, receipt["left"], len(receipt["removed"])) == (0, {}, 1)
    assert receipt["rows"] == sum(receipt["tables"].values()) > 0


def test_a_purge_that_left_something_fails(here, run):
    editor = Editor(here)
    editor.settle()
    code, out, err = run("purge", "--yes", "--everything")
    editor.recorder.close()
    assert code == 1
    assert "Deleted" in out
    assert "a running process writes it; stop it and ask again" in err


def test_without_a_key_nobody_can_be_purged(here, run):
    (here / KEY_FILE).unlink()
    code, _, err = run("purge", "--yes", "--user", "ada")
    assert code == 1
    assert f"{KEY_FILE} is missing" in err
    assert "bring the key here" in err


def test_a_teams_key_that_is_missing_is_said(here, run, monkeypatch, tmp_path):
    monkeypatch.setenv("COMPLETER_TELEMETRY__IDENTITY_FILE", str(tmp_path / "none.key"))
    code, _, err = run("purge", "--yes", "--user", "ada")
    assert code == 1
    assert "none.key is missing" in err


def test_a_key_for_a_team_says_what_it_can_do(run, tmp_path):
    code, out, _ = run("identity", tmp_path / "people.key")
    assert code == 0
    assert "Whoever has it can tell by a name which records are that person's" in out
    code, _, err = run("identity", tmp_path / "people.key")
    assert code == 1
    assert "Name another file" in err


def test_another_installation_is_taken_in(here, run, tmp_path):
    record(tmp_path / "there", "ada", "carol")
    code, out, _ = run("merge", tmp_path / "there", "--user", "ada")
    assert code == 0
    assert "Took in 1 files" in out
    assert "Known by name: ada. People whose names were not given: 1" in out
    assert build(here).users == 3


def test_an_installation_without_its_key_is_not_taken_in(here, run, tmp_path):
    record(tmp_path / "there", "ada")
    (tmp_path / "there" / KEY_FILE).unlink()
    code, _, err = run("merge", tmp_path / "there", "--user", "ada")
    assert code == 1
    assert "Bring its key" in err
    assert build(here).users == 2


def test_databases_are_collected_into_one_that_a_report_reads(here, run, tmp_path):
    into = tmp_path / "all.sqlite3"
    code, out, err = run("collect", here, "--into", into)
    assert (code, err) == (0, "")
    assert out == "Read 1 files: 3 session, 2 opportunity, 2 suggestion new, 0 changed.\n"
    code, out, _ = run("collect", here, "--into", into, "--json")
    assert json.loads(out) == {
        "files": 1, "added": {}, "changed": {}, "people_keys": 1, "failed": {}
    }  # fmt: skip
    assert build(into).users == build(here).users


def test_several_keys_and_what_was_left_out_are_said(here, run, tmp_path):
    there = record(tmp_path / "there", "carol")
    there = there.rename(there.with_name(there.name.replace("0123abcd", "4567abcd")))
    code, _, err = run(
        "collect", here, there, tmp_path / "none", "--into", tmp_path / "all.sqlite3"
    )
    assert code == 1
    assert "known under 2 keys" in err
    assert f"Left {tmp_path / 'none'}: no telemetry database" in err


def test_what_is_no_collection_is_not_collected_into(here, run):
    (file,) = here.glob("*.sqlite3")
    code, _, err = run("collect", here, "--into", file)
    assert code == 1
    assert "is not a collection of telemetry databases" in err
    assert "Name a file that is not there yet" in err
