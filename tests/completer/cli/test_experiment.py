"""`completer experiment`, as a user runs it, on what was recorded."""

import json
from datetime import UTC, datetime, timedelta

import pytest

from completer.settings import load_settings
from telemetry.assignment import Assignment
from telemetry.events import Opportunity, SessionEnded, SessionStarted
from telemetry.journal import open_recorder
from tests.completer.cli.as_user import as_user

ARMS = ("--arm", "control", "--arm", "eager:completion.max_lines=1,drafting.enabled=false")
TODAY = datetime.now(UTC).date()


@pytest.fixture
def telemetry(monkeypatch, tmp_path):
    monkeypatch.setenv("COMPLETER_TELEMETRY__FOLDER", str(tmp_path / "telemetry"))
    return tmp_path / "telemetry"


@pytest.fixture
def run(monkeypatch, capsys, tmp_path, telemetry):
    monkeypatch.setenv("COMPLETER_CONFIG", str(tmp_path / "c.toml"))
    return as_user(monkeypatch, capsys, "experiment")


@pytest.fixture
def file(tmp_path):
    return tmp_path / "c.toml"


def record(folder, experiment, people):
    """One opportunity of each person in each arm."""
    recorder = open_recorder(folder)
    for arm, count in people.items():
        for number in range(count):
            session = SessionStarted(client="test", user=f"{arm}{number}")
            recorder.record(session)
            name = f"{experiment}/{arm}"
            recorder.record(Opportunity(session=session.id, uri="", outcome="empty", arm=name))
            recorder.record(SessionEnded(session.id))
    recorder.close()


def told(run, *arguments):
    code, out, err = run(*arguments, "--json")
    assert code == 0, err
    return json.loads(out)


def test_start_writes_what_the_settings_then_say(run, file):
    file.write_text("# mine\n[completion]\nmax_tokens = 9  # short\n")
    found = told(run, "start", "lines", *ARMS, "--share", "0.5", "--days", "14")
    planned = load_settings(file=file).settings.experiment
    assert (planned.name, planned.share, planned.primary) == ("lines", 0.5, "acceptance")
    assert (planned.start, planned.end) == (TODAY, TODAY + timedelta(days=13))
    assert [arm.sets for arm in planned.arms] == [each["sets"] for each in found["arms"]]
    assert found["arms"][1]["sets"] == {"completion.max_lines": 1, "drafting.enabled": False}
    assert "max_tokens = 9  # short" in file.read_text()
    assert found["state"] == "running"


def test_start_without_arms_checks_those_that_are_there(run):
    told(run, "start", "lines", *ARMS)
    assert told(run, "start", "lines")["name"] == "lines"
    assert "no experiment 'other' to start" in run("start", "other")[2]
    for flag, value in (("--share", "0.5"), ("--from", str(TODAY)), ("--days", "7")):
        assert f"{flag} is for an experiment" in run("start", "lines", flag, value)[2]


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("--arm", "a", "--arm", "b:fun=1"), "'fun=1' is no setting of an arm"),
        (("--arm", "a", "--arm", "b:completion.fun=1"), "extra inputs are not permitted"),
        (("--arm", "a", "--arm", "b:drafting.max_index_mb=1"), "cannot differ by request"),
        (("--arm", "a"), "needs 2 arms at least"),
        ((*ARMS, "--share", "2"), "less than or equal to 1"),
        ((*ARMS, "--primary", "fun"), "There is no metric 'fun'"),
        ((*ARMS, "--share", "0"), "greater than 0"),
        ((*ARMS, "--from", "2020-01-01"), "lines ended on 2020-01-28"),
        (("--arm", "a", "--arm", "b:model=/nowhere/at/all"), "/nowhere/at/all"),
    ],
)
def test_what_cannot_be_is_refused_and_nothing_is_written(run, file, arguments, said):
    code, _, err = run("start", "lines", *arguments)
    assert (code, file.exists()) == (1, False)
    assert said in err


