"""The program says what is going on: soon, in a line, and never that all is well if it is not."""

import json
import os
import re
import select
import shutil
import socket
import subprocess
import time
import urllib.error
import urllib.request
from contextlib import contextmanager

import pytest

from models.source import BUNDLED_FOLDER
from tests.e2e.conftest import COMPLETER, run, serving
from tests.tiny import byte_tokenizer, tiny_model

pytestmark = pytest.mark.slow
LIFE_WITHIN_S = 0.5
BUSY_MACHINE = 3  # times as long as a quiet one takes


@contextmanager
def started(*arguments, env):
    """A command whose standard output and error can be read as they come."""
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
    with subprocess.Popen([COMPLETER, *map(str, arguments)], env=env, **pipes) as process:
        try:
            yield process
        finally:
            process.kill()


def said_by_the_end(*arguments, env, within_s=20):
    """The exit code, and what was printed to both streams; fails if there is no end in time."""
    with started(*arguments, env=env) as process:
        out, errors = process.communicate(timeout=within_s)
        return process.returncode, out, errors


@pytest.fixture
def models(tmp_path):
    """Folders that are no models that can be used, by what is wrong with them."""
    tokenizer = byte_tokenizer()
    tiny_model("qwen2", len(tokenizer)).save_pretrained(tmp_path / "no marks")
    tokenizer.save_pretrained(tmp_path / "no marks")
    (tmp_path / "empty").mkdir()
    (tmp_path / "file").touch()
    shutil.copytree(BUNDLED_FOLDER, tmp_path / "pointer")
    (tmp_path / "pointer" / "model.safetensors").write_text("version https://git-lfs.github.com\n")
    return tmp_path


@pytest.mark.parametrize(
    ("name", "complaint"),
    [
        ("missing", "neither a folder, nor a GGUF file, nor a hub id"),
        ("empty", "has no config.json"),
        ("file", "neither a folder, nor a GGUF file, nor a hub id"),
        ("no marks", "cannot fill in the middle"),
        ("pointer", "could not be loaded"),
    ],
)
def test_a_server_does_not_start_with_what_is_no_model(name, complaint, models, home):
    code, out, errors = said_by_the_end("serve", "--port", "0", "--model", models / name, env=home)
    assert code == 1
    assert out == ""
    assert complaint in errors.splitlines()[0]
    assert len(errors.splitlines()) <= 2  # the second one says what to do
    assert "http://" not in errors


def test_a_server_does_not_start_on_what_is_no_device(home):
    code, out, errors = said_by_the_end("serve", "--port", "0", "--device", "tpu", env=home)
    assert (code, out) == (1, "")
    assert "model.device" in errors


def test_a_model_that_fails_later_makes_health_fail(home, tmp_path):
    folder = shutil.copytree(BUNDLED_FOLDER, tmp_path / "narrow")
    config = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps(config | {"hidden_size": 64}))
    with serving("--model", folder, env=home) as (url, process):
        status, found = health_when(url, lambda found: found["model"] != "loading")
        assert (status, found["status"], found["model"]) == (503, "failed", "failed")
        assert "narrow could not be loaded" in found["reason"]
        assert str(folder.parent) not in found["reason"]
        process.terminate()
        said = process.stdout.read()
    assert "Traceback" not in said
    assert "completer serves" not in said
    assert "could not be loaded" in said


def health_when(url, fits):
    """The status and body of `/health` once it fits."""
    until = time.monotonic() + 60
    while time.monotonic() < until:
        try:
            with urllib.request.urlopen(f"{url}/health", timeout=5) as reply:
                status, found = reply.status, json.load(reply)
        except urllib.error.HTTPError as error:
            with error:
                status, found = error.code, json.load(error)
        if fits(found):
            return status, found
        time.sleep(0.1)
    raise AssertionError("it did not come to that")


def test_a_server_greets_when_it_is_ready(home, project, tmp_path):
    fresh = {"COMPLETER_CACHE_FOLDER": str(tmp_path), "NUMBA_CACHE_DIR": str(tmp_path / "kernels")}
    arguments = ("serve", "--port", "0", "--workspace", project)
    with started(*arguments, env=home | fresh) as process:
        greeting = process.stdout.readline()
        url = re.search(r"http://[\d.]+:\d+", greeting).group()
        status, found = health_when(url, lambda _: True)
        process.terminate()
        errors = process.stderr.read()
    assert (status, found["model"]) == (200, "ready")
    progress = [line for line in errors.splitlines() if line.startswith("completer: ")]
    for what in ("loading bundled", "measuring", "compiling"):
        assert any(what in line for line in progress), errors


@pytest.mark.parametrize(
    "command",
    [("doctor",), ("index", "{project}"), ("complete", "{project}/app.py:5:27")],
)
def test_a_command_shows_life_at_once(command, home, project):
    words = [word.format(project=project) for word in command]
    run(*words[:1], "--help", env=home)  # compiled and in the system's cache
    began = time.monotonic()
    with started(*words, env=home) as process:
        ready, _, _ = select.select([process.stderr], [], [], 20)
        took = time.monotonic() - began
        assert ready
        assert process.stderr.readline().startswith("completer: ")
    assert took < LIFE_WITHIN_S * (BUSY_MACHINE if os.getloadavg()[0] > 1 else 1)


@pytest.mark.parametrize(
    "command",
    [
        ("doctor",),
        ("index", "{project}"),
        ("complete", "{project}/app.py:5:27"),
        ("serve", "--port", "0"),
    ],
)
def test_a_hub_that_is_not_there_is_told_soon(command, home, project):
    words = [word.format(project=project) for word in command]
    with socket.create_server(("127.0.0.1", 0)) as mute:
        endpoint = {"HF_ENDPOINT": f"http://127.0.0.1:{mute.getsockname()[1]}"}
        began = time.monotonic()
        with started(*words, "--model", "org/name", env=home | endpoint) as process:
            said = next(line for line in process.stderr if "cannot be reached" in line)
            took = time.monotonic() - began
            assert process.wait(20) == 1
    assert "org/name" in said
    assert took < 5
