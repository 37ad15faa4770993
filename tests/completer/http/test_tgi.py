"""Text Generation Inference's endpoint."""

from __future__ import annotations

import pytest

URL = "/generate"


async def test_inputs_are_a_raw_prompt(post, service):
    parameters = {"max_new_tokens": 5, "temperature": 0.2, "top_p": 0.95, "stop": ["<EOT>"]}
    reply = await post(URL, {"inputs": "<PRE>a", "parameters": parameters})
    assert reply == {"generated_text": "fake completion"}
    (request,) = service.requests
    assert (request.prefix, request.raw, request.max_tokens) == ("<PRE>a", True, 5)
    assert request.sampling.temperature == 0.2


async def test_the_full_text_and_greedy_decoding_on_request(post, service):
    parameters = {"return_full_text": True, "do_sample": False, "temperature": 0.9}
    reply = await post(URL, {"inputs": "a ", "parameters": parameters})
    assert reply == {"generated_text": "a fake completion"}
    assert service.requests[0].sampling.temperature == 0


@pytest.mark.parametrize("body", [{}, {"inputs": 3}, {"inputs": "a", "parameters": 3}])
async def test_bad_values_are_refused(client, body):
    assert (await client.post(URL, json=body)).status_code == 400


async def test_a_long_full_text_is_sent_in_parts_and_is_whole(post):
    text = 'é"\\\n😀\x00' * 40_000
    reply = await post(URL, {"inputs": text, "parameters": {"return_full_text": True}})
    assert reply == {"generated_text": text + "fake completion"}
