"""`completer report`: what is chosen by its flags, and what it refuses."""

import json

import pytest

from tests.completer.cli.as_user import as_user
from tests.telemetry.test_merging import record


@pytest.fixture
def run(monkeypatch, capsys, tmp_path):
    """Run `completer report` on two people as a user does; returns code, output and errors."""
    record(tmp_path / "telemetry", "ada", "bob")
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    monkeypatch.setenv("COMPLETER_TELEMETRY__FOLDER", str(tmp_path / "telemetry"))
    teams = [{"name": "red", "people": ["ada"]}, {"name": "blue", "people": ["bob", "carol"]}]
    monkeypatch.setenv("COMPLETER_TELEMETRY__TEAMS", json.dumps(teams))
    return as_user(monkeypatch, capsys, "report")


def report(run, *arguments):
    code, out, err = run("--json", *arguments)
    assert code == 0, err
    return json.loads(out)


def test_a_team_or_a_person_is_chosen(run):
    assert report(run)["users"] == 2
    assert report(run, "--team", "red")["users"] == 1
    assert report(run, "--user", "bob")["users"] == 1
    assert report(run, "--user", "carol")["users"] == 0
    assert set(report(run)["by_team"]) == {"red", "blue"}


def test_days_are_chosen(run):
    assert list(report(run)["by_day"]) == ["2023-11-14"]
    assert report(run, "--since", "2023-11-14", "--until", "2023-11-14")["users"] == 2
    assert report(run, "--since", "2023-11-15")["users"] == 0
    assert report(run, "--until", "2023-11-13")["by_day"] == {}


def test_names_are_told_only_if_asked_for(run):
    assert report(run)["people"]["persons"] == {}
    assert set(report(run, "--people")["people"]["persons"]) == {"ada", "bob"}


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("--team", "green"), "There is no team 'green'"),
        (("--compare", "a", "b", "--primary", "fun"), "no metric 'fun'"),
        (("--since", "yesterday"), "yesterday"),
    ],
)
def test_what_is_not_there_is_said(run, arguments, said):
    code, _, err = run(*arguments)
    assert code in (1, 2)
    assert said in err
