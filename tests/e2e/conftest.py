"""Real processes: the program as a user starts it, on the embedded model."""

import json
import os
import re
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

COMPLETER = Path(sys.executable).with_name("completer")
STARTS_WITHIN_S = 60
STORED_WITHIN_S = 30


@dataclass
class Server:
    """A running `completer serve`."""

    url: str
    process: subprocess.Popen[str]
    telemetry: Path
    workspace: Path


@pytest.fixture(scope="session")
def home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, str]]:
    """The environment of a user who has never run the program, until whose engines have ended."""
    with home_of(tmp_path_factory.mktemp("home")) as environment:
        yield environment


@pytest.fixture
def own_home(tmp_path: Path) -> Iterator[dict[str, str]]:
    """The environment of a user whose engines end with the test."""
    with home_of(tmp_path) as environment:
        yield environment


@contextmanager
def home_of(folder: Path) -> Iterator[dict[str, str]]:
    """The environment of a user whose folders are all in this one."""
    (folder / "run").mkdir(mode=0o700)
    environment = dict(os.environ) | {
        "HOME": str(folder),
        "XDG_CONFIG_HOME": str(folder / "config"),
        "XDG_CACHE_HOME": str(folder / "cache"),
        "XDG_DATA_HOME": str(folder / "data"),
        "XDG_STATE_HOME": str(folder / "state"),
        "XDG_RUNTIME_DIR": str(folder / "run"),
        "COMPLETER_TELEMETRY__FOLDER": str(folder / "telemetry"),
        "COMPLETER_ENGINE__LINGER_MINUTES": "0.5",
    }
    yield environment
    run("stop", env=environment)


@pytest.fixture(scope="session")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A small repository of the user's own."""
    root = tmp_path_factory.mktemp("project")
    (root / "pyproject.toml").write_text("[project]\nname = 'shop'\n")
    (root / "prices.py").write_text(
        "def price_with_tax(amount, rate=0.19):\n    return round(amount * (1 + rate), 2)\n"
    )
    (root / "app.py").write_text(
        "from prices import price_with_tax\n\n\ndef total(items):\n"
        "    return sum(price_with_\n\n\ndef main():\n    print(total([1, 2]))\n"
    )
    return root


@pytest.fixture(scope="session")
def server(home: dict[str, str], project: Path) -> Iterator[Server]:
    with serving("--workspace", project, env=home) as (url, process):
        folder = Path(home["COMPLETER_TELEMETRY__FOLDER"])
        yield Server(url, process, folder, project)


@contextmanager
def serving(
    *arguments: object, env: dict[str, str], **more: Any
) -> Iterator[tuple[str, subprocess.Popen[str]]]:
    """Run `completer serve` on a free port; `more` is for the process."""
    process = subprocess.Popen(
        [COMPLETER, "serve", "--port", "0", *map(str, arguments)],
        env=env,
        stdout=subprocess.PIPE,
        text=True,
        **{"stderr": subprocess.STDOUT, **more},
    )
    assert process.stdout is not None
    try:
        greeting = process.stdout.readline()
        found = re.search(r"https?://[\d.]+:\d+", greeting)
        assert found, greeting + process.stdout.read()
        yield found.group(), process
    finally:
        process.terminate()
        process.wait(30)
        process.stdout.close()


def stored_acceptance(folder: object, env: dict[str, str]) -> dict[str, Any]:
    """What the report says of acceptance once some is stored, which is done in the background."""
    until = time.monotonic() + STORED_WITHIN_S
    while True:
        done = run("report", "--json", "--db", folder, env=env)
        if done.returncode == 0:
            acceptance: dict[str, Any] = json.loads(done.stdout)["overall"]["acceptance"]
            if acceptance["value"]:
                return acceptance
        assert time.monotonic() < until, done.stdout + done.stderr
        time.sleep(0.5)


def run(*arguments: object, env: dict[str, str]) -> subprocess.CompletedProcess[str]:
    """Run one command to its end."""
    return subprocess.run(
        [COMPLETER, *map(str, arguments)],
        env=env,
        capture_output=True,
        text=True,
        timeout=120,
    )
