"""The infill endpoint, as llama.vim calls it."""

from __future__ import annotations

import asyncio
import json

import pytest

from completer.http.llamacpp import cut_at_outdent
from telemetry.events import Opportunity

URL = "/infill"
BODY = {"input_prefix": "def f():\n", "input_suffix": "\n", "prompt": "    re"}


async def test_the_line_so_far_belongs_before_the_caret(post, service):
    extra = [{"filename": "other.py", "text": "x = 1\n"}]
    more = {
        "input_extra": extra,
        "n_predict": 9,
        "t_max_prompt_ms": 500,
        "t_max_predict_ms": 1000,
        "samplers": ["top_k"],
        "cache_prompt": True,
        "model": "any",
        "top_k": 40,
        "stop": ["\n"],
    }
    reply = await post(URL, {**BODY, **more})
    (request,) = service.requests
    assert (request.prefix, request.suffix, request.raw) == ("def f():\n    re", "\n", False)
    assert (request.max_tokens, request.deadline_ms) == (9, 1500)
    assert [(snippet.path, snippet.text) for snippet in request.snippets] == [
        ("other.py", "x = 1\n")
    ]
    assert reply["content"] == "fake completion"
    assert reply["timings"] == {
        "prompt_n": 3,
        "prompt_ms": 2,
        "prompt_per_second": 1500,
        "predicted_n": 2,
        "predicted_ms": 8,
        "predicted_per_second": 250,
    }
    assert reply["truncated"] is False
    assert reply["tokens_cached"] == 5


async def test_the_reply_is_compact_json(client):
    text = (await client.post(URL, json=BODY)).text
    assert '"content":"fake completion"' in text
    assert "\n" not in text


async def test_response_fields_are_flat_keys(post):
    fields = ["content", "timings/prompt_n", "no/such"]
    reply = await post(URL, {**BODY, "response_fields": fields})
    assert reply == {"content": "fake completion", "timings/prompt_n": 3}


async def test_minus_one_means_as_the_settings_say(post, service):
    await post(URL, {**BODY, "n_predict": -1, "seed": -1})
    assert service.requests[0].max_tokens is None
    assert service.requests[0].deadline_ms is None


async def test_nothing_to_predict_fills_the_caches_and_answers_at_once(post, service, recorder):
    service.delay_s = 5
    for _ in range(3):
        reply = await asyncio.wait_for(post(URL, {**BODY, "n_predict": 0}), 1)
        await asyncio.sleep(0.01)
    assert reply["content"] == ""
    assert [request.max_tokens for request in service.requests] == [1, 1, 1]
    assert (service.running, service.cancelled) == (1, 2)
    assert recorder.of(Opportunity) == []


async def test_several_completions_are_a_list(post):
    reply = await post(URL, {**BODY, "n_cmpl": 2})
    assert [result["content"] for result in reply] == ["fake completion"] * 2


async def test_a_stream_ends_with_the_timings(post_stream):
    *texts, end = map(json.loads, await post_stream(URL, {**BODY, "stream": True}))
    assert "".join(chunk["content"] for chunk in texts) == "fake completion"
    assert end["stop"] is True
    assert end["timings"]["predicted_n"] == 2


@pytest.mark.parametrize(
    ("text", "n_indent", "kept"),
    [
        ("a\n    b\nc", 4, "a\n    b"),
        ("a\n    b\n\n    c", 4, "a\n    b\n\n    c"),
        ("a\nb", 0, "a\nb"),
    ],
)
def test_text_ends_before_a_line_that_is_indented_less(text, n_indent, kept):
    assert cut_at_outdent(text, n_indent) == kept


@pytest.mark.parametrize(
    "change",
    [
        {"input_prefix": None},
        {"n_predict": -2},
        {"input_extra": [{"filename": "x"}]},
        {"n_cmpl": 100},
        {"response_fields": "content"},
    ],
)
async def test_bad_values_are_refused(client, change):
    assert (await client.post(URL, json={**BODY, **change})).status_code == 400


async def test_a_completions_prompt_is_a_raw_one(post, post_stream, service):
    body = {"prompt": "<fim_prefix>a", "n_predict": 5, "temperature": 0.2, "stop": ["x"]}
    reply = await post("/completion", body)
    (request,) = service.requests
    assert (request.prefix, request.raw, request.multiline) == ("<fim_prefix>a", True, True)
    assert (request.max_tokens, request.stop, request.withhold) == (5, ("x",), False)
    assert (reply["content"], reply["completer"]["distribution"]) == ("fake completion", "model")
    *texts, end = map(json.loads, await post_stream("/completion", {**body, "stream": True}))
    assert "".join(text["content"] for text in texts) == "fake completion"
    assert end["stop"] is True
