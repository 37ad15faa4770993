"""Mistral's fill-in-the-middle endpoint."""

from __future__ import annotations

import json

URL = "/v1/fim/completions"


async def test_the_text_is_a_messages_content(post, service):
    body = {"model": "codestral-latest", "prompt": "a", "suffix": "b", "random_seed": 4}
    reply = await post(URL, body)
    (request,) = service.requests
    assert (request.prefix, request.suffix, request.raw) == ("a", "b", False)
    assert request.sampling.seed == 4
    assert reply["object"] == "chat.completion"
    assert reply["choices"][0]["message"]["content"] == "fake completion"
    assert reply["choices"][0]["finish_reason"] == "stop"
    assert reply["usage"]["total_tokens"] == 4


async def test_without_a_suffix_it_still_fills_in(post, service):
    await post(URL, {"prompt": "a"})
    assert service.requests[0].raw is False
    assert service.requests[0].polish
    assert not service.requests[0].withhold


async def test_a_stream_carries_deltas(post_stream):
    *chunks, done = await post_stream(URL, {"prompt": "a", "stream": True})
    assert done == "[DONE]"
    *texts, end = map(json.loads, chunks)
    contents = [chunk["choices"][0]["delta"]["content"] for chunk in texts]
    assert "".join(contents) == "fake completion"
    assert end["choices"][0]["finish_reason"] == "stop"
    assert end["usage"]["completion_tokens"] == 2


async def test_bad_values_are_refused(client):
    assert (await client.post(URL, json={"prompt": 3})).status_code == 400
