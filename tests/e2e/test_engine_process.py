"""One engine for all language servers: found, shared, killed, taken over, and gone in the end."""

import asyncio
import dataclasses
import json
import shutil
import subprocess
import sys
import time
from contextlib import contextmanager
from pathlib import Path

import pytest

from completer.cli.assembly import build_model, build_service
from completer.engine_process import registration
from completer.engine_process.asking import described
from completer.engine_process.client import RemoteService
from completer.engine_process.starting import EngineStarter
from completer.place import local_place
from completer.request import CompletionRequest, Sampling
from completer.settings import EngineSettings, ModelSettings, Settings
from tests.e2e.conftest import COMPLETER, home_of, run
from tests.e2e.engine_killer import engines, kill_while_typing, ready_engine
from tests.e2e.language_client import language_client

pytestmark = pytest.mark.slow
HEAVY = {"torch", "transformers", "numba", "numpy", "tokenizers", "scipy", "sklearn"}
MOST_MB = 80
STORE = Path(__file__).parents[2] / "examples" / "shop" / "store.py"


def until(condition, within_s):
    deadline = time.monotonic() + within_s
    while not (found := condition()):
        assert time.monotonic() < deadline, "it did not come to that in time"
        time.sleep(0.1)
    return found


def opened(client, path):
    text = path.read_text()
    item = {"uri": path.as_uri(), "languageId": "python", "version": 1, "text": text}
    client.notify("textDocument/didOpen", {"textDocument": item})
    last = text.split("\n")[-2]
    position = {"line": len(text.split("\n")) - 2, "character": len(last)}
    asked = {
        "textDocument": {"uri": path.as_uri()},
        "position": position,
        "context": {"triggerKind": 1},
    }
    return client.request("textDocument/inlineCompletion", asked)


def test_language_servers_that_start_at_once_share_one_engine(own_home, project):
    with (
        language_client(own_home, project.as_uri()) as one,
        language_client(own_home, project.as_uri()) as other,
    ):
        for answer in [opened(each, project / "app.py") for each in (one, other)]:
            assert "result" in answer.get(timeout=90)
        (engine,) = engines(own_home)
        assert engine["editors"] == 2
        assert engine["workspaces"] == [str(project)]
    until(lambda: engines(own_home)[0]["editors"] == 0, 10)


def test_an_engine_ends_some_time_after_its_last_editor(own_home, project):
    short = own_home | {"COMPLETER_ENGINE__LINGER_MINUTES": "0.02"}
    with language_client(short, project.as_uri()) as client:
        assert "result" in opened(client, project / "app.py").get(timeout=90)
        time.sleep(2)
        assert len(engines(short)) == 1
    until(lambda: not engines(short), 15)
    assert not list((Path(short["XDG_RUNTIME_DIR"]) / "completer").glob("*.sock"))


def test_a_killed_engine_costs_at_most_a_completion(own_home, project):
    outcome = kill_while_typing(own_home, project, times=3)
    assert outcome.kills == 3
    assert outcome.errors == []
    assert len(outcome.lost) <= outcome.kills
    assert outcome.answered >= outcome.kills
    assert max(outcome.blocked_ms) < 1000 * min(outcome.back_s) / 2  # none waits for an engine


def test_the_language_server_is_thin(own_home, project, tmp_path):
    command = [sys.executable, "-X", "importtime", "-m", "completer", "lsp"]
    log = tmp_path / "imports"
    with log.open("w") as stderr:
        script = f"exec {subprocess.list2cmdline(command)} 2>{log}"
        with language_client(own_home, project.as_uri(), "sh", "-c", script) as client:
            answer = opened(client, project / "app.py").get(timeout=90)
            status = Path(f"/proc/{client.process.pid}/status").read_text()
        stderr.flush()
    assert "result" in answer
    imported = {line.rpartition("|")[2].strip() for line in log.read_text().splitlines()}
    assert "lsprotocol.types" in imported
    assert imported & HEAVY == set()
    resident = next(line for line in status.splitlines() if line.startswith("VmRSS"))
    assert int(resident.split()[1]) / 1024 < MOST_MB


