"""Starts in folders that hold other programs' databases: these stay as they were, to the byte."""

import json
import re
import signal
import subprocess
import time
import urllib.request

import pytest

from tests.e2e.conftest import COMPLETER, run
from tests.telemetry.databases import count
from tests.telemetry.strangers import fill, snapshot

pytestmark = pytest.mark.slow
BODY = {"prompt": "import os\nos.", "max_tokens": 4}


@pytest.fixture
def folder(tmp_path):
    fill(tmp_path / "strangers")
    return tmp_path / "strangers"


@pytest.fixture
def theirs(home, folder):
    """An environment in which folders of ours are one of strangers, and old events go."""
    return home | {
        "COMPLETER_TELEMETRY__FOLDER": str(folder),
        "COMPLETER_TELEMETRY__RETENTION_DAYS": "1",
        "COMPLETER_CALIBRATION_FOLDER": str(folder),
    }


@pytest.fixture(autouse=True)
def nothing_changes(folder):
    before = snapshot(folder)
    yield
    after = snapshot(folder)
    assert {name: after.get(name) for name in before} == before


def stored(folder):
    """How many requests are recorded in what has come to the folder."""
    ours = [path for path in folder.glob("20*.sqlite3") if not path.name.startswith("2020")]
    return sum(count(path, "opportunity") for path in ours)


def test_doctor_counts_ours_alone(theirs, folder):
    done = run("doctor", "--json", env=theirs)
    checks = {check["name"]: check for check in json.loads(done.stdout)["checks"]}
    assert done.returncode == 0, done.stdout
    assert f"{folder}: 0 files" in checks["database"]["detail"]


def test_a_server_records_beside_them(theirs, folder):
    with subprocess.Popen(
        [COMPLETER, "serve", "--port", "0"], env=theirs, stdout=subprocess.PIPE, text=True
    ) as serving:
        assert serving.stdout is not None
        url = re.search(r"http://[\d.]+:\d+", serving.stdout.readline())
        assert url
        request = urllib.request.Request(
            f"{url.group()}/v1/completions",
            json.dumps(BODY).encode(),
            {"content-type": "application/json"},
        )
        with urllib.request.urlopen(request, timeout=60) as reply:
            assert reply.status == 200
        serving.send_signal(signal.SIGTERM)
        assert serving.wait(10) == 0
    assert stored(folder) == 1


def test_a_language_server_starts_beside_them(theirs, folder):
    """What once removed `db.sqlite3`: the old events of a folder go when a server starts."""
    messages = [
        {"id": 1, "method": "initialize", "params": {"processId": None, "capabilities": {}}},
        {"method": "initialized", "params": {}},
    ]
    with subprocess.Popen(
        [COMPLETER, "lsp"], env=theirs, stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as speaking:
        assert speaking.stdin is not None
        assert speaking.stdout is not None
        for message in messages:
            data = json.dumps({"jsonrpc": "2.0", **message}).encode()
            speaking.stdin.write(b"Content-Length: %d\r\n\r\n%b" % (len(data), data))
        speaking.stdin.flush()
        assert speaking.stdout.readline()
        time.sleep(3)  # retention works in the background
        speaking.stdin.close()
        assert speaking.wait(10) == 1
    assert len(list(folder.glob("20*.sqlite3"))) > len(list(folder.glob("2020*.sqlite3")))


def test_an_index_is_saved_beside_them(theirs, folder, project):
    done = run("index", project, env=theirs | {"COMPLETER_CACHE_FOLDER": str(folder)})
    assert done.returncode == 0, done.stderr
    assert list(folder.glob("index/*/index.json"))


@pytest.mark.parametrize(
    "arguments",
    [
        ("complete", "{project}/app.py:5:27"),
        ("report",),
        ("telemetry", "opt-out", "--user", "ada"),
        ("telemetry", "purge", "--everything", "--yes"),
        ("calibrate", "--repo", "{project}", "--from-telemetry", "--yes"),
        ("calibrate", "--repo", "{project}", "--undo"),
    ],
)
def test_no_command_touches_them(arguments, theirs, project):
    done = run(*(word.format(project=project) for word in arguments), env=theirs)
    assert done.returncode in (0, 1)
    assert "Traceback" not in done.stderr
