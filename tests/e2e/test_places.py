"""One workspace under several names: which requests a running server answers with its code, and
of which it records nothing once the folder has opted out."""

import os
import re
import subprocess
import time
from contextlib import contextmanager

import httpx
import pytest

from completer.drafting.compiled import VARIABLE, keep_versions_apart
from telemetry.files import database_files
from tests.e2e.conftest import COMPLETER, run
from tests.telemetry.databases import count

pytestmark = pytest.mark.slow
PREFIX = "def total(items):\n    return "


@pytest.fixture
def top(tmp_path):
    """A workspace, and a link to it under which the server is told of it."""
    (tmp_path / "real/lib").mkdir(parents=True)
    (tmp_path / "real/lib/prices.py").write_text("def price(x):\n    return x\n" * 20)
    (tmp_path / "link").symlink_to("real")
    return tmp_path


@pytest.fixture
def environment(home, tmp_path):
    keep_versions_apart()
    own = {"COMPLETER_TELEMETRY__FOLDER": str(tmp_path / "telemetry")}
    return home | own | {VARIABLE: os.environ[VARIABLE]}


@contextmanager
def serving(top, environment):
    """A client of a server whose only workspace has opted out; it has ended at the end."""
    assert run("telemetry", "opt-out", "--workspace", top / "real", env=environment).returncode == 0
    process = subprocess.Popen(
        [COMPLETER, "serve", "--port", "0", "--workspace", top / "link"],
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    url = re.search(r"http://[\d.]+:\d+", process.stdout.readline()).group()
    transport = httpx.HTTPTransport(retries=5)  # it says where it will listen, then listens
    with httpx.Client(base_url=url, timeout=90, transport=transport) as client:
        try:
            yield client
        finally:
            process.terminate()
            process.wait(30)
            process.stdout.close()


def distribution(server, headers=None, filepath=None):
    """What a completion was drawn from: the workspace's code is blended in only where it counts."""
    body = {"segments": {"prefix": f"# {time.monotonic()}\n{PREFIX}", "filepath": filepath}}
    reply = server.post("/v1/completions", json=body, headers=headers or {})
    assert reply.status_code == 200, reply.text
    return reply.json()["completer"]["distribution"].removesuffix("+names")


def test_one_workspace_under_several_names(top, environment):
    link = {"X-Completer-Workspace": str(top / "link")}
    with serving(top, environment) as server:
        deadline = time.monotonic() + 180
        while distribution(server, link) != "model+repository":  # its code is being read
            assert time.monotonic() < deadline
            time.sleep(0.2)
        for headers, filepath in (
            ({}, None),
            ({**link, "X-Completer-Path": f"{top}/link/lib/new.py"}, None),
            ({"X-Completer-Path": f"{top}/real/lib/new.py"}, None),
            ({}, f"file://{top}/link/lib/new.py"),
            ({}, "lib/new.py"),
        ):
            assert distribution(server, headers, filepath) == "model+repository"
        for elsewhere in ("file:///home/me/other/x.py", f"{top}/link/../x.py"):
            assert distribution(server, filepath=elsewhere) == "model"
        assert distribution(server, filepath="vscode-remote://ssh-remote%2Bhost/x.py") == "model"

    recorded = sum(count(file, "opportunity") for file in database_files(top / "telemetry"))
    assert recorded == 2  # those that are known to be elsewhere
