"""Connections that do not keep to the rules."""

from __future__ import annotations

import asyncio
import socket

import pytest
import pytest_asyncio

from completer.http.options import HttpOptions
from completer.http.serving import FINISHES_WITHIN_S, ImpatientProtocol
from telemetry.events import Opportunity
from tests.completer.http.live import connect, eventually, request, serving

HEAD = b"GET /health HTTP/1.1\r\nHost: localhost\r\n"


@pytest.fixture
def options():
    return HttpOptions(header_timeout_s=0.2, keep_alive_s=0.3)


@pytest_asyncio.fixture
async def port(app, options):
    async with serving(app, options) as port:
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


async def test_the_end_lets_a_short_answer_be_finished(app, service):
    service.delay_s = 0.5
    async with serving(app) as port:
        reader, writer = await connect(port)
        writer.write(request("/v1/completions", {"prompt": "x"}))
        await eventually(lambda: service.running, 2)
    assert (await reader.read()).startswith(b"HTTP/1.1 200")
    writer.close()


async def test_the_end_refuses_what_it_cannot_wait_for(app, service):
    service.delay_s = 30.0
    began = asyncio.get_running_loop().time()
    async with serving(app) as port:
        reader, writer = await connect(port)
        writer.write(request("/v1/completions", {"prompt": "x"}))
        await eventually(lambda: service.running, 2)
    answer = await reader.read()
    assert answer.startswith(b"HTTP/1.1 503")
    assert b"shutting down" in answer
    assert b"retry-after: 5" in answer
    assert service.cancelled == 1
    assert asyncio.get_running_loop().time() - began < FINISHES_WITHIN_S + 2
    writer.close()


async def test_the_end_cuts_a_stream_that_goes_on(app, service):
    service.reply = lambda _: "text" * 100
    service.delay_s = 100.0
    async with serving(app) as port:
        reader, writer = await connect(port)
        writer.write(request("/v1/completions", {"prompt": "x", "stream": True}))
        await eventually(lambda: service.running, 2)
        head = await reader.readuntil(b"data:")
        assert head.startswith(b"HTTP/1.1 200")
    assert b"HTTP/1.1" not in await reader.read()
    assert service.cancelled == 1
    writer.close()


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


@pytest.mark.parametrize(
    "header",
    [
        HEAD + b"X-Long: " + b"x" * 100_000,
        HEAD + b"X-Long: " + b"x" * 100_000 + b"\r\n\r\n",
        HEAD + b"X-Long: " + b"x" * 33_000 + b"\r\n\r\n",
        HEAD + b"X-Short: y\r\n" * 3000 + b"\r\n",
        b"GET /" + b"x" * 33_000 + b" HTTP/1.1\r\nHost: localhost\r\n\r\n",
        b"GET /health?" + b"x" * 33_000 + b" HTTP/1.1\r\nHost: localhost\r\n\r\n",
        HEAD + b"\r\n" + HEAD + b"X-Long: " + b"x" * 100_000 + b"\r\n\r\n",
    ],
)
@pytest.mark.parametrize("pieces", [1, 40])
async def test_a_huge_header_is_refused_however_it_comes(port, header, pieces):
    reader, writer = await connect(port)
    size = -(-len(header) // pieces)
    for start in range(0, len(header), size):
        writer.write(header[start : start + size])
        await asyncio.sleep(0)
    replies = await asyncio.wait_for(reader.read(), 2)
    last = replies[replies.rindex(b"HTTP/1.1 ") :]
    assert last.startswith(b"HTTP/1.1 431 Request Header Fields Too Large\r\n"), replies
    assert b'"message":"The request\'s header is too long' in last
    writer.close()


async def test_a_header_within_the_limit_is_served(port):
    reader, writer = await connect(port)
    writer.write(HEAD + b"X-Long: " + b"x" * 31_000 + b"\r\n\r\n")
    assert (await asyncio.wait_for(reader.readline(), 2)).startswith(b"HTTP/1.1 200")
    writer.close()


@pytest.mark.parametrize("junk", [b"\x16\x03\x01 hello\r\n\r\n", b"GET\r\n\r\n"])
async def test_what_is_no_request_is_told_so(port, junk):
    reader, writer = await connect(port)
    writer.write(junk)
    reply = await asyncio.wait_for(reader.read(), 2)
    assert reply.startswith(b"HTTP/1.1 400 Bad Request\r\n")
    assert b'"type":"invalid_request_error"' in reply
    writer.close()


async def test_a_body_that_is_no_chunk_is_refused(port, service, caplog):
    reader, writer = await connect(port)
    head = b"POST /v1/completions HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n"
    writer.write(head + b"junk\r\n")
    assert (await asyncio.wait_for(reader.read(), 2)).startswith(b"HTTP/1.1 400")
    assert service.requests == []
    assert not [record for record in caplog.records if record.levelname == "ERROR"]
    writer.close()


async def test_junk_behind_a_request_that_is_answered_ends_the_connection(port, service, caplog):
    service.delay_s, service.reply = 0.1, lambda request: "text " * 20
    reader, writer = await connect(port)
    writer.write(request("/v1/completions", {"prompt": "a", "stream": True}))
    await reader.readuntil(b"data: ")
    writer.write(b"\x16\x03\x01 hello\r\n\r\n" * 10)
    await asyncio.wait_for(reader.read(), 2)
    assert not [record for record in caplog.records if record.levelname == "ERROR"]
    writer.close()


async def test_a_connection_rests_for_no_longer_than_it_may(port):
    reader, writer = await connect(port)
    started = asyncio.get_running_loop().time()
    writer.write(HEAD + b"\r\n")
    await asyncio.wait_for(reader.read(), 2)
    assert 0.25 < asyncio.get_running_loop().time() - started < 2
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
    await eventually(lambda: service.running == 0, 2)
    assert service.cancelled == 1
    outcomes = [event.outcome for event in recorder.of(Opportunity)]
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
