"""Several prompts at once, and requests that cannot be answered."""

from __future__ import annotations

import asyncio
import json

import pytest

URL = "/v1/completions"


async def test_one_failing_prompt_ends_the_others(client, service, app):
    def reply(request):
        if request.prefix == "bad":
            raise RuntimeError("boom")
        return "x"

    service.reply, service.delay_s = reply, 5
    answer = await asyncio.wait_for(client.post(URL, json={"prompt": ["a", "bad"]}), 2)
    assert answer.status_code == 500
    assert app.state.handler.admission.running == 0


@pytest.mark.parametrize(
    ("path", "body"),
    [
        (URL, {"prompt": "a", "max_tokens": "MOST"}),
        ("/beta/completions", {"prompt": "a", "max_tokens": "MOST"}),
        ("/v1/fim/completions", {"prompt": "a", "max_tokens": "MOST"}),
        ("/infill", {"input_prefix": "a", "input_suffix": "", "n_predict": "MOST"}),
        ("/generate", {"inputs": "a", "parameters": {"max_new_tokens": "MOST"}}),
    ],
)
@pytest.mark.parametrize("most", [4096, 2**32 - 1, 2**63 - 1])
@pytest.mark.parametrize("stream", [False, True])
async def test_more_tokens_than_the_model_has_room_for_are_as_many_as_it_has(
    client, service, path, body, most, stream
):
    service.finish_reason = "length"
    sent = json.dumps({**body, "stream": stream}).replace('"MOST"', str(most))
    reply = await client.post(path, content=sent)
    assert reply.status_code == 200, reply.text
    assert [request.max_tokens for request in service.requests] == [most]
    if "prompt" in body:
        assert '"finish_reason":"length"' in reply.text


@pytest.mark.parametrize(
    ("path", "body"),
    [
        (URL, {"prompt": "a", "stream": True}),
        (URL, {"segments": {"prefix": "a"}}),
        ("/v1/fim/completions", {"prompt": "a", "stream": True}),
        ("/infill", {"input_prefix": "a", "input_suffix": ""}),
        ("/generate", {"inputs": "a"}),
    ],
)
async def test_no_request_waits_for_sums_over_the_whole_service(
    client, service, monkeypatch, path, body
):
    monkeypatch.setattr(service, "info", None)
    assert (await client.post(path, json=body)).status_code == 200
