"""Whatever a client sends, the server says what is wrong and goes on."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import httpx
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from completer.http.app import create_app
from tests.completer.http.live import connect, serving
from tests.fakes import FakeRecorder, FakeService
from tests.json_strategies import mutated, values

VALID: dict[str, Any] = {
    "/v1/completions": {
        "prompt": ["a"],
        "suffix": "b",
        "max_tokens": 3,
        "temperature": 0.5,
        "stop": ["x"],
        "n": 1,
        "stream": True,
        "stream_options": {"include_usage": True},
        "logit_bias": {},
    },
    "/beta/completions": {"prompt": "a", "seed": 1, "top_p": 0.5, "best_of": 1, "echo": False},
    "/infill": {
        "input_prefix": "a",
        "input_suffix": "b",
        "prompt": "c",
        "input_extra": [{"text": "d", "filename": "e"}],
        "n_predict": 1,
        "n_indent": 4,
        "response_fields": ["content", "timings/prompt_n"],
    },
    "/v1/fim/completions": {"prompt": "a", "suffix": "b", "stop": "c", "random_seed": 1},
    "/generate": {"inputs": "a", "parameters": {"max_new_tokens": 1, "stop": ["b"]}},
    "/v1/events": {"type": "select", "completion_id": "a", "choice_index": 0, "elapsed": 3},
}
TABBY = {
    "language": "python",
    "segments": {
        "prefix": "a",
        "suffix": "b",
        "filepath": "c",
        "declarations": [{"filepath": "d", "body": "e"}],
    },
}

requests = st.sampled_from([*VALID.items(), ("/v1/completions", TABBY)]).flatmap(
    lambda pair: st.tuples(st.just(pair[0]), mutated(pair[1]) | values)
)


@pytest.fixture(scope="module")
def app():
    return create_app(FakeService(), FakeRecorder())


@settings(
    max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(request=requests)
async def test_no_body_makes_the_server_fail(app, request):
    path, body = request
    data = json.dumps(body)
    transport = httpx.ASGITransport(app)
    async with httpx.AsyncClient(transport=transport, base_url="http://localhost") as client:
        reply = await client.post(path, content=data)
        assert reply.status_code in (200, 400), (data, reply.text)
        if reply.status_code == 400:
            assert reply.json()["error"]["message"]
    assert app.state.handler.admission.running == 0


@settings(
    max_examples=50, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(
    workspace=st.none() | st.text(st.characters(codec="latin-1"), max_size=8),
    path=st.none() | st.text(st.characters(codec="latin-1"), max_size=8),
    agent=st.text(st.characters(codec="latin-1"), max_size=8),
)
async def test_no_header_makes_the_server_fail(app, workspace, path, agent):
    given = {
        b"X-Completer-Workspace": workspace,
        b"X-Completer-Path": path,
        b"User-Agent": agent,
    }
    headers = [(name, text.encode("latin-1")) for name, text in given.items() if text is not None]
    transport = httpx.ASGITransport(app)
    async with httpx.AsyncClient(transport=transport, base_url="http://localhost") as client:
        reply = await client.post("/v1/completions", json={"prompt": "a"}, headers=headers)
    assert reply.status_code in (200, 400)


@pytest.mark.parametrize(
    "body", [b'{"prompt": ' + b"[" * 3_000_000, b'{"prompt": "' + b"\\u" * 900_000]
)
async def test_a_large_body_that_is_wrong_is_read_to_its_end_and_refused(app, body):
    async with serving(app) as port:
        reader, writer = await connect(port)
        head = f"POST /v1/completions HTTP/1.1\r\nHost: localhost\r\nContent-Length: {len(body)}"
        writer.write(f"{head}\r\n\r\n".encode() + body)
        assert (await asyncio.wait_for(reader.readline(), 10)).startswith(b"HTTP/1.1 400")
        writer.write(b"GET /health HTTP/1.1\r\nHost: localhost\r\n\r\n")
        assert b"HTTP/1.1 200" in await asyncio.wait_for(reader.readuntil(b'"status"'), 10)
        writer.close()
