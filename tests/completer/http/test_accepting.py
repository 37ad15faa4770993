"""Connections that come when there is no room, or no descriptor, for more."""

from __future__ import annotations

import asyncio
import contextlib
import errno
import logging
import socket
from collections.abc import AsyncIterator

import httpx
import pytest

from completer.http import accepting
from completer.http.accepting import Accepting
from completer.http.options import HttpOptions
from tests.completer.http.live import connect, eventually, serving

HEALTH = b"GET /health HTTP/1.1\r\nHost: localhost\r\n\r\n"


class Greeter(asyncio.Protocol):
    """Says hello, and tells when its connection has ended."""

    def __init__(self, on_end):
        self.on_end = on_end

    def connection_made(self, transport):
        transport.write(b"hello\n")

    def connection_lost(self, exc):
        self.on_end()


class FailingSocket(socket.socket):
    """Has no descriptor for the first so many attempts to take a connection."""

    failures = 0
    attempts = 0

    def accept(self):
        self.attempts += 1
        if self.attempts <= self.failures:
            raise OSError(errno.EMFILE, "Too many open files")
        return super().accept()


@contextlib.asynccontextmanager
async def accepting_on(listener: socket.socket, limit: int) -> AsyncIterator[int]:
    listener.bind(("127.0.0.1", 0))
    listener.listen()
    door = Accepting(listener, Greeter, limit)
    yield listener.getsockname()[1]
    door.close()
    await door.wait_closed()
    listener.close()


async def test_who_finds_no_room_waits_until_another_has_gone(caplog):
    with socket.socket() as listener:
        async with accepting_on(listener, limit=2) as port:
            readers, writers = zip(*[await connect(port) for _ in range(3)], strict=True)
            for reader in readers[:2]:
                assert await asyncio.wait_for(reader.readline(), 2) == b"hello\n"
            waiting = asyncio.ensure_future(readers[2].readline())
            await asyncio.sleep(0.1)
            assert not waiting.done()
            writers[0].close()
            assert await asyncio.wait_for(waiting, 2) == b"hello\n"
            for writer in writers:
                writer.close()
    assert [record.levelno for record in caplog.records] == [logging.WARNING]
    assert "server.max_connections" in caplog.text


async def test_many_more_than_there_is_room_for_are_all_served(app):
    async with serving(app, HttpOptions(max_connections=5)) as port:

        async def ask() -> bytes:
            reader, writer = await connect(port)
            writer.write(HEALTH)
            line = await asyncio.wait_for(reader.readline(), 10)
            writer.close()
            return line

        lines = await asyncio.gather(*(ask() for _ in range(200)))
    assert set(lines) == {b"HTTP/1.1 200 OK\r\n"}


async def test_without_descriptors_it_waits_for_them_and_says_so_once(caplog, monkeypatch):
    monkeypatch.setattr(accepting, "RETRY_S", 0.02)
    with FailingSocket() as listener:
        listener.failures = 5
        async with accepting_on(listener, limit=10) as port:
            reader, writer = await connect(port)
            assert await asyncio.wait_for(reader.readline(), 2) == b"hello\n"
            writer.close()
    assert listener.attempts >= 6
    (record,) = caplog.records
    assert "Too many open files" in record.getMessage()
    assert "ulimit -n" in record.getMessage()
    assert record.exc_info is None


async def test_after_a_minute_it_is_said_again(caplog, monkeypatch):
    monkeypatch.setattr(accepting, "RETRY_S", 0.02)
    monkeypatch.setattr(accepting, "SAID_EVERY_S", 0.2)
    with FailingSocket() as listener:
        listener.failures = 10**9
        async with accepting_on(listener, limit=10) as port:
            _, writer = await connect(port)
            await eventually(lambda: len(caplog.records) == 2, 2)
            assert listener.attempts > 5
            writer.close()


async def test_a_closed_door_takes_nobody(app):
    async with serving(app) as port, httpx.AsyncClient() as client:
        assert (await client.get(f"http://127.0.0.1:{port}/health")).status_code == 200
    with pytest.raises(ConnectionRefusedError):
        await connect(port)
