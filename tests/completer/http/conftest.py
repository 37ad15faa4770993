"""An application around a scripted service, and a client that speaks to it in this process."""

from __future__ import annotations

import httpx
import pytest
import pytest_asyncio

from completer.http.app import create_app
from completer.http.options import HttpOptions
from tests.fakes import FakeRecorder, FakeService


@pytest.fixture
def service():
    return FakeService()


@pytest.fixture
def recorder():
    return FakeRecorder()


@pytest.fixture
def options():
    """Overridden by tests that need others."""
    return HttpOptions()


@pytest.fixture
def app(service, recorder, options):
    return create_app(service, recorder, options=options)


@pytest_asyncio.fixture
async def client(app):
    transport = httpx.ASGITransport(app, raise_app_exceptions=False)
    async with httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1:8012") as client:
        yield client


@pytest.fixture
def post(client):
    """Post JSON and expect success."""

    async def post_json(path: str, body: object, **headers: str):
        reply = await client.post(path, json=body, headers=headers)
        assert reply.status_code == 200, reply.text
        return reply.json()

    return post_json


@pytest.fixture
def post_stream(client):
    """Post JSON and collect the data of the events that come back."""

    async def collect(path: str, body: object) -> list[str]:
        reply = await client.post(path, json=body)
        assert reply.status_code == 200, reply.text
        assert reply.headers["content-type"].startswith("text/event-stream")
        events = [event for event in reply.text.split("\n\n") if event]
        assert all(event.startswith("data: ") for event in events)
        return [event.removeprefix("data: ") for event in events]

    return collect
