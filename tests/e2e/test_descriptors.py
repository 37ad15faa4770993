"""A server with few file descriptors and many clients: real processes, a real limit."""

import resource
import socket
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

import httpx
import pytest

from tests.e2e.conftest import serving

pytestmark = pytest.mark.slow

DESCRIPTORS = 64
CLIENTS = 100


@dataclass
class Limited:
    url: str
    log: Path


@pytest.fixture(scope="module")
def limited(home, project, tmp_path_factory) -> Iterator[Limited]:
    """A server that may have no more than `DESCRIPTORS`, with its model loaded."""
    log = tmp_path_factory.mktemp("limited") / "log"
    limits = (DESCRIPTORS, DESCRIPTORS)
    with (
        log.open("w") as stderr,
        serving(
            "--workspace",
            project,
            env=home,
            stderr=stderr,
            preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_NOFILE, limits),
        ) as (url, _),
    ):
        with httpx.Client(base_url=url, timeout=30) as client:
            wait_for_the_model(client)
        yield Limited(url, log)


def wait_for_the_model(client: httpx.Client) -> None:
    until = time.monotonic() + 240
    while (state := client.get("/health").json()["model"]) != "ready":
        assert state == "loading"
        assert time.monotonic() < until
        time.sleep(0.5)


def complete(client: httpx.Client) -> None:
    """Ask for one completion, and close."""
    with client:
        body = {"prompt": "import os\n", "suffix": "\n", "max_tokens": 4}
        assert client.post("/v1/completions", json=body).status_code == 200


def test_connections_that_say_nothing_stop_nobody_who_is_there(limited):
    address = urlsplit(limited.url)
    with httpx.Client(base_url=limited.url, timeout=30) as client, ExitStack() as stack:
        assert client.get("/health").status_code == 200
        for _ in range(CLIENTS):
            silent = socket.create_connection((address.hostname, address.port), timeout=30)
            stack.enter_context(silent)
        until = time.monotonic() + 4
        while time.monotonic() < until:
            assert client.get("/health").status_code == 200
            time.sleep(0.1)
    complete(httpx.Client(base_url=limited.url, timeout=30))
    complaints = [
        line for line in limited.log.read_text().splitlines() if not line.startswith("completer: ")
    ]
    assert len(complaints) <= 2, complaints[:5]


def test_many_clients_at_once_are_all_served(limited):
    def ask(_: int) -> int:
        return httpx.get(f"{limited.url}/health", timeout=30).status_code

    with ThreadPoolExecutor(CLIENTS) as clients:
        assert set(clients.map(ask, range(CLIENTS))) == {200}
    assert "Traceback" not in limited.log.read_text()
