"""How much one user, and all together, may ask for at once."""

from __future__ import annotations

import asyncio

import httpx
import pytest

from completer.errors import OverloadedError
from completer.http.admission import Admission
from completer.http.errors import TooManyRequestsError
from completer.http.options import HttpOptions

OPTIONS = HttpOptions(
    max_running=4, max_running_per_user=2, tokens={"1": "ada", "2": "bob", "3": "c"}
)


@pytest.fixture
def options():
    return OPTIONS


async def send(client: httpx.AsyncClient, token: str, **more: object) -> httpx.Response:
    headers = {"Authorization": f"Bearer {token}"}
    return await client.post("/v1/completions", json={"prompt": "a", **more}, headers=headers)


async def test_nobody_takes_more_than_their_share(client, service):
    service.delay_s = 0.2
    replies = await asyncio.gather(*(send(client, token) for token in "111122333"))
    status = [reply.status_code for reply in replies]
    assert status == [200, 200, 429, 429, 200, 200, 503, 503, 503]
    refused = [reply for reply in replies if reply.status_code != 200]
    assert all(reply.headers["retry-after"] == "1" for reply in refused)
    assert (await send(client, "3")).status_code == 200


async def test_every_choice_counts(client):
    assert (await send(client, "1", n=2)).status_code == 200
    assert (await send(client, "1", n=3)).status_code == 429


async def test_a_request_that_fails_gives_its_place_back(client, service):
    service.error = RuntimeError("boom")
    for stream in (False, True, False, True, False):
        assert (await send(client, "1", stream=stream)).status_code == 500
    service.error = None
    assert (await send(client, "1")).status_code == 200


def test_places_are_given_back_in_any_order():
    admission = Admission(OPTIONS)
    ada, bob = admission.admit("ada", 2), admission.admit("bob", 2)
    with ada:
        with bob:
            assert admission.running == 4
            with pytest.raises(TooManyRequestsError), admission.admit("ada"):
                pass
            with pytest.raises(OverloadedError), admission.admit("c"):
                pass
        assert admission.running == 2
    assert admission.running == 0
