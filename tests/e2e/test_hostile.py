"""One server over every hostile folder there is: it starts, answers, and ends in time."""

import os
import re
import signal
import subprocess
import threading
import time
from contextlib import suppress

import httpx
import pytest

from tests import hostile
from tests.e2e.conftest import COMPLETER

pytestmark = pytest.mark.slow

READY_WITHIN_S = 120
ANSWERS_WITHIN_S = 3  # of a health check, while everything is read on a busy machine
ENDS_WITHIN_S = 5


@pytest.fixture(scope="module")
def roots(tmp_path_factory):
    top = tmp_path_factory.mktemp("hostile")
    roots = {name: hostile.make(tree, top / name) for name, tree in hostile.TREES.items()}
    roots["not_utf8"] = hostile.make(hostile.names, top / os.fsdecode(b"w\xff"))
    roots["honest"] = hostile.make(lambda _: None, top / "honest")
    yield roots
    hostile.remove(top)


@pytest.fixture(scope="module")
def process(roots, home, tmp_path_factory):
    missing = tmp_path_factory.mktemp("missing") / "not there"
    flags = [flag for root in (*roots.values(), missing) for flag in ("--workspace", root)]
    log = tmp_path_factory.mktemp("log") / "log"
    with log.open("wb") as errors:
        process = subprocess.Popen(
            [COMPLETER, "serve", "--port", "0", *flags],
            env=home,
            stdout=subprocess.PIPE,
            stderr=errors,
        )
    process.url = _greeting(process, log)
    _wait_until_it_listens(process.url)
    yield process
    process.kill()
    process.wait()
    process.stdout.close()


def _greeting(process, log):
    for line in process.stdout:
        if found := re.search(rb"http://[\d.]+:\d+", line):
            return found.group().decode()
    raise AssertionError(log.read_text())


def _wait_until_it_listens(url):
    until = time.monotonic() + READY_WITHIN_S
    while True:
        try:
            httpx.get(f"{url}/health", timeout=60)
        except httpx.ConnectError:
            assert time.monotonic() < until
            time.sleep(0.05)
        else:
            return


@pytest.fixture(scope="module")
def latencies(process):
    """How long health checks have taken, each in seconds, since the server greeted."""
    taken, done = [], threading.Event()

    def ask():
        with httpx.Client(timeout=60) as client:
            while not done.wait(0.02):
                began = time.monotonic()
                with suppress(httpx.TransportError):  # it has ended
                    client.get(f"{process.url}/health")
                    taken.append(time.monotonic() - began)

    thread = threading.Thread(target=ask)
    thread.start()
    yield taken
    done.set()
    thread.join()


def complete(process, root, **more):
    body = {"prompt": "from honest import zebra_quotient\n\nx = zebra_", "max_tokens": 8, **more}
    headers = {"X-Completer-Workspace": str(root)} if root else {}
    return httpx.post(f"{process.url}/v1/completions", json=body, headers=headers, timeout=60)


def test_the_model_comes_and_the_honest_folder_is_served(process, latencies, roots):
    until = time.monotonic() + READY_WITHIN_S
    while httpx.get(f"{process.url}/health", timeout=60).json()["model"] == "loading":
        assert time.monotonic() < until
        time.sleep(0.2)
    answer = complete(process, roots["honest"])
    assert answer.status_code == 200, answer.text
    assert answer.json()["choices"][0]["text"]


@pytest.mark.parametrize("name", hostile.TREES)
def test_each_folder_is_served(process, latencies, roots, name):
    assert complete(process, roots[name]).status_code == 200


def test_health_answers_all_the_while_and_tells_what_failed(process, latencies):
    found = httpx.get(f"{process.url}/health", timeout=60).json()
    assert found["workspaces"] == {"failed": 1, "fault": "it is not a folder"}
    assert len(latencies) > 20
    assert max(latencies) < ANSWERS_WITHIN_S
    assert sorted(latencies)[len(latencies) // 2] < 0.2


def test_it_ends_while_it_still_reads(process, latencies, roots):
    for name in ("syntax", "many_files"):
        (roots[name] / "more.py").write_text("(\n" * 100_000)
    time.sleep(0.5)
    began = time.monotonic()
    process.send_signal(signal.SIGTERM)
    process.wait(60)
    assert time.monotonic() - began < ENDS_WITHIN_S
    assert _children(process.pid) == []


def _children(pid):
    """The processes that a parser may have left behind."""
    time.sleep(0.5)
    listed = subprocess.run(["ps", "-eo", "ppid,args"], capture_output=True, text=True, check=True)
    return [line for line in listed.stdout.splitlines() if line.split()[0] == str(pid)]
