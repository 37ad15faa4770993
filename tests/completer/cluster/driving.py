"""A scripted cluster in processes of its own, and people who ask it again and again."""

from __future__ import annotations

import asyncio
import json
import os
import random
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx

from tests.completer.cluster.scripted import SHORT_S

STARTS_WITHIN_S = 180.0  # of processes, on a busy machine
WITHIN_S = 60.0
ROOT = Path(__file__).parents[3]
PORT = 20_000 + os.getpid() % 10_000  # below those that the system hands out


@dataclass
class Cluster:
    """One that is up; its Ray is told by `environment`."""

    environment: dict[str, str]
    up: subprocess.Popen[str]
    client: httpx.Client

    @property
    def mark(self) -> str:
        """What all its processes have in their environment."""
        return f"RAY_TMPDIR={self.environment['RAY_TMPDIR']}"

    def command(self, *words: str) -> str:
        """Run `completer cluster ...`."""
        command = [sys.executable, "-m", "completer", "cluster", *words]
        done = subprocess.run(command, env=self.environment, capture_output=True, text=True)
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    def change(self, max_waiting: int) -> None:
        """Change the application into one with another setting; returns once it is changed."""
        done = subprocess.run(script(max_waiting), env=self.environment, capture_output=True)
        assert done.returncode == 0, done.stderr.decode()

    def status(self) -> dict[str, Any]:
        """What the command tells of it."""
        found: dict[str, Any] = json.loads(self.command("status", "--json"))
        return found

    def running(self) -> list[int]:
        """The replicas that answer somebody."""
        return [each["pid"] for each in self.status()["replicas"] if each["running"]]

    def replica_of(self, person: str) -> int:
        """The process that answers a person."""
        reply = self.client.post("/v1/completions", json=body(person))
        assert reply.status_code == 200, reply.text
        return int(reply.json()["choices"][0]["text"])


def body(person: str, prefix: str = "a", **more: object) -> dict[str, object]:
    return {"prompt": prefix, "suffix": "", "user": person, **more}


def script(max_waiting: int) -> list[str]:
    tokens = "no-tokens.json"
    module = "tests.completer.cluster.scripted"
    return [sys.executable, "-m", module, str(PORT), tokens, str(max_waiting)]


@contextmanager
def running() -> Iterator[Cluster]:
    """Two replicas in a Ray of their own, until the block ends."""
    with tempfile.TemporaryDirectory(prefix="ray-", ignore_cleanup_errors=True) as folder:
        own = {"HOME": folder, "XDG_RUNTIME_DIR": folder, "RAY_TMPDIR": folder}
        environment = os.environ | own | {"PYTHONPATH": str(ROOT)}
        up = subprocess.Popen(script(64), env=environment, stdout=subprocess.PIPE, text=True)
        assert up.stdout is not None
        too_late = threading.Timer(STARTS_WITHIN_S, up.kill)
        too_late.start()
        try:
            assert up.stdout.readline() == "serves\n"
            too_late.cancel()
            with httpx.Client(base_url=f"http://127.0.0.1:{PORT}", timeout=WITHIN_S) as client:
                yield Cluster(environment, up, client)
        finally:
            too_late.cancel()
            up.terminate()
            up.wait(WITHIN_S)
            up.stdout.close()


def until(condition: Callable[[], Any], within_s: float = WITHIN_S) -> Any:
    deadline = time.monotonic() + within_s
    while not (found := condition()):
        assert time.monotonic() < deadline, "it did not come to that in time"
        time.sleep(0.2)
    return found


@dataclass
class People:
    """People who ask again and again, and give up a share of their requests.

    `last` is where each was answered, `times` how often; `refused` is what was not answered.
    """

    names: list[str]
    gives_up: float = 0.0
    last: dict[str, int] = field(default_factory=dict)
    times: Counter[str] = field(default_factory=Counter)
    refused: list[str] = field(default_factory=list)
    given_up: int = 0
    end: bool = False

    async def ask(self, person: str) -> None:
        """Ask until the end."""
        url = f"http://127.0.0.1:{PORT}/v1/completions"
        async with httpx.AsyncClient(timeout=STARTS_WITHIN_S) as client:
            while not self.end:
                asking = asyncio.create_task(client.post(url, json=body(person)))
                if random.random() < self.gives_up:
                    await asyncio.sleep(random.uniform(0, SHORT_S))
                    asking.cancel()
                await asyncio.wait({asking})
                self._note(person, asking)

    def _note(self, person: str, asked: asyncio.Task[httpx.Response]) -> None:
        if asked.cancelled():
            self.given_up += 1
        elif asked.result().status_code == 200:
            self.last[person] = int(asked.result().json()["choices"][0]["text"])
            self.times[person] += 1
        else:
            self.refused.append(f"{asked.result().status_code} {asked.result().text}")

    async def answered_again(self, times: int) -> None:
        """Wait until everybody was answered so many times more."""
        before = Counter(self.times)
        async with asyncio.timeout(STARTS_WITHIN_S):
            while any(self.times[each] - before[each] < times for each in self.names):
                await asyncio.sleep(0.05)
