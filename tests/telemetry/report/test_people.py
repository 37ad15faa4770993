"""Who uses completions: active people, adoption, the spread, and nobody's name unless asked."""

import json
from datetime import date

import pytest

from telemetry.report import Selection, to_json


@pytest.fixture
def week(book):
    """Ada from Saturday, 2022-01-08, on, Bob from Monday; Ada takes one on Monday."""
    for user, days in (("ada", (0, 2, 3, 9)), ("bob", (2, 3))):
        book.session(user)
        for day in days:
            book.opportunity(day=day)
            book.suggestion()
            if (user, day) == ("ada", 2):
                book.accept()
    return book


def test_active_people_by_day_and_week(week):
    people = week.report().people
    assert people.by_day == {
        "2022-01-08": 1,
        "2022-01-10": 2,
        "2022-01-11": 2,
        "2022-01-17": 1,
    }
    assert people.by_week == {"2022-01-03": 1, "2022-01-10": 2, "2022-01-17": 1}


def test_adoption(week):
    people = week.report().people
    assert (people.adopted.value, people.adopted.people) == (1 / 2, 2)
    assert people.days_to_first == 2


def test_retention_counts_weeks_that_are_over(week):
    retention = week.report().people.retention
    # a week later: Ada in the week from the 10th; Bob's week after is not over
    assert (retention[1].value, retention[1].n, retention[1].people) == (1.0, 1, 1)
    assert retention[2].value is None
    week.opportunity(day=15)  # Sunday the 23rd, by Bob
    retention = week.report().people.retention
    assert (retention[1].value, retention[1].people) == (1.0, 2)
    assert (retention[2].value, retention[2].people) == (1.0, 1)


def test_quartiles_over_people_who_have_enough(book):
    for number in range(11):
        book.session(f"user {number}")
        for turn in range(20):
            book.opportunity()
            book.suggestion()
            if turn < number:
                book.accept()
    book.session("newcomer")
    book.opportunity()
    book.suggestion()
    spread = book.report().people.spread["acceptance"]
    assert (spread.people, spread.low, spread.median, spread.high) == pytest.approx(
        (11, 2.5 / 20, 5 / 20, 7.5 / 20)
    )


def test_few_people_have_no_quartiles(week):
    spread = week.report().people.spread["acceptance"]
    assert (spread.median, spread.low) == (None, None)


def test_names_are_only_there_if_asked_for(week):
    assert week.report().people.persons == {}
    assert "ada" not in json.dumps(to_json(week.report()))
    persons = week.report(names={"ada": "Ada Lovelace"}).people.persons
    assert persons["Ada Lovelace"]["acceptance"] == 1 / 4
    assert persons["bob"]["shown"] == 2


def test_ids_of_one_name_are_one_person(week):
    persons = week.report(names={"ada": "Ada", "bob": "Ada"}).people.persons
    assert persons.keys() == {"Ada"}
    assert persons["Ada"]["acceptance"] == 1 / 6


def test_teams(week):
    week.session("carol")
    week.opportunity()
    week.suggestion()
    by_team = week.report(teams={"ada": "red", "bob": "red", "carol": "blue"}).groups["by_team"]
    assert by_team["red"]["acceptance"].value == 1 / 6
    assert (by_team["red"]["acceptance"].n, by_team["blue"]["acceptance"].n) == (6, 1)
    assert week.report().groups["by_team"] == {}


def test_days_are_chosen_with_all_that_hangs_on_them(week):
    for day in (0, 2):
        week.edits(1, day=day, ai_inline=10 * day, typed=100)
        week.commit(day + 1, 100, 10 * day, day=day, session=1)
    report = week.report(selection=Selection(since=date(2022, 1, 9), until=date(2022, 1, 10)))
    assert report.overall["acceptance"].n == 2
    assert report.overall["saved"].value == 20 / 100
    assert (report.overall["commit_share"].value, report.overall["commit_share"].n) == (0.2, 1)
    assert list(report.groups["by_day"]) == ["2022-01-10"]
    assert report.users == 2


def test_people_are_chosen_with_all_that_hangs_on_them(week):
    week.check(0)
    week.edits(1, typed=100)
    report = week.report(selection=Selection(users=frozenset({"bob"})))
    assert (report.users, report.overall["acceptance"].n) == (1, 2)
    assert report.overall["saved"].value is None
    assert report.overall["unchanged_0"].value is None
    assert list(report.groups["by_day"]) == ["2022-01-10", "2022-01-11"]
