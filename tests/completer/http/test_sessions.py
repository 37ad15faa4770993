"""What the recorder hears of requests over HTTP."""

from __future__ import annotations

from pathlib import Path

import httpx

from completer.http import origin
from completer.http.app import create_app
from completer.http.options import HttpOptions
from completer.request import Arm
from telemetry.events import Opportunity, Returned, SessionEnded, SessionStarted

URL = "/v1/completions"


async def ask(client: httpx.AsyncClient, **headers: str) -> httpx.Response:
    return await client.post(URL, json={"prompt": "a", "user": "ada"}, headers=headers)


async def test_a_session_per_user_and_program(client, recorder):
    for agent in ("vim/1 (x)", "vim/1 (y)", "zed/2"):
        await ask(client, **{"User-Agent": agent})
    started = recorder.of(SessionStarted)
    assert [(info.user, info.client) for info in started] == [("ada", "vim/1"), ("ada", "zed/2")]


async def test_sessions_are_bounded_and_end_with_the_application(
    client, recorder, app, monkeypatch
):
    monkeypatch.setattr(origin, "MAX_SESSIONS", 5)
    for number in range(6):
        await ask(client, **{"User-Agent": f"agent-{number}"})
    assert recorder.of(SessionEnded) == [SessionEnded(recorder.sessions[0])]
    app.state.handler.close()
    assert len(recorder.of(SessionEnded)) == 6


async def test_what_is_known_of_the_place_is_reported(client, service, recorder):
    service.workspaces = (Path("/repo"),)
    await ask(client, **{"X-Completer-Path": "/repo/a.py"})
    (opportunity,) = recorder.of(Opportunity)
    assert (opportunity.uri, opportunity.workspace) == ("file:///repo/a.py", "/repo")
    assert opportunity.trigger == "auto"


async def test_everybodys_requests_are_in_their_own_arm(service, recorder):
    arms = {"ada": Arm(name="e/a", given=(("completion.max_lines", 1),)), "": Arm(name="e/b")}
    app = create_app(service, recorder, options=HttpOptions(arm_of=arms.get))
    transport = httpx.ASGITransport(app)
    async with httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1:8012") as client:
        replies = [
            await client.post(URL, json={"prompt": "a", "suffix": "", "user": user})
            for user in ("ada", "bob", "")
        ]
        streamed = await client.post(URL, json={"prompt": "a", "user": "ada", "stream": True})
    told = [reply.json()["completer"]["arm"] for reply in replies]
    assert told == [each.arm or None for each in recorder.of(Opportunity)[:3]]
    assert told == ["e/a", None, "e/b"]
    asked = [request.arm for request in service.requests]
    assert asked == [arms["ada"], None, arms[""], arms["ada"]]
    assert '"arm":"e/a"' in streamed.text


async def test_a_request_without_a_path_is_reported_of_the_workspace_that_is_used(
    client, service, recorder
):
    service.workspaces = (Path("/repo"),)
    await ask(client)
    assert service.requests[0].workspace == Path("/repo")
    (opportunity,) = recorder.of(Opportunity)
    assert (opportunity.uri, opportunity.workspace) == ("", "/repo")


async def test_nothing_to_show_is_reported_but_not_as_returned(client, service, recorder):
    service.reply = lambda request: ""
    await ask(client)
    assert recorder.of(Opportunity)[0].outcome == "empty"
    assert recorder.of(Returned) == []
