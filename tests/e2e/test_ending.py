"""How processes end: asked to by a signal, by the client, or left alone by it; and in time."""

import json
import os
import re
import signal
import sqlite3
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request
from contextlib import ExitStack, closing
from pathlib import Path

import pytest

from tests.e2e.conftest import COMPLETER

pytestmark = pytest.mark.slow
STANDARD_LIBRARY = Path(os.__file__).parent
PATIENCE_S = 90
PROMPT = {"prompt": "import os\ndef size(path):\n    return os.", "suffix": "\n", "max_tokens": 16}


@pytest.fixture
def own(home, tmp_path):
    """A user's environment with telemetry and caches of this test's own."""
    return home | {
        "COMPLETER_TELEMETRY__FOLDER": str(tmp_path / "telemetry"),
        "COMPLETER_CACHE_FOLDER": str(tmp_path / "cache"),
    }


@pytest.fixture
def start(own):
    """Start the program; it is gone after the test, however that went."""
    with ExitStack() as started:

        def start(*arguments, **more):
            environment = own | more.pop("env", {})
            process = subprocess.Popen(
                [COMPLETER, *arguments],
                env=environment,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                **more,
            )
            started.enter_context(process)
            started.callback(process.kill)
            patience = threading.Timer(PATIENCE_S, process.kill)  # no test waits for ever
            patience.start()
            started.callback(patience.cancel)
            return process

        yield start


def sessions(environment):
    """When the recorded sessions ended."""
    found = []
    for path in Path(environment["COMPLETER_TELEMETRY__FOLDER"]).glob("*.sqlite3"):
        with closing(sqlite3.connect(path)) as connection:
            found += [ended for (ended,) in connection.execute("SELECT ended_ms FROM session")]
    return found


class Serving:
    """A `completer serve` that listens."""

    def __init__(self, start, *arguments, **more):
        self.process = start("serve", "--port", "0", *arguments, text=True, **more)
        self.url = re.search(r"http://[\d.]+:\d+", self.process.stderr.readline()).group()

    def post(self, body):
        """The status and body of an answer."""
        request = urllib.request.Request(
            f"{self.url}/v1/completions",
            json.dumps(body).encode(),
            {"content-type": "application/json"},
        )
        try:
            with urllib.request.urlopen(request, timeout=60) as reply:
                return reply.status, json.load(reply)
        except urllib.error.HTTPError as error:
            with error:
                return error.code, json.load(error)

    def when(self, model):
        """Wait for a state of the model."""
        deadline = time.monotonic() + 60
        while time.monotonic() < deadline:
            try:
                with urllib.request.urlopen(f"{self.url}/health", timeout=5) as reply:
                    if json.load(reply)["model"] == model:
                        return
            except (urllib.error.URLError, ConnectionError):
                pass
            time.sleep(0.05)
        raise AssertionError("it did not come to that")

    def ends_by(self, number):
        """Its exit code and what went wrong, by standard error, once a signal is sent."""
        self.process.send_signal(number)
        code = self.process.wait(5)
        errors = [line for line in self.process.stderr if not line.startswith("completer: ")]
        return code, "".join(errors)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP])
def test_a_server_stores_its_sessions_before_it_ends(start, own, number):
    serving = Serving(start)
    assert serving.post(PROMPT)[0] == 200
    assert serving.ends_by(number) == (0, "")
    assert len(sessions(own)) == 1
    assert all(sessions(own))


def test_a_server_ends_while_its_model_loads_and_refuses_who_waits_for_it(start, own):
    fresh = {"NUMBA_CACHE_DIR": own["COMPLETER_CACHE_FOLDER"]}
    serving = Serving(start, "--workspace", STANDARD_LIBRARY, env=fresh)
    serving.when("loading")
    answers = []
    asking = threading.Thread(target=lambda: answers.append(serving.post(PROMPT)))
    asking.start()
    time.sleep(0.3)
    code, errors = serving.ends_by(signal.SIGTERM)
    assert code == 0
    assert "Traceback" not in errors
    asking.join(5)
    assert answers[0][0] in (200, 503)
    if answers[0][0] == 503:
        assert "shutting down" in answers[0][1]["error"]["message"]


def test_a_server_ends_while_an_index_is_built(start):
    serving = Serving(start, "--workspace", STANDARD_LIBRARY)
    serving.when("ready")
    assert serving.ends_by(signal.SIGTERM) == (0, "")


