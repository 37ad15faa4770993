"""An experiment from its start to its report: real processes, over HTTP and in an editor."""

import json
import time
from pathlib import Path

import httpx
import pytest

from telemetry.files import database_files
from telemetry.store import reading
from tests.e2e.conftest import STORED_WITHIN_S, run, serving
from tests.e2e.language_client import language_client
from tests.e2e.test_engine_process import opened
from tests.tiny import save_tiny

pytestmark = pytest.mark.slow
PEOPLE = [f"person {number}" for number in range(24)]
STORE = Path(__file__).parents[2] / "examples" / "shop" / "store.py"


def asked(url, user):
    """The arm that a request was answered in, and how many tokens its answer has."""
    body = {"prompt": "def total(items):\n    return ", "suffix": "\n", "user": user}
    reply = httpx.post(f"{url}/v1/completions", json=body, timeout=60).raise_for_status().json()
    return reply["completer"]["arm"], reply["usage"]["completion_tokens"]


def experiment(env, *arguments):
    done = run("experiment", *arguments, "--json", env=env)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def stored_people(env, count):
    """How many people each arm has, once so many are stored, which is done in the background."""
    until = time.monotonic() + STORED_WITHIN_S
    while True:
        people = {arm["name"]: arm["people"] for arm in experiment(env, "status")["arms"]}
        if sum(people.values()) == count:
            return people
        assert time.monotonic() < until, people
        time.sleep(0.5)


def test_people_are_in_their_arms_from_start_to_stop_and_in_the_report(own_home):
    with serving(env=own_home) as (url, _):
        assert asked(url, PEOPLE[0])[0] is None
        arms = ("--arm", "control", "--arm", "short:completion.max_tokens=2")
        experiment(own_home, "start", "lengths", *arms)
        found = {person: asked(url, person) for person in PEOPLE}
        lengths = {arm: {n for a, n in found.values() if a == arm} for arm, _ in found.values()}
        assert lengths["lengths/short"] == {2}
        assert min(lengths["lengths/control"]) > 2
        assert {person: asked(url, person)[0] for person in PEOPLE[:4]} == {
            person: found[person][0] for person in PEOPLE[:4]
        }
        in_editor(own_home)
        people = stored_people(own_home, len(PEOPLE) + 1)
        assert not experiment(own_home, "stop")["readable"] or min(people.values()) >= 10
        assert asked(url, PEOPLE[0])[0] is None
    report = run("report", "--experiment", "lengths", "--json", env=own_home)
    judged = json.loads(report.stdout)["experiment"]
    assert judged["people"] == people
    assert "cannot be told" in judged["verdict"]
    own = experiment(own_home, "status", "--user", PEOPLE[0])
    assert (own["state"], own["arm"]) == ("stopped", "")


def test_an_arm_with_another_model_has_an_engine_of_its_own(own_home, project, tmp_path):
    other = save_tiny("llama", tmp_path / "tiny")
    arms = ("--arm", "control", "--arm", f"tiny:model={other}", "--primary", "cpo")
    experiment(own_home, "start", "models", *arms)
    models = {}
    with serving("--workspace", project, env=own_home) as (url, _):
        for person in PEOPLE[:6]:
            arm = experiment(own_home, "status", "--user", person)["arm"]
            body = {"prompt": "x = ", "suffix": "\n", "user": person, "max_tokens": 4}
            reply = httpx.post(f"{url}/v1/completions", json=body, timeout=60).json()
            assert reply["completer"]["arm"] == arm
            models.setdefault(arm, set()).add(reply["model"])
        running = json.loads(run("status", "--json", env=own_home).stdout)
    assert models["models/tiny"] == {"tiny"}
    assert "tiny" not in models["models/control"]
    assert "tiny" in json.dumps(running)


def in_editor(env):
    """One request from an editor, whose person is who runs it; it is recorded with their arm."""
    own = experiment(env, "status")["arm"]
    with language_client(env, STORE.parent.as_uri()) as client:
        assert "error" not in opened(client, STORE).get(timeout=60)
    query = (
        "SELECT l.name FROM opportunity o JOIN label l ON l.id = o.arm"
        " JOIN session s ON s.id = o.session"
        " WHERE s.client = (SELECT id FROM label WHERE name = ?)"
    )
    found = []
    for file in database_files(Path(env["COMPLETER_TELEMETRY__FOLDER"])):
        with reading(file) as connection:
            found += connection.execute(query, ("unknown",)).fetchall()
    assert found == [(own,)]
