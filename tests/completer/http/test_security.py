"""Who may ask: hosts, origins, tokens, and how much."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace

import httpx
import pytest

from completer.http.app import create_app
from completer.http.options import HttpOptions
from completer.http.security import host_name
from completer.server_settings import ServerSettings
from tests.fakes import FakeRecorder, FakeService

OPTIONS = HttpOptions(
    tokens={"s3cret": "ada", "0ther": "bob"},
    allowed_hosts=("box.lan",),
    allowed_origins=("https://ide.example",),
    max_body_bytes=1000,
    body_timeout_s=0.1,
)
ADA = {"Authorization": "Bearer s3cret"}
GUARDED = ["/metrics", "/v1/models", "/v1beta/server_setting", "/v1/events", "/infill", "/nothing"]


@pytest.fixture
def options():
    return OPTIONS


@pytest.mark.parametrize(
    "host",
    [
        "127.0.0.1:8012",
        "127.0.0.1",
        "localhost:1",
        "LOCALHOST.",
        "[::1]:8012",
        "box.lan",
        "Box.lan:1",
    ],
)
async def test_our_own_hosts_are_served(client, host):
    assert (await client.get("/health", headers={"Host": host})).status_code == 200


@pytest.mark.parametrize(
    "host",
    [
        "evil.example",
        "localhost.evil.example",
        "127.0.0.1.evil.example",
        "evil.example:8012",
        "evil@localhost@evil.example",
        "10.0.0.9",
        "0x7f.1",
        "[::ffff:10.0.0.9]",
        "[",
        "",
    ],
)
async def test_foreign_hosts_are_refused_everywhere(client, host):
    for path in ("/health", "/v1/models"):
        reply = await client.get(path, headers={"Host": host, **ADA})
        assert reply.status_code == 403
        assert reply.json()["error"]["type"] == "permission_error"


@pytest.mark.parametrize("server", ["10.0.0.9", "fd00::9"])
async def test_the_address_that_was_connected_to_is_ours(app, server):
    host = f"[{server}]" if ":" in server else server
    transport = httpx.ASGITransport(app)
    async with httpx.AsyncClient(transport=transport, base_url=f"http://{host}:1") as client:
        assert (await client.get("/health")).status_code == 200


async def test_a_name_is_not_ours_because_it_was_connected_to(app):
    transport = httpx.ASGITransport(app)
    async with httpx.AsyncClient(transport=transport, base_url="http://evil.example") as client:
        assert (await client.get("/health")).status_code == 403


@pytest.mark.parametrize(
    ("origin", "status"),
    [
        ("http://127.0.0.1:8012", 200),
        ("https://ide.example", 200),
        ("http://127.0.0.1:3000", 403),
        ("https://evil.example", 403),
        ("null", 403),
        ("", 403),
    ],
)
async def test_origins(client, origin, status):
    reply = await client.get("/health", headers={"Origin": origin})
    assert reply.status_code == status


@pytest.mark.parametrize(
    ("header", "value", "setting"),
    [
        ("Origin", "http://localhost:3000", "allowed_origins"),
        ("Origin", "vscode-webview://1a2b", "allowed_origins"),
        ("Host", "evil.example", "allowed_hosts"),
    ],
)
async def test_a_refusal_names_a_setting_that_lets_it_in(client, header, value, setting):
    reply = await client.get("/health", headers={header: value})
    assert reply.status_code == 403
    assert f"server.{setting}" in reply.json()["error"]["message"]
    server = ServerSettings.model_validate({setting: [value]})
    options = replace(OPTIONS, **{setting: getattr(server, setting)})
    transport = httpx.ASGITransport(create_app(FakeService(), FakeRecorder(), options=options))
    async with httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1") as allowed:
        assert (await allowed.get("/health", headers={header: value})).status_code == 200


@pytest.mark.parametrize("origin", ["null", ""])
async def test_no_setting_is_named_where_none_helps(client, origin):
    reply = await client.get("/health", headers={"Origin": origin})
    assert "server.allowed" not in reply.json()["error"]["message"]


async def test_a_page_that_may_ask_can_read_what_it_is_told(client):
    page = {"Origin": "https://ide.example"}
    preflight = {
        "Access-Control-Request-Method": "POST",
        "Access-Control-Request-Headers": "authorization,content-type",
    }
    asked = await client.options("/v1/completions", headers={**page, **preflight})
    assert asked.status_code == 200
    assert asked.headers["access-control-allow-origin"] == page["Origin"]
    assert "authorization" in asked.headers["access-control-allow-headers"]
    for headers in ({}, ADA):
        reply = await client.post("/v1/completions", json={"prompt": "a"}, headers=page | headers)
        assert reply.headers["access-control-allow-origin"] == page["Origin"]


async def test_no_other_page_is_told_that_it_may_ask(client):
    page = {"Origin": "https://evil.example", "Access-Control-Request-Method": "POST"}
    for reply in (
        await client.options("/v1/completions", headers=page),
        await client.post("/v1/completions", json={"prompt": "a"}, headers=page | ADA),
    ):
        assert reply.status_code == 403
        assert "access-control-allow-origin" not in reply.headers


async def test_a_header_that_is_too_long_is_refused(client):
    reply = await client.get("/health", headers={"X-Long": "x" * 100_000})
    assert reply.status_code == 431
    assert reply.headers["connection"] == "close"


@pytest.mark.parametrize(
    "authorization", [None, "", "Bearer", "Bearer wrong", "Basic s3cret", "s3cret", "Bearer é"]
)
async def test_without_a_token_only_health_answers(client, authorization):
    headers = {} if authorization is None else {"Authorization": authorization.encode("latin-1")}
    for path in GUARDED:
        reply = await client.get(path, headers=headers)
        assert reply.status_code == 401
        assert reply.headers["www-authenticate"] == "Bearer"
    for path in ("/health", "/v1/health"):
        assert (await client.get(path, headers=headers)).status_code == 200


async def test_headers_that_claim_another_path_change_nothing(client):
    claims = {
        "X-Original-URL": "/health",
        "X-Forwarded-Path": "/health",
        "X-Rewrite-URL": "/health",
    }
    assert (await client.get("/v1/models", headers=claims)).status_code == 401
    assert (await client.get("/health/../v1/models")).status_code in (401, 404)
    assert (await client.get("//health/v1/models")).status_code == 401


async def test_the_token_says_who_asks(client, service):
    body = {"prompt": "a", "user": "eve"}
    for token in ("s3cret", "0ther"):
        headers = {"Authorization": f"Bearer {token}"}
        assert (await client.post("/v1/completions", json=body, headers=headers)).status_code == 200
    assert [request.user for request in service.requests] == ["ada", "bob"]


async def test_an_announced_size_is_refused_before_it_is_read(client):
    async def body() -> AsyncIterator[bytes]:
        yield b""
        raise AssertionError("the body was read")

    headers = {"Content-Length": "1001", **ADA}
    reply = await client.post("/v1/completions", content=body(), headers=headers)
    assert reply.status_code == 413
    assert reply.headers["connection"] == "close"


async def test_an_unannounced_size_is_refused_when_it_is_reached(client):
    async def body() -> AsyncIterator[bytes]:
        for _ in range(3):
            yield b"x" * 500

    reply = await client.post("/v1/completions", content=body(), headers=ADA)
    assert reply.status_code == 413


async def test_a_slow_body_is_given_up(client):
    async def body() -> AsyncIterator[bytes]:
        for _ in range(100):
            yield b" "
            await asyncio.sleep(0.03)

    reply = await asyncio.wait_for(client.post("/v1/events", content=body(), headers=ADA), 2)
    assert reply.status_code == 408
    assert reply.headers["connection"] == "close"


async def test_time_counts_for_the_body_and_not_for_the_answer():
    service = FakeService(delay_s=0.2)
    app = create_app(service, FakeRecorder(), options=HttpOptions(body_timeout_s=0.1))
    transport = httpx.ASGITransport(app)
    async with httpx.AsyncClient(transport=transport, base_url="http://localhost") as client:
        reply = await client.post("/v1/completions", json={"prompt": "a"})
    assert reply.status_code == 200


@pytest.mark.parametrize(
    ("host", "name"),
    [("Example.COM:80", "example.com"), ("[::1]:80", "::1"), ("a.", "a"), ("[", ""), ("", "")],
)
def test_host_name(host, name):
    assert host_name(host) == name
