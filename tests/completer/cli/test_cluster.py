"""What `completer cluster` says; a real cluster is in tests/completer/cluster/test_cluster.py."""

from __future__ import annotations

import sys

import pytest
from typer.testing import CliRunner

from completer.cli.cluster import _line, _replica_line
from completer.cli.commands import app
from completer.cluster.environment import ALWAYS, ON_THIS_MACHINE
from completer.cluster.status import ClusterStatus, ReplicaStatus
from completer.errors import SettingsError
from tests.fakes import FakeService


@pytest.fixture(autouse=True)
def _alone(monkeypatch, tmp_path):
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path))


def test_without_ray_it_says_what_to_install(monkeypatch):
    monkeypatch.delitem(sys.modules, "completer.cluster.running", raising=False)
    monkeypatch.setitem(sys.modules, "ray", None)
    for variable in ALWAYS | ON_THIS_MACHINE:
        monkeypatch.setenv(variable, "as it was")
    result = CliRunner().invoke(app, ["cluster", "status"])
    assert isinstance(result.exception, SettingsError)
    assert "completer[cluster]" in result.exception.hint


def test_down_is_down():
    result = CliRunner().invoke(app, ["cluster", "down"])
    assert (result.exit_code, result.output) == (0, "It is down.\n")


def test_a_line_tells_of_each_replica_and_of_what_waits():
    info = FakeService(memory_bytes={"weights": 3 << 20, "kv": 2 << 20}).info()
    replica = ReplicaStatus(pid=7, version="1.0", running=2, info=info)
    assert _replica_line(replica) == (
        "7: completer 1.0 · fake-fim-1b (float32, cpu, ready) · 2 running · 5 MB"
    )
    status = ClusterStatus(state="running", message="", asked=5, starting=1, replicas=(replica,))
    assert _line(status) == "running · 1 replicas · 1 more start or end · 3 requests wait"
