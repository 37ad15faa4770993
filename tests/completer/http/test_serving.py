"""Connections that do not keep to the rules."""

from __future__ import annotations

import asyncio
import socket

import pytest
import pytest_asyncio

from completer.http.serving import ImpatientProtocol
from tests.completer.http.live import connect, eventually, request, serving


@pytest_asyncio.fixture
async def port(app, monkeypatch):
    monkeypatch.setattr(ImpatientProtocol, "header_timeout_s", 0.2)
    async with serving(app) as port:
        yield port


@pytest.mark.parametrize("start", [b"", b"GET / HTTP/1.1\r\n", b"GET /health HTTP/1.1\r\nHost: l"])
async def test_a_slow_header_is_given_up(port, start):
    reader, writer = await connect(port)
    writer.write(start)
    assert await asyncio.wait_for(reader.read(), 2) == b""
    writer.close()


async def test_no_reply_waits_for_an_acknowledgement(app, monkeypatch):
    at_once = []
    await_header = ImpatientProtocol._await_header

    def note(protocol):
        connection = protocol.transport.get_extra_info("socket")
        at_once.append(connection.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY))
        await_header(protocol)

    monkeypatch.setattr(ImpatientProtocol, "_await_header", note)
    async with serving(app) as port:
        _, writer = await connect(port)
        await eventually(lambda: at_once, 2)
        writer.close()

    assert at_once[0] == 1


async def test_dripping_does_not_help(port):
    reader, writer = await connect(port)
    closed = asyncio.ensure_future(reader.read())
    for byte in b"GET /health HTTP/1.1\r\nHost: localhost\r\nX-Slow: " + b"x" * 1000:
        if closed.done():
            break
        writer.write(bytes([byte]))
        await asyncio.sleep(0.02)
    assert closed.done()
    writer.close()


async def test_a_slow_header_after_a_first_request_is_given_up_too(port):
    reader, writer = await connect(port)
    writer.write(b"GET /health HTTP/1.1\r\nHost: localhost\r\n\r\n")
    assert (await reader.readline()).startswith(b"HTTP/1.1 200")
    writer.write(b"GET /health HTTP/1.1\r\n")
    await asyncio.wait_for(reader.read(), 2)
    writer.close()


async def test_a_long_answer_is_not_a_slow_header(port, service):
    service.delay_s = 0.5
    reader, writer = await connect(port)
    writer.write(request("/v1/completions", {"prompt": "a"}))
    assert (await asyncio.wait_for(reader.readline(), 2)).startswith(b"HTTP/1.1 200")
    writer.close()


async def test_a_huge_header_is_refused(port):
    reader, writer = await connect(port)
    writer.write(b"GET /health HTTP/1.1\r\nHost: localhost\r\nX-Long: " + b"x" * 100_000)
    assert (await asyncio.wait_for(reader.readline(), 2)).startswith(b"HTTP/1.1 400")
    writer.close()


@pytest.mark.parametrize("stream", [False, True])
async def test_a_client_that_goes_away_stops_the_decoding(port, service, recorder, stream):
    service.delay_s = 20
    service.reply = lambda request: "a long text " * 1000
    reader, writer = await connect(port)
    writer.write(request("/v1/completions", {"prompt": "a", "n": 1, "stream": stream}))
    await eventually(lambda: service.running == 1, 2)
    if stream:
        await reader.readuntil(b"data: ")
    writer.transport.abort()
    seconds = await eventually(lambda: service.running == 0, 2)
    assert seconds < 0.3
    assert service.cancelled == 1
    outcomes = [call[0].outcome for call in recorder.of("opportunity")]
    assert outcomes == ["cancelled"]


async def test_going_away_while_sending_is_no_failure(port, client, service, caplog):
    _, writer = await connect(port)
    writer.write(request("/v1/completions", {"prompt": "a"})[:-5])
    await asyncio.sleep(0.05)
    writer.transport.abort()
    await asyncio.sleep(0.05)
    assert service.requests == []
    assert caplog.records == []
    assert '"/v1/completions",status="499"' in (await client.get("/metrics")).text


async def test_going_away_stops_every_prompt_of_a_request(port, service):
    service.delay_s = 20
    _, writer = await connect(port)
    writer.write(request("/v1/completions", {"prompt": ["a", "b", "c"]}))
    await eventually(lambda: service.running == 3, 2)
    writer.transport.abort()
    assert await eventually(lambda: service.running == 0, 2) < 0.3


@pytest.mark.parametrize("path", ["/infill", "/v1/fim/completions", "/generate"])
async def test_every_dialect_stops_as_well(port, service, path):
    service.delay_s = 20
    _, writer = await connect(port)
    body = {"input_prefix": "a", "input_suffix": "", "prompt": "a", "inputs": "a"}
    writer.write(request(path, body))
    await eventually(lambda: service.running == 1, 2)
    writer.transport.abort()
    assert await eventually(lambda: service.running == 0, 2) < 0.3