def test_commands_tell_of_it_and_end_it(own_home, project):
    assert "No engine runs" in run("status", env=own_home).stdout
    with language_client(own_home, project.as_uri()) as client:
        assert "result" in opened(client, project / "app.py").get(timeout=90)
        first = ready_engine(own_home)
        assert f"engine {first}" in run("status", env=own_home).stdout
        assert "completer.progress" in run("logs", env=own_home).stdout
        restarted = run("restart", env=own_home)
        assert restarted.returncode == 0, restarted.stderr
        assert ready_engine(own_home) != first
        assert "result" in opened(client, project / "prices.py").get(timeout=90)
        assert "1 ended" in run("stop", env=own_home).stdout
        assert engines(own_home) == []


def test_a_server_is_that_engine_too(own_home, project):
    with subprocess.Popen(
        [COMPLETER, "serve", "--port", "0", "--workspace", project],
        env=own_home,
        stdout=subprocess.PIPE,
        text=True,
    ) as server:
        assert server.stdout is not None
        server.stdout.readline()
        with language_client(own_home, project.as_uri()) as client:
            assert "result" in opened(client, project / "app.py").get(timeout=90)
            (engine,) = engines(own_home)
            assert (engine["pid"], engine["editors"]) == (server.pid, 1)
        server.terminate()


def test_an_editor_of_a_newer_version_has_a_newer_engine(own_home, project):
    with language_client(own_home, project.as_uri()) as older:
        assert "result" in opened(older, project / "app.py").get(timeout=90)
        first = ready_engine(own_home)
        (file,) = (Path(own_home["XDG_RUNTIME_DIR"]) / "completer").glob("*.json")
        told = json.loads(file.read_text())
        # The engine looks at its file every half a second: this is what an older one has written.
        file.write_text(json.dumps(told | {"version": "0.0.1"}))
        with language_client(own_home, project.as_uri()) as newer:
            assert "result" in opened(newer, project / "app.py").get(timeout=90)
            until(lambda: [each["pid"] for each in engines(own_home)] != [first], 30)
            assert "result" in opened(older, project / "prices.py").get(timeout=90)
            (engine,) = engines(own_home)
            assert engine["editors"] == 2


@contextmanager
def asked_settings(tmp_path):
    """Settings of a test's own, with a workspace to draft from."""
    workspace = tmp_path / "shop"
    shutil.copytree(STORE.parent, workspace)
    yield (
        workspace,
        Settings(
            model=ModelSettings(dtype="float32"),
            cache_folder=tmp_path / "cache",
            calibration_folder=tmp_path / "calibration",
            engine=EngineSettings(linger_minutes=0.5),
        ),
    )


def questions(workspace):
    text = STORE.read_text()
    for caret in range(300, len(text) - 40, 90):
        yield CompletionRequest(
            prefix=text[:caret],
            suffix=text[caret:],
            path=workspace / "store.py",
            polish=True,
            trigger="manual",
            max_tokens=12,
            deadline_ms=60_000.0,
            sampling=Sampling(seed=7),
        )


async def answers(service, workspace, indexed):
    found = []
    service.open_workspace(local_place(workspace))
    await indexed()
    for question in questions(workspace):
        completion = await service.complete(question)
        found.append([dataclasses.replace(each, confidence=()) for each in completion.choices])
    return found


async def test_answers_are_the_same_in_process_and_over_the_socket(tmp_path, monkeypatch):
    with home_of(tmp_path) as environment, asked_settings(tmp_path) as (workspace, settings):
        for name in ("XDG_RUNTIME_DIR", "XDG_STATE_HOME", "HOME"):
            monkeypatch.setenv(name, environment[name])
        local = build_service(*build_model(settings), settings)

        async def read_here():
            root = local_place(workspace)
            assert await asyncio.to_thread(local._repositories.open(root).wait, 300)

        here = await answers(local, workspace, read_here)
        local.close()
        remote = RemoteService(EngineStarter(settings), cache_bytes=0)

        async def read_there():
            digest = registration.digest_of(registration.engine_settings(settings))
            async with asyncio.timeout(120):
                while not await asyncio.to_thread(_has_index, digest):
                    await asyncio.sleep(0.5)
            await asyncio.sleep(3)  # definitions come a moment after drafts

        there = await answers(remote, workspace, read_there)
        await remote.close()
    assert any(choice.text for choices in here for choice in choices)
    assert here == there


def _has_index(digest):
    engine = registration.registered(digest)
    told = None if engine is None else described(engine)
    return told is not None and told["memory_bytes"].get("draft_indexes", 0) > 0
