"""Several prompts at once, and requests that cannot be answered."""

from __future__ import annotations

import asyncio

URL = "/v1/completions"


async def test_one_failing_prompt_ends_the_others(client, service, app):
    def reply(request):
        if request.prefix == "bad":
            raise RuntimeError("boom")
        return "x"

    service.reply, service.delay_s = reply, 5
    answer = await asyncio.wait_for(client.post(URL, json={"prompt": ["a", "bad"]}), 2)
    assert answer.status_code == 500
    assert app.state.answering.admission.running == 0


async def test_more_tokens_than_the_model_has_room_for(client):
    reply = await client.post(URL, json={"prompt": "a", "max_tokens": 2049})
    assert reply.status_code == 400
    assert "2048" in reply.json()["error"]["message"]
