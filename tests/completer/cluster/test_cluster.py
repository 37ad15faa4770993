"""A real cluster on this machine: two replicas without a model, killed, changed and taken down."""

from __future__ import annotations

import asyncio
import json
import os
import signal
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from websockets.exceptions import InvalidStatus
from websockets.sync.client import connect

from tests.completer.cluster.conftest import needs_ray
from tests.completer.cluster.driving import (
    PORT,
    WITHIN_S,
    Cluster,
    People,
    body,
    running,
    until,
)
from tests.completer.cluster.scripted import LONG

pytestmark = [pytest.mark.slow, needs_ray]
LOOPBACK = {"0100007F", "0000000000000000FFFF00000100007F", "00000000000000000000000001000000"}
LISTENS = "0A"
MANY = [f"person {number}" for number in range(40)]  # on a ring they are nobody's all


@pytest.fixture(scope="module")
def cluster() -> Iterator[Cluster]:
    with running() as found:
        yield found


def test_a_persons_requests_go_to_one_replica(cluster):
    where = {person: {cluster.replica_of(person) for _ in range(2)} for person in MANY}
    assert all(len(pids) == 1 for pids in where.values())
    status = cluster.status()
    assert {pid for pids in where.values() for pid in pids} == {
        each["pid"] for each in status["replicas"]
    }
    assert (status["state"], status["starting"], status["asked"]) == ("running", 0, 0)


def test_answers_come_as_they_are_made(cluster):
    with cluster.client.stream("POST", "/v1/completions", json=body("ada", stream=True)) as reply:
        lines = [line.removeprefix("data: ") for line in reply.iter_lines() if line]
    assert lines[-1] == "[DONE]"
    parts = [json.loads(line)["choices"][0]["text"] for line in lines[:-1]]
    assert len(parts) > 2
    assert int("".join(parts)) == cluster.replica_of("ada")


@pytest.mark.parametrize("stream", [False, True])
def test_who_goes_away_is_answered_no_more(cluster, stream):
    asyncio.run(ask_and_go(cluster, stream=stream))
    until(lambda: not cluster.running())


async def ask_and_go(cluster: Cluster, *, stream: bool) -> None:
    async with httpx.AsyncClient(base_url=cluster.client.base_url, timeout=WITHIN_S) as client:
        asked = body("ada", LONG, stream=stream)
        asking = asyncio.create_task(client.post("/v1/completions", json=asked))
        await asyncio.to_thread(until, cluster.running)
        asking.cancel()
        await asyncio.gather(asking, return_exceptions=True)


def test_other_machines_reach_nothing_that_takes_no_token(cluster):
    exposed = listening_beyond_this_machine(cluster.mark)
    assert all(name.startswith("ray::ServeRepli") for name in exposed)


def test_editors_elsewhere_are_told_why_they_are_not_let_in(cluster):
    with pytest.raises(InvalidStatus) as refused, connect(f"ws://127.0.0.1:{PORT}/v1/remote/3"):
        pass
    assert refused.value.response.status_code == 501
    assert b"completer serve" in (refused.value.response.body or b"")


def test_no_request_is_lost_when_replicas_are_killed_or_changed(cluster):
    asyncio.run(kill_and_change(cluster))


async def kill_and_change(cluster: Cluster) -> None:
    people = People([f"person {number}" for number in range(12)])
    tasks = [asyncio.create_task(people.ask(person)) for person in people.names]
    await people.answered_again(5)
    victim = people.last["person 0"]
    os.kill(victim, signal.SIGKILL)
    await people.answered_again(20)
    await asyncio.to_thread(cluster.change, 65)
    await people.answered_again(5)
    people.end = True
    await asyncio.gather(*tasks)
    assert people.refused == []
    assert victim not in people.last.values()


def test_a_stream_whose_replica_dies_ends_with_an_error(cluster):
    asked = body("ada", LONG, stream=True)
    with cluster.client.stream("POST", "/v1/completions", json=asked) as reply:
        lines = reply.iter_lines()
        assert "choices" in next(lines)
        os.kill(until(cluster.running)[0], signal.SIGKILL)
        *_, error, end = [line for line in lines if line]
    assert "ended while it answered" in error
    assert end == "data: [DONE]"


def test_taken_down_it_ends(cluster):
    assert "down" in cluster.command("down")
    assert cluster.up.wait(WITHIN_S) == 0
    until(lambda: not list(sockets(cluster.mark)))


def listening_beyond_this_machine(mark: str) -> list[str]:
    """The names of processes with `mark` in their environment that listen on other addresses."""
    exposed = {
        fields[9]
        for table in ("/proc/net/tcp", "/proc/net/tcp6")
        for fields in map(str.split, Path(table).read_text().splitlines()[1:])
        if fields[3] == LISTENS and fields[1].split(":")[0] not in LOOPBACK
    }
    return [name for name, inodes in sockets(mark) if inodes & exposed]


def sockets(mark: str) -> Iterator[tuple[str, set[str]]]:
    for process in Path("/proc").glob("[0-9]*"):
        try:
            if mark.encode() not in (process / "environ").read_bytes().split(b"\0"):
                continue
            links = [str(each.readlink()) for each in (process / "fd").iterdir()]
            name = (process / "comm").read_text().strip()
        except OSError:
            continue
        yield name, {link[8:-1] for link in links if link.startswith("socket:")}