class Speaking:
    """A `completer lsp` with an open session."""

    def __init__(self, start, *, client=None, folder=None):
        self.process = start("lsp")
        folders = [{"uri": folder.as_uri(), "name": "w"}] if folder else []
        initialize = {"processId": client, "rootUri": None, "capabilities": {}}
        self.send(
            {"id": 1, "method": "initialize", "params": initialize | {"workspaceFolders": folders}}
        )
        assert self.receive()["id"] == 1
        self.send({"method": "initialized", "params": {}})

    def send(self, message):
        data = json.dumps({"jsonrpc": "2.0", **message}).encode()
        self.process.stdin.write(b"Content-Length: %d\r\n\r\n%b" % (len(data), data))
        self.process.stdin.flush()

    def receive(self):
        length = int(self.process.stdout.readline().split(b":")[1])
        while self.process.stdout.readline().strip():
            pass
        return json.loads(self.process.stdout.read(length))

    def ended(self, within_s):
        """Its exit code; fails if it does not come in time."""
        return self.process.wait(within_s)


@pytest.fixture(params=["at once", "loaded", "indexing"])
def speaking(request, start):
    """A session, and what the server is at while it should end."""
    folder = STANDARD_LIBRARY if request.param == "indexing" else None
    speaking = Speaking(start, folder=folder)
    if request.param == "loaded":
        _complete(speaking)
    if request.param == "indexing":
        time.sleep(6)
    return speaking


def _complete(speaking):
    item = {"uri": "file:///a.py", "languageId": "python", "version": 1, "text": "import os\nos."}
    speaking.send({"method": "textDocument/didOpen", "params": {"textDocument": item}})
    params = {
        "textDocument": {"uri": "file:///a.py"},
        "position": {"line": 1, "character": 3},
        "context": {"triggerKind": 1},
    }
    speaking.send({"id": 2, "method": "textDocument/inlineCompletion", "params": params})
    while speaking.receive().get("id") != 2:
        pass


def test_a_language_server_ends_well_when_it_is_asked_to(speaking, own):
    speaking.process.terminate()
    assert speaking.ended(5) == 0
    assert len(sessions(own)) == 1
    assert all(sessions(own))


def test_it_ends_with_exit_as_the_protocol_says(speaking, own):
    speaking.send({"id": 3, "method": "shutdown"})
    while speaking.receive().get("id") != 3:
        pass
    speaking.send({"method": "exit"})
    assert speaking.ended(2) == 0
    assert all(sessions(own))


def test_exit_without_shutdown_is_a_failure(speaking, own):
    speaking.send({"method": "exit"})
    assert speaking.ended(2) == 1
    assert len(sessions(own)) == 1
    assert all(sessions(own))


def test_it_ends_with_its_input(speaking, own):
    speaking.process.stdin.close()
    assert speaking.ended(2) == 1
    assert all(sessions(own))


def test_it_ends_with_its_clients_process(start, own):
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as client:
        speaking = Speaking(start, client=client.pid)
        _complete(speaking)
        assert speaking.process.poll() is None
        client.kill()
        assert speaking.ended(2) == 1
    assert all(sessions(own))


def test_a_client_that_cannot_be_seen_is_not_taken_for_gone(start):
    speaking = Speaking(start, client=2**22 - 7)
    _complete(speaking)
    speaking.process.stdin.close()
    assert speaking.ended(2) == 1


def test_the_status_is_told_before_anything_is_asked(start):
    speaking = Speaking(start)
    status = speaking.receive()
    assert status["method"] == "didChangeStatus"
    assert status["params"] == {"busy": False, "kind": "Normal", "message": ""}
    speaking.send({"method": "exit"})
    speaking.ended(5)


LONG = {
    "eval": ("eval", "--repo", STANDARD_LIBRARY / "asyncio", "--n", "500"),
    "calibrate": ("calibrate", "--repo", STANDARD_LIBRARY / "asyncio", "--n", "500"),
    "index": ("index", STANDARD_LIBRARY),
    "train": ("train", "run", "--source", STANDARD_LIBRARY),
}


@pytest.mark.parametrize(
    ("command", "after_s", "number"),
    [
        *(("eval", after_s, signal.SIGINT) for after_s in (2.0, 3.0, 5.0, 9.0)),
        *((command, 6.0, signal.SIGINT) for command in LONG if command != "eval"),
        ("eval", 4.0, signal.SIGTERM),
        ("index", 3.0, signal.SIGTERM),
    ],
)
def test_an_interrupted_command_says_so_in_one_line(start, tmp_path, command, after_s, number):
    process = start(*LONG[command], cwd=tmp_path, text=True)
    time.sleep(after_s)
    process.send_signal(number)
    _, errors = process.communicate(timeout=30)
    assert process.returncode == 128 + number
    assert errors.rstrip().endswith("Interrupted.")
    assert "Traceback" not in errors
    if command not in ("train", "index"):  # which tell of their progress
        told = [each for each in errors.split("\n") if not each.startswith("completer: ")]
        assert "\n".join(told).strip() == "Interrupted."