def test_a_second_one_or_a_name_that_was_used_is_refused(run, telemetry):
    told(run, "start", "lines", *ARMS)
    assert f"lines runs from {TODAY} until" in run("start", "two", *ARMS)[2]
    told(run, "stop")
    record(telemetry, "lines", {"control": 1})
    assert "There was an experiment 'lines' before" in run("start", "lines", *ARMS)[2]
    assert told(run, "start", "two", *ARMS)["name"] == "two"


def test_one_that_is_to_come_is_not_replaced(run):
    told(run, "start", "lines", *ARMS, "--from", str(TODAY + timedelta(days=3)))
    assert f"lines runs from {TODAY + timedelta(days=3)}" in run("start", "two", *ARMS)[2]
    assert told(run, "status")["state"] == "to come"


def test_one_that_has_ended_is_not_stopped_as_well(run, file):
    told(run, "start", "lines", *ARMS)
    ended = file.read_text().replace(str(TODAY), "2020-01-01")
    file.write_text(ended.replace(str(TODAY + timedelta(days=27)), "2020-01-28"))
    assert "lines has ended" in run("stop")[2]
    assert told(run, "status")["state"] == "ended"


def test_where_nothing_is_recorded_nobody_takes_part(run, monkeypatch):
    monkeypatch.setenv("COMPLETER_TELEMETRY__ENABLED", "false")
    assert "Nothing is recorded" in run("start", "lines", *ARMS)[2]


def test_status_counts_people_and_says_whether_it_can_be_read(run, telemetry, file):
    told(run, "start", "lines", *ARMS)
    record(telemetry, "lines", {"control": 10, "eager": 9})
    running = told(run, "status", "--user", "ada")
    assert [arm["people"] for arm in running["arms"]] == [10, 9]
    assert (running["state"], running["readable"]) == ("running", False)
    drawn = Assignment(telemetry).draw("lines", "ada")
    assert running["arm"] == load_settings(file=file).settings.experiment.arm(drawn).name
    assert "fewer than 10 people in eager" in told(run, "stop")["why"]
    record(telemetry, "lines", {"eager": 11})
    stopped = told(run, "status", "--user", "ada")
    assert (stopped["state"], stopped["readable"], stopped["arm"]) == ("stopped", True, "")
    assert "10 people so far" in run("status")[1]


def test_an_experiment_that_cannot_be_is_taken_out_by_stop(run, file):
    file.write_text("# mine\n[experiment]\nname = 'x'\nshare = 3\n")
    assert "`completer experiment stop` ends it" in run("status")[2].replace("the experiment", "it")
    code, out, err = run("stop")
    assert (code, out) == (0, "There is no experiment.\n")
    assert "Took the experiment" in err
    assert file.read_text() == "# mine\n"
    assert run("stop")[0] == 1


def test_stop_leaves_an_experiment_alone_where_another_setting_is_wrong(run, file):
    told(run, "start", "lines", *ARMS)
    file.write_text(file.read_text() + "[server]\nprot = 1\n")
    code, _, err = run("stop")
    assert code == 1
    assert "server.port" in err
    assert 'name = "lines"' in file.read_text()


def test_what_the_environment_says_is_not_changed_in_a_file(run, monkeypatch):
    arms = [{"name": "a"}, {"name": "b"}]
    for name, value in {
        "NAME": "e",
        "START": TODAY,
        "END": TODAY,
        "ARMS": json.dumps(arms),
    }.items():
        monkeypatch.setenv(f"COMPLETER_EXPERIMENT__{name}", str(value))
    assert told(run, "status")["state"] == "running"
    assert "The environment says" in run("stop")[2]


def test_a_report_takes_arms_and_metric_from_the_plan(run, telemetry, monkeypatch, capsys):
    told(run, "start", "lines", *ARMS)
    record(telemetry, "lines", {"control": 11, "eager": 12})
    report = as_user(monkeypatch, capsys, "report", "--experiment", "lines")
    found = told(report)["experiment"]
    assert found["people"] == {"control": 11, "eager": 12}
    assert found["verdict"].startswith("Not to be read before")
    assert "control: 11 people, –" in report()[1]
    assert "was named beforehand" in report("--primary", "cpo")[2]
    assert "is recorded" in as_user(monkeypatch, capsys, "report", "--experiment", "x")()[2]
