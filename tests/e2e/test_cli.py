"""The command line as a user meets it: real processes, real files."""

import json
import socket

import pytest

from benchmarks.simulation.simulate import simulate
from tests.e2e.conftest import run
from tests.tiny import byte_tokenizer, tiny_model

pytestmark = pytest.mark.slow


def test_a_completion_in_a_file_of_ones_own(project, home):
    done = run("complete", f"{project}/app.py:5:27", env=home)

    assert done.returncode == 0, done.stderr
    assert done.stdout.strip()
    assert "tokens" in done.stderr


def test_complete_json_has_its_keys(project, home):
    done = run("complete", "--json", f"{project}/app.py:5:27", env=home)
    answer = json.loads(done.stdout)

    assert answer["distribution"].split("+")[0] == "model"
    assert answer["finish_reason"] in ("stop", "length")
    assert {
        "prompt_tokens", "reused_tokens", "generated_tokens", "steps", "drafted", "accepted",
        "prefill_ms", "decode_ms", "load_ms",
    } <= answer["stats"].keys()  # fmt: skip
    parts = answer["stats"]["prefill_ms"] + answer["stats"]["decode_ms"]
    assert answer["stats"]["total_ms"] >= parts > 0


@pytest.mark.parametrize(
    ("place", "complaint"),
    [
        ("gone.py:1:1", "There is no file"),
        ("{project}/app.py:999:1", "has 10 lines"),
        ("{project}/app.py:5:99", "columns 1 to 27"),
        ("{project}/app.py", "is not a place"),
        ("{project}:1:1", "cannot be read as text"),
    ],
)
def test_a_wrong_place_is_told_in_one_line(place, complaint, project, home):
    done = run("complete", place.format(project=project), env=home)

    assert done.returncode == 1
    assert complaint in done.stderr
    assert "Traceback" not in done.stderr
    assert done.stdout == ""


def test_a_folder_that_is_no_model(project, home, tmp_path):
    done = run("complete", "--model", tmp_path, f"{project}/app.py:1:1", env=home)

    assert done.returncode == 1
    assert "no config.json" in done.stderr


def test_a_model_without_fim_marks(project, home, tmp_path):
    tokenizer = byte_tokenizer()
    tiny_model("qwen2", len(tokenizer)).save_pretrained(tmp_path)
    tokenizer.save_pretrained(tmp_path)
    done = run("doctor", "--json", "--model", tmp_path, env=home)

    report = json.loads(done.stdout)
    assert done.returncode == 1
    assert report["ok"] is False
    model = next(check for check in report["checks"] if check["name"] == "model")
    assert "cannot fill in the middle" in model["detail"]
    assert "<|fim_prefix|>" in model["hint"]


def test_a_busy_port(home):
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        done = run("serve", "--port", port, env=home)

    assert done.returncode == 1
    assert "Address already in use" in done.stderr


def test_doctor_is_content_and_says_where_settings_come_from(project, home):
    done = run(
        "doctor", "--json", "--workspace", project,
        env=home | {"COMPLETER_COMPLETION__MAX_TOKENS": "7"},
    )  # fmt: skip
    report = json.loads(done.stdout)

    assert done.returncode == 0, done.stdout
    assert report["ok"] is True
    assert {
        "device",
        "model",
        "FIM layout",
        "speed",
        "calibration",
        "completion",
        "workspace",
        "database",
        "access",
    } <= {check["name"] for check in report["checks"]}
    assert report["settings"]["completion.max_tokens"] == {"value": 7, "origin": "environment"}
    assert report["settings"]["server.port"]["origin"] == "default"


def test_a_report_without_telemetry_says_so(home, tmp_path):
    done = run("report", "--db", tmp_path / "none", env=home)

    assert done.returncode == 1
    assert "no telemetry" in done.stderr


def test_an_unknown_setting_in_the_environment_is_told(home):
    done = run("doctor", env=home | {"COMPLETER_SERVER__PORT": "many"})

    assert done.returncode == 1
    assert "server.port" in done.stderr


@pytest.mark.parametrize("command", ["serve", "doctor"])
@pytest.mark.parametrize("token", ["", "  "])
def test_a_token_of_nothing_is_told_and_never_called_set(command, token, home):
    done = run(command, env=home | {"COMPLETER_SERVER__TOKEN": token})

    assert done.returncode == 1
    assert "server.token: the token is empty" in done.stderr
    assert "set" not in done.stdout


@pytest.mark.parametrize("command", ["serve", "lsp", "complete", "report", "doctor"])
def test_every_command_has_help(command, home):
    done = run(command, "--help", env=home)

    assert done.returncode == 0
    assert "Usage" in done.stdout


def test_a_simulated_database_is_reported_as_it_was_made(home, tmp_path):
    db = tmp_path / "made-up.sqlite3"
    truth = simulate(500, db)
    report = json.loads(run("report", "--db", db, "--json", env=home).stdout)

    for name in ("acceptance", "codecompose", "mostly_unchanged_300"):
        assert report["overall"][name]["value"] == pytest.approx(truth["overall"][name]["value"])
        assert report["overall"][name]["n"] == truth["overall"][name]["n"]


def test_export_and_purge(home, tmp_path):
    db, out = tmp_path / "made-up.sqlite3", tmp_path / "out"
    simulate(200, db)
    exported = run("telemetry", "export", out, "--db", db, env=home)
    purged = run("telemetry", "purge", "--db", db, "--everything", "--yes", env=home)

    assert exported.returncode == 0, exported.stderr
    assert "suggestion.csv" in {file.name for file in out.iterdir()}
    assert "hmac" not in (out / "suggestion.csv").read_text().split("\n")[0]
    assert purged.returncode == 0, purged.stderr
    assert "Deleted" in purged.stdout


def test_purge_wants_to_know_what(home, tmp_path):
    db = tmp_path / "made-up.sqlite3"
    simulate(10, db)
    done = run("telemetry", "purge", "--db", db, "--yes", env=home)

    assert done.returncode == 1
    assert "--older-than-days" in done.stderr
