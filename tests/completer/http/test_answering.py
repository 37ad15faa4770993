"""What happens around every completion, whatever the dialect."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator

import httpx
import pytest

from completer.http import answering
from completer.http.answering import grouped
from completer.http.options import HttpOptions
from completer.request import Completion, CompletionRequest, TextDelta
from tests.fakes import FakeService

URL = "/v1/completions"
REQUEST = CompletionRequest(prefix="a")


@pytest.fixture
def options():
    return HttpOptions(
        max_running=4, max_running_per_user=2, tokens={"1": "ada", "2": "bob", "3": "c"}
    )


async def send(client: httpx.AsyncClient, token: str, **more: object) -> httpx.Response:
    headers = {"Authorization": f"Bearer {token}"}
    return await client.post(URL, json={"prompt": "a", **more}, headers=headers)


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


async def test_one_failing_prompt_ends_the_others(client, service, app):
    def reply(request):
        if request.prefix == "bad":
            raise RuntimeError("boom")
        return "x"

    service.reply, service.delay_s = reply, 5
    answer = await asyncio.wait_for(send(client, "1", prompt=["a", "bad"]), 2)
    assert answer.status_code == 500
    assert app.state.answering.admission.running == 0


async def test_more_tokens_than_the_model_has_room_for(client):
    reply = await send(client, "1", max_tokens=2049)
    assert reply.status_code == 400
    assert "2048" in reply.json()["error"]["message"]


async def test_a_session_per_user_and_program(client, recorder):
    for agent in ("vim/1 (x)", "vim/1 (y)", "zed/2"):
        headers = {"Authorization": "Bearer 1", "User-Agent": agent}
        await client.post(URL, json={"prompt": "a"}, headers=headers)
    started = [call[0] for call in recorder.of("session_started")]
    assert [(info.user, info.client) for info in started] == [("ada", "vim/1"), ("ada", "zed/2")]


async def test_sessions_are_bounded_and_end_with_the_application(
    client, recorder, app, monkeypatch
):
    monkeypatch.setattr(answering, "MAX_SESSIONS", 5)
    for number in range(6):
        headers = {"Authorization": "Bearer 1", "User-Agent": f"agent-{number}"}
        await client.post(URL, json={"prompt": "a"}, headers=headers)
    assert recorder.of("session_ended") == [("session-1",)]
    app.state.answering.close()
    assert len(recorder.of("session_ended")) == 6


async def test_nothing_to_show_is_reported_but_not_as_returned(client, service, recorder):
    service.reply = lambda request: ""
    await send(client, "1")
    assert recorder.of("opportunity")[0][0].outcome == "empty"
    assert recorder.of("returned") == []


async def deltas(count: int, delay_s: float) -> AsyncIterator[TextDelta | Completion]:
    for number in range(count):
        await asyncio.sleep(delay_s)
        yield TextDelta(0, str(number))
    async for item in FakeService(reply=lambda request: "").stream(REQUEST):
        yield item


async def test_grouped_text_comes_in_fewer_pieces_and_is_the_same():
    started = time.monotonic()
    items = [item async for item in grouped(deltas(10, 0.01), 0.05)]
    *pieces, last = items
    assert isinstance(last, Completion)
    assert "".join(piece.text for piece in pieces if isinstance(piece, TextDelta)) == "0123456789"
    assert 2 <= len(pieces) <= 1 + (time.monotonic() - started) / 0.05 + 1


async def test_ungrouped_text_comes_as_it_is():
    items = [item async for item in grouped(deltas(3, 0), 0)]
    assert len(items) == 4
