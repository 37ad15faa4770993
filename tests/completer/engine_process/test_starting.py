"""Finding an engine or starting one: one for all who begin at once, newer ones for older ones."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from types import SimpleNamespace

import pytest

from completer.engine_process import starting
from completer.engine_process.registration import (
    Registration,
    digest_of,
    engine_settings,
    register,
    registered,
)
from completer.engine_process.starting import EngineStarter
from completer.errors import CompleterError
from completer.settings import Settings

DIGEST = digest_of(engine_settings(Settings()))
RUNNING = Registration(digest=DIGEST, pid=1, version="1.0", token="t", port=1)


class Machine:
    """Processes that register themselves, and who can be reached."""

    def __init__(self) -> None:
        self.started: list[int] = []
        self.reachable: set[int] = set()
        self.version = "1.0"
        self.ends = False

    def start(self, settings, log):
        pid = 100 + len(self.started)
        self.started.append(pid)
        if not self.ends:
            self.reachable.add(pid)
            register(replace(RUNNING, pid=pid, version=self.version))
        return SimpleNamespace(pid=pid, poll=lambda: 1 if self.ends else None)

    async def connect(self, engine):
        await asyncio.sleep(0)
        if engine.pid not in self.reachable:
            raise ConnectionRefusedError
        return engine

    def starter(self, version="1.0"):
        return EngineStarter(
            Settings(), connect=self.connect, start=self.start, own_version=version
        )


@pytest.fixture
def machine(monkeypatch, tmp_path):
    (tmp_path / "runtime").mkdir(mode=0o700)
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path / "runtime"))
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    return Machine()


async def test_an_engine_that_runs_is_taken(machine):
    register(RUNNING)
    machine.reachable.add(1)
    assert await machine.starter()() == RUNNING
    assert machine.started == []


async def test_editors_that_begin_at_once_get_one_engine(machine):
    found = await asyncio.gather(*(machine.starter()() for _ in range(5)))
    assert len(machine.started) == 1
    assert {each.pid for each in found} == set(machine.started)


async def test_an_engine_that_is_gone_is_started_again(machine):
    register(RUNNING)
    assert (await machine.starter()()).pid == 100


async def test_a_newer_program_starts_a_newer_engine_and_an_older_one_takes_it(machine):
    register(RUNNING)
    machine.reachable.add(1)
    machine.version = "1.1"
    assert (await machine.starter("1.1")()).pid == 100
    assert (await machine.starter("1.0")()).pid == 100
    assert registered(DIGEST).pid == 100


async def test_an_engine_that_ends_at_once_is_told_with_its_log(machine):
    machine.ends = True
    with pytest.raises(CompleterError) as raised:
        await machine.starter()()
    assert f"engine-{DIGEST}.log says why" in raised.value.hint


async def test_who_waits_for_another_that_gives_up_starts_one(machine, monkeypatch):
    monkeypatch.setattr(starting, "LOOKS_EVERY_S", 0.01)
    with starting.starting(DIGEST):
        waiting = asyncio.create_task(machine.starter()())
        await asyncio.sleep(0.05)
        assert machine.started == []
    assert (await asyncio.wait_for(waiting, 5)).pid == 100
