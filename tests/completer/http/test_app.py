"""Routes, and replies to what is none."""

from __future__ import annotations

import time
from pathlib import Path

import httpx
import pytest
from starlette.testclient import TestClient

from completer.http.app import create_app
from completer.http.health import sentence
from completer.interface import WorkspaceHealth
from telemetry.events import BranchChanged, SessionEnded
from tests.completer.context.repositories import GitRepository, needs_git
from tests.fakes import FakeRecorder, FakeService


@pytest.mark.parametrize("state", ["loading", "ready", "unloaded"])
async def test_health_says_whether_the_model_is_there(state, client, service):
    service.state = state
    reply = await client.get("/health")
    assert (reply.status_code, reply.json()) == (200, {"status": "ok", "model": state})


@pytest.mark.parametrize("state", ["failed", "unloaded"])
async def test_health_fails_with_the_reason_when_the_model_could_not_be_loaded(
    state, client, service
):
    service.state = state
    service.failure = "/home/ada/my-model could not be loaded: no /home/ada/x.json, see http://h/x"
    reply = await client.get("/health")
    reason = "my-model could not be loaded: no x.json, see http://h/x"
    assert reply.status_code == 503
    assert reply.json() == {"status": "failed", "model": state, "reason": reason}
    assert (await client.get("/v1/health")).status_code == 503


async def test_health_says_what_is_wrong_with_workspaces_and_names_none(client, service):
    service.health = {
        Path("/secret/a"): WorkspaceHealth(fault="PermissionError"),
        Path("/secret/b"): WorkspaceHealth(restarts=2, reason="Input/output error"),
        Path("/secret/c"): WorkspaceHealth(restarts=1, reason="lost", compared="too many folders"),
    }
    reply = await client.get("/health")
    assert reply.json()["workspaces"] == {
        "failed": 1,
        "fault": "PermissionError",
        "watches_restarted": 3,
        "restart_reason": "lost",
        "compared": 1,
        "compared_because": "too many folders",
    }
    assert "secret" not in reply.text
    assert sentence(reply.json()["workspaces"]) == (
        "1 of its workspaces failed (PermissionError); watching files was begun again 3 times,"
        " at last for: lost; files of 1 workspaces are compared every minute: too many folders"
    )


async def test_health_says_why_graphs_were_given_up(client, service):
    service.graphs_given_up = "operation not permitted when stream is capturing"
    found = (await client.get("/health")).json()

    assert found == {"status": "ok", "model": "ready", "graphs_given_up": service.graphs_given_up}


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [("GET", "/", 404), ("GET", "/v1/completions", 405), ("DELETE", "/infill", 405)],
)
async def test_unknown_routes_and_methods_have_errors_in_the_same_shape(
    client: httpx.AsyncClient, method: str, path: str, status: int
):
    reply = await client.request(method, path)
    assert reply.status_code == status
    assert set(reply.json()["error"]) == {"message", "type", "param", "code"}


def test_every_path_is_documented(app):
    page = (Path(__file__).parents[3] / "docs" / "http-api.md").read_text()
    paths = [route.path.replace(":path", "") for route in app.routes]
    assert [path for path in paths if f" {path}`" not in page] == []


@needs_git
def test_another_branch_in_a_workspace_is_reported(tmp_path):
    git = GitRepository(tmp_path / "w")
    git.commit({"a.py": "one\n"})
    git.commit({"a.py": "two\n"})
    recorder = FakeRecorder()
    with TestClient(create_app(FakeService(workspaces=(git.folder,)), recorder)):
        git("checkout", "--quiet", "HEAD~1")
        deadline = time.monotonic() + 10
        while not recorder.of(BranchChanged):
            assert time.monotonic() < deadline
            time.sleep(0.02)
    assert recorder.of(BranchChanged) == [BranchChanged(str(git.folder))]


def test_the_end_of_the_application_ends_its_sessions():
    recorder = FakeRecorder()
    app = create_app(FakeService(), recorder)
    with TestClient(app, base_url="http://localhost") as client:
        client.post("/v1/completions", json={"prompt": "a"})
        assert recorder.of(SessionEnded) == []
    assert recorder.of(SessionEnded) == [SessionEnded(recorder.sessions[0])]
