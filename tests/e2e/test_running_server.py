"""Commands that a running server can answer ask it, in place of loading the model once more."""

import json

import pytest

from tests.e2e.conftest import run, serving
from tests.e2e.test_says import health_when

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def beside(home, project):
    """The environment of commands whose settings name a server that is ready, and its URL."""
    with serving("--workspace", project, env=home) as (url, _):
        health_when(url, lambda found: found["model"] == "ready")
        yield home | {"COMPLETER_SERVER__PORT": url.rpartition(":")[2]}, url


def test_a_completion_is_the_servers(beside, project, home):
    environment, url = beside
    place = f"{project}/app.py:5:27"
    asked = run("complete", "--json", place, env=environment)
    alone = run("complete", "--json", place, env=home)

    assert asked.returncode == 0, asked.stderr
    assert f"asking {url}" in asked.stderr
    answers = [json.loads(each.stdout) for each in (asked, alone)]
    assert answers[0].keys() == answers[1].keys()
    assert answers[0]["stats"].keys() == answers[1]["stats"].keys()
    assert answers[0]["stats"]["load_ms"] == 0
    assert answers[0]["text"]  # another one than here for as long as it reads the code


@pytest.mark.parametrize(
    "flags", [("--pure",), ("--device", "cpu"), ("--model", "bundled"), ("--single-line",)]
)
def test_what_the_server_may_not_do_is_done_here(beside, project, flags):
    environment, _ = beside
    done = run("complete", *flags, f"{project}/app.py:5:27", env=environment)

    assert done.returncode == 0, done.stderr
    assert "asking" not in done.stderr


def test_a_file_of_another_folder_is_completed_here(beside, tmp_path):
    environment, url = beside
    (tmp_path / "a.py").write_text("import os\nos.\n")
    done = run("complete", f"{tmp_path}/a.py:2:4", env=environment)

    assert done.returncode == 0, done.stderr
    assert f"{url} does not" in done.stderr


def test_doctor_asks_the_server(beside, project):
    environment, url = beside
    done = run("doctor", "--json", "--workspace", project, env=environment)
    checks = {check["name"]: check for check in json.loads(done.stdout)["checks"]}

    assert done.returncode == 0, done.stdout
    assert checks["model"]["detail"].startswith(f"bundled on cpu, ready, in the server at {url}")
    assert "tokens in" in checks["completion"]["detail"]
    assert "speed" not in checks


def test_doctor_looks_at_a_model_that_is_named(beside):
    environment, _ = beside
    done = run("doctor", "--json", "--model", "bundled", env=environment)

    assert "speed" in {check["name"] for check in json.loads(done.stdout)["checks"]}
