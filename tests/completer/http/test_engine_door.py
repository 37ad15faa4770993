"""The WebSocket of an engine, on a real socket: who may, what is told, and how it ends."""

from __future__ import annotations

import asyncio
import contextlib
import socket
from dataclasses import replace

import pytest
from websockets.asyncio.client import connect, unix_connect
from websockets.exceptions import InvalidStatus

from completer.engine_process.asking import described
from completer.engine_process.client import RemoteService
from completer.engine_process.connection import PATH, Connection
from completer.engine_process.messages import Failed
from completer.engine_process.registration import Registration, registered
from completer.engine_process.wire import read_said
from completer.http.app import create_app
from completer.http.engine_door import EngineDoor
from completer.http.options import HttpOptions
from completer.http.serving import Server, server_config
from completer.place import local_place
from completer.request import CompletionRequest
from tests.completer.http.live import eventually
from tests.fakes import FakeRecorder, FakeService

OPTIONS = HttpOptions(max_connections=4)


@pytest.fixture(autouse=True)
def runtime(monkeypatch, tmp_path):
    folder = tmp_path / "run"
    folder.mkdir(mode=0o700)
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(folder))


class Running:
    """A server on a unix socket and on a port, around a scripted service."""

    def __init__(self, registration, service, server, port):
        self.registration, self.service = registration, service
        self.server, self.port = server, port


@contextlib.asynccontextmanager
async def engine(folder, *, lingers=True, linger_s=60.0, digest="d", **more):
    path = str(folder / f"{digest}{len(list(folder.iterdir()))}.sock")
    service = FakeService(**more)
    registration = Registration(
        digest=digest, pid=1, version="1", token="secret", socket=path, lingers=lingers
    )
    with socket.socket(socket.AF_UNIX) as unix, socket.create_server(("127.0.0.1", 0)) as tcp:
        unix.bind(path)
        unix.listen()
        door = EngineDoor(service, registration, lambda: server.stop(), linger_s=linger_s)
        app = create_app(service, FakeRecorder(), options=OPTIONS, engine=door)
        port = tcp.getsockname()[1]
        server = Server(server_config(app, host="127.0.0.1", port=port, options=OPTIONS), OPTIONS)
        task = asyncio.create_task(server.serve(sockets=[unix, tcp]))
        await eventually(lambda: server.started, 10)
        try:
            yield Running(registration, service, server, port)
        finally:
            server.should_exit = True
            await task


async def complete(engine, prefix="x"):
    connection = await Connection.to(engine.registration)
    service = RemoteService(lambda: asyncio.sleep(0, connection))
    try:
        return await service.complete(CompletionRequest(prefix=prefix))
    finally:
        await service.close()


async def test_an_editor_is_served_over_the_socket(tmp_path):
    async with engine(tmp_path) as running:
        assert registered("d") == running.registration
        assert (await complete(running)).text == "fake completion"
    assert registered("d") is None


async def test_or_on_a_port_where_there_is_no_such_socket(tmp_path):
    async with engine(tmp_path) as running:
        running.registration = replace(running.registration, socket="", port=running.port)
        assert (await complete(running)).text == "fake completion"
        told = await asyncio.to_thread(described, running.registration)
        assert told["editors"] == 0


@pytest.mark.parametrize("headers", [{}, {"Authorization": "Bearer wrong"}])
async def test_without_its_token_nobody_is(tmp_path, headers):
    async with engine(tmp_path) as running:
        url = f"ws://127.0.0.1:{running.port}{PATH}"
        options = {"additional_headers": headers, "proxy": None}
        for opened in (
            unix_connect(running.registration.socket, url, **options),
            connect(url, **options),
        ):
            with pytest.raises(InvalidStatus) as refused:
                await opened
            assert refused.value.response.status_code == 401


@pytest.mark.parametrize(
    ("host", "origin"), [("evil.example", None), ("localhost", "https://evil.example")]
)
async def test_hosts_and_origins_are_held_to_the_same_rules(tmp_path, host, origin):
    async with engine(tmp_path) as running:
        with pytest.raises(InvalidStatus) as refused:
            await connect(
                f"ws://{host}{PATH}",
                host="127.0.0.1",
                port=running.port,
                origin=origin,
                additional_headers={"Authorization": "Bearer secret"},
                proxy=None,
            )
        assert refused.value.response.status_code == 403


async def test_what_is_no_message_is_answered_and_ends_nothing(tmp_path, caplog):
    async with (
        engine(tmp_path) as running,
        unix_connect(
            running.registration.socket,
            f"ws://localhost{PATH}",
            additional_headers={"Authorization": "Bearer secret"},
        ) as client,
    ):
        await client.recv()
        await client.send(b"no JSON")
        await client.send("text")
        await client.send(b'{"kind": "complete", "id": 5, "request": {"prefix": 1}}')
        answer = read_said(await client.recv(decode=False))
        assert isinstance(answer, Failed)
        assert (answer.id, answer.error) == (5, "BadRequestError")


async def test_a_connection_outlives_the_patience_for_headers_and_gives_its_place_back(tmp_path):
    async with engine(tmp_path) as running:
        for _ in range(3 * OPTIONS.max_connections):
            assert (await complete(running)).text


async def test_it_tells_commands_what_runs(tmp_path):
    async with engine(tmp_path, workspaces=(local_place(tmp_path),)) as running:
        told = await asyncio.to_thread(described, running.registration)
        assert told["workspaces"] == [str(tmp_path)]
        assert (told["pid"], told["editors"], told["model"]) == (1, 0, running.service.model)
    assert await asyncio.to_thread(described, running.registration) is None


async def test_it_ends_when_its_last_editor_is_long_gone(tmp_path):
    async with engine(tmp_path, linger_s=0.1) as running:
        connection = await Connection.to(running.registration)
        await asyncio.sleep(1.2)
        assert not running.server.should_exit
        await connection.close()
        await eventually(lambda: running.server.should_exit, 5)
        assert registered("d") is None


async def test_a_server_does_not(tmp_path):
    async with engine(tmp_path, linger_s=0.1, lingers=False) as running:
        await asyncio.sleep(1.2)
        assert not running.server.should_exit


async def test_editors_go_over_to_an_engine_that_takes_over(tmp_path):
    async with engine(tmp_path, reply=lambda request: "old") as old:

        async def find():
            return await Connection.to(registered("d"))

        service = RemoteService(find)
        old.service.delay_s = 2.0
        running = asyncio.create_task(service.complete(CompletionRequest(prefix="a")))
        await eventually(lambda: old.service.running, 5)
        async with engine(tmp_path, reply=lambda request: "new"):
            await eventually(lambda: service._connection is not None, 5)
            await eventually(lambda: len(service._tasks) > 1, 5)
            assert (await service.complete(CompletionRequest(prefix="b"))).text == "new"
            assert (await running).text == "old"
            await eventually(lambda: old.server.should_exit, 5)
            await service.close()


async def test_a_server_whose_place_was_taken_takes_it_back(tmp_path):
    async with engine(tmp_path, lingers=False) as server:
        async with engine(tmp_path) as other:
            assert registered("d") == other.registration
        await eventually(lambda: registered("d") == server.registration, 5)
