"""People by name, found by the hashes under which they were recorded."""

import pytest

from completer.cli.known_people import KnownPeople
from completer.errors import BadRequestError
from completer.settings import Settings, Team, TelemetrySettings
from telemetry.privacy import NoKeyError, Pseudonyms, install_key


@pytest.fixture
def known(tmp_path):
    teams = (Team(name="red", people=("ada", "bob")), Team(name="blue", people=("carol",)))
    settings = Settings(telemetry=TelemetrySettings(folder=tmp_path, teams=teams))
    return KnownPeople(settings, tmp_path)


@pytest.fixture
def ids(tmp_path):
    pseudonyms = Pseudonyms(install_key(tmp_path))
    return {name: pseudonyms.user(name) for name in ("ada", "bob", "carol", "dan")}


def test_teams_and_names_by_id(known, ids):
    assert known.teams() == {ids["ada"]: "red", ids["bob"]: "red", ids["carol"]: "blue"}
    assert known.names() == {ids[name]: name for name in ("ada", "bob", "carol")}


def test_who_is_chosen(known, ids):
    assert known.chosen(None, None) is None
    assert known.chosen("red", None) == {ids["ada"], ids["bob"]}
    assert known.chosen(None, "dan") == {ids["dan"]}
    assert known.chosen("red", "ada") == {ids["ada"]}
    assert known.chosen("red", "carol") == set()


def test_a_team_that_is_not_there_is_an_error_that_names_those_that_are(known, ids):
    with pytest.raises(BadRequestError, match="no team 'green'") as caught:
        known.chosen("green", None)
    assert caught.value.hint == "There are: blue, red."


def test_without_the_key_nobody_is_known(known):
    with pytest.raises(NoKeyError):
        known.teams()
