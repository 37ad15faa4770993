"""OpenAI's completions, as its clients use them."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from completer.errors import BadRequestError, CompleterError, OverloadedError
from telemetry.events import Opportunity
from tests.fakes import MODEL

URL = "/v1/completions"
WORKSPACE = Path("/repo")


async def test_a_prompt_with_a_suffix_is_filled_in(post, service):
    service.reply = lambda request: "return 1"
    body = {
        "model": "any",
        "prompt": "def one():\n    ",
        "suffix": "\n",
        "max_tokens": 7,
        "temperature": 0.5,
        "top_p": 0.9,
        "stop": "\n\n",
        "seed": 3,
        "user": "ada",
        "presence_penalty": 0,
        "unknown": [1],
    }
    reply = await post(URL, body)
    (request,) = service.requests
    assert (request.prefix, request.suffix, request.raw) == ("def one():\n    ", "\n", False)
    assert (request.polish, request.withhold) == (True, False)
    assert (request.max_tokens, request.stop, request.n) == (7, ("\n\n",), 1)
    assert (request.sampling.temperature, request.sampling.top_p) == (0.5, 0.9)
    assert (request.sampling.seed, request.user) == (3, "ada")
    assert reply["object"] == "text_completion"
    assert reply["model"] == MODEL
    assert reply["id"].startswith("cmpl-")
    assert isinstance(reply["created"], int)
    choice = {"text": "return 1", "index": 0, "logprobs": None, "finish_reason": "stop"}
    assert reply["choices"] == [choice]
    assert reply["usage"] == {"prompt_tokens": 2, "completion_tokens": 2, "total_tokens": 4}


async def test_a_prompt_without_a_suffix_is_raw_and_greedy(post, service):
    await post(URL, {"prompt": "<PRE>a<SUF>b<MID>"})
    await post(URL, {"prompt": "a", "suffix": ""})
    raw, between = service.requests
    assert (raw.prefix, raw.raw, raw.sampling.temperature) == ("<PRE>a<SUF>b<MID>", True, 0.0)
    assert (between.raw, between.suffix) == (False, "")
    assert (raw.polish, between.polish) == (False, True)


async def test_a_raw_prompt_is_left_alone_on_request(post, service):
    body = {"prompt": "<PRE>a<SUF>b<MID>"}
    for headers in ({}, {"X-Completer-Raw": "1"}, {"X-Completer-Raw": "0"}):
        await post(URL, body, **headers)
    await post(URL, {**body, "suffix": ""}, **{"X-Completer-Raw": "1"})
    assert [request.as_is for request in service.requests] == [False, True, False, False]


async def test_the_reply_says_what_became_of_a_raw_prompt(post, service):
    assert (await post(URL, {"prompt": "a"}))["completer"]["raw_prompt"] is None
    service.raw_prompt = "qwen-coder"
    assert (await post(URL, {"prompt": "a"}))["completer"]["raw_prompt"] == "qwen-coder"


@pytest.mark.parametrize(
    ("ours", "theirs"),
    [
        ("stop", "stop"),
        ("length", "length"),
        ("deadline", "stop"),
        ("low_confidence", "stop"),
        ("secret", "content_filter"),
    ],
)
async def test_our_own_facts_are_in_a_field_of_their_own(post, service, ours, theirs):
    service.finish_reason = ours
    reply = await post(URL, {"prompt": "a"})
    assert reply["choices"][0]["finish_reason"] == theirs
    assert reply["completer"]["finish_reason"] == ours
    assert reply["completer"]["distribution"] == "model"
    assert reply["completer"]["stats"]["decode_ms"] == 8
    assert reply["completer"]["stats"]["draft_sources"] == {}


async def test_why_there_is_no_text_is_told(post, service):
    assert (await post(URL, {"prompt": "a"}))["completer"]["why"] is None
    service.reply, service.disabled = lambda request: "", "disabled here: *.env"
    assert (await post(URL, {"prompt": "a"}))["completer"]["why"] == "disabled here: *.env"


async def test_several_prompts_and_choices_are_indexed_through(post, service):
    service.reply = lambda request: request.prefix.upper()
    reply = await post(URL, {"prompt": ["a", "b"], "n": 2})
    assert [(choice["index"], choice["text"]) for choice in reply["choices"]] == [
        (0, "A"),
        (1, "A"),
        (2, "B"),
        (3, "B"),
    ]
    assert reply["usage"]["completion_tokens"] == 4


async def test_a_stream_carries_the_same_text_then_reason_usage_and_end(post_stream, service):
    service.reply = lambda request: "one two three"
    body = {"prompt": "a b", "stream": True, "stream_options": {"include_usage": True}}
    *chunks, done = await post_stream(URL, body)
    assert done == "[DONE]"
    *texts, end, usage = map(json.loads, chunks)
    assert "".join(chunk["choices"][0]["text"] for chunk in texts) == "one two three"
    assert all(chunk["choices"][0]["finish_reason"] is None for chunk in texts)
    assert end["choices"][0]["finish_reason"] == "stop"
    assert end["completer"]["stats"]["steps"] == 3
    assert usage["choices"] == []
    assert usage["usage"] == {"prompt_tokens": 2, "completion_tokens": 3, "total_tokens": 5}
    assert len({chunk["id"] for chunk in (*texts, end, usage)}) == 1


async def test_a_stream_of_several_choices_without_usage(post_stream):
    *chunks, _ = await post_stream(URL, {"prompt": "a", "n": 2, "stream": True})
    choices = [json.loads(chunk)["choices"][0] for chunk in chunks]
    assert all("usage" not in json.loads(chunk) for chunk in chunks)
    for index in (0, 1):
        texts = [choice["text"] for choice in choices if choice["index"] == index]
        assert "".join(texts) == "fake completion"
    assert [choice["finish_reason"] for choice in choices[-2:]] == ["stop", "stop"]


@pytest.mark.parametrize(
    ("change", "param"),
    [
        ({"prompt": None}, "prompt"),
        ({"prompt": [1, 2]}, "prompt"),
        ({"prompt": []}, "prompt"),
        ({"prompt": ["a"] * 17}, "prompt"),
        ({"suffix": 3}, "suffix"),
        ({"max_tokens": 0}, "max_tokens"),
        ({"max_tokens": "7"}, "max_tokens"),
        ({"max_tokens": True}, "max_tokens"),
        ({"max_tokens": 10**30}, "max_tokens"),
        ({"n": 0}, "n"),
        ({"n": 10**9}, "n"),
        ({"n": 11, "prompt": ["a", "b", "c"]}, None),
        ({"temperature": -1}, "temperature"),
        ({"temperature": 1e308}, "temperature"),
        ({"top_p": 0}, "top_p"),
        ({"seed": 2**70}, "seed"),
        ({"stop": ["x"] * 33}, "stop"),
        ({"stop": [""]}, "stop.0"),
        ({"stop": "x" * 1000}, "stop.0"),
        ({"logprobs": 0}, None),
        ({"echo": True}, None),
        ({"best_of": 3}, None),
        ({"logit_bias": {"1": 2.0}}, None),
        ({"frequency_penalty": 0.5}, None),
        ({"stream": True, "prompt": ["a", "b"]}, None),
        ({"stream_options": 1}, "stream_options"),
        ({"user": "x" * 300}, "user"),
    ],
)
async def test_bad_values_are_named_and_nothing_is_asked(client, service, change, param):
    reply = await client.post(URL, json={"prompt": "a", **change})
    assert reply.status_code == 400
    error = reply.json()["error"]
    assert set(error) == {"message", "type", "param", "code"}
    assert error["type"] == "invalid_request_error"
    assert error["param"] == param
    assert service.requests == []


@pytest.mark.parametrize(
    "body",
    [b"", b"{", b"[]", b'"x"', b"\xff", b'{"prompt": NaN}', b'{"prompt": 1e999}', b"[" * 100_000],
)
async def test_what_is_no_json_object_is_refused(client, body):
    reply = await client.post(URL, content=body)
    assert reply.status_code == 400
    assert reply.json()["error"]["type"] == "invalid_request_error"


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize(
    ("error", "status", "text"),
    [
        (OverloadedError("Full.", retry_after_s=1.5), 503, "Full."),
        (BadRequestError("Too long.", hint="Send less."), 400, "Too long. Send less."),
        (CompleterError("Broken."), 500, "Broken."),
        (RuntimeError("secret"), 500, "The server failed; its log says why."),
    ],
)
async def test_what_the_service_raises(client, service, recorder, stream, error, status, text):
    service.error = error
    reply = await client.post(URL, json={"prompt": "a", "stream": stream})
    assert reply.status_code == status
    assert reply.json()["error"]["message"] == text
    assert reply.headers.get("retry-after") == ("2" if status == 503 else None)
    assert [event.outcome for event in recorder.of(Opportunity)] == ["error"]
    service.error = None
    assert (await client.post(URL, json={"prompt": "a"})).status_code == 200


async def test_models(client):
    reply = (await client.get("/v1/models")).json()
    assert reply["object"] == "list"
    assert [model["id"] for model in reply["data"]] == [MODEL]
    assert (await client.get(f"/v1/models/{MODEL}")).json() == reply["data"][0]
    assert (await client.get("/v1/models/gpt-9")).status_code == 404


async def test_deepseeks_path_is_the_same(post):
    assert (await post("/beta/completions", {"prompt": "a"}))["choices"][0]["text"]


@pytest.mark.parametrize(
    "content", ["all of it", [{"type": "text", "text": "all "}, {"type": "text", "text": "of it"}]]
)
async def test_a_prediction_is_handed_on_and_counted(post, service, content):
    prediction = {"type": "content", "content": content}
    reply = await post(URL, {"prompt": "a", "prediction": prediction})
    assert service.requests[0].prediction == "all of it"
    assert reply["usage"]["completion_tokens_details"] == {
        "accepted_prediction_tokens": 0,
        "rejected_prediction_tokens": 0,
    }
    assert "completion_tokens_details" not in (await post(URL, {"prompt": "a"}))["usage"]
