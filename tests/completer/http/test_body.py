"""What all bodies have in common: null, numbers, and text that is not well formed."""

from __future__ import annotations

import json
import re
from dataclasses import asdict, replace
from typing import Any

import pytest
from pydantic import ValidationError

from completer.http import events, llamacpp, mistral, next_edits, openai, tabby, tgi
from completer.http.body import Body
from completer.http.dialect import Dialect, StreamingDialect

SMALLEST: dict[type[Body], dict[str, Any]] = {
    openai.CompletionBody: {"prompt": "a"},
    openai.StreamOptions: {},
    openai.Prediction: {"content": "a"},
    openai.PredictedText: {"text": "a"},
    next_edits.NextEditBody: {"path": "/a", "text": "b", "cursor": {"line": 0, "character": 0}},
    next_edits.Cursor: {"line": 0, "character": 0},
    next_edits.Edited: {"before": "a", "after": "b"},
    tabby.TabbyBody: {"segments": {"prefix": "a"}},
    tabby.Segments: {"prefix": "a"},
    tabby.Declaration: {"filepath": "a", "body": "b"},
    llamacpp.InfillBody: {"input_prefix": "a", "input_suffix": "b"},
    llamacpp.CompletionBody: {"prompt": "a"},
    llamacpp.Extra: {"text": "a"},
    mistral.FimBody: {"prompt": "a"},
    tgi.GenerateBody: {"inputs": "a"},
    tgi.Parameters: {},
    events.OurEvent: {"event": "shown", "completion_id": "a"},
    events.TabbyEvent: {"type": "view", "completion_id": "a"},
}
COMPLETIONS = [
    ("/v1/completions", openai.CompletionBody),
    ("/beta/completions", openai.CompletionBody),
    ("/v1/completions", tabby.TabbyBody),
    ("/infill", llamacpp.InfillBody),
    ("/completion", llamacpp.CompletionBody),
    ("/v1/fim/completions", mistral.FimBody),
    ("/generate", tgi.GenerateBody),
]
SHARED = (events.Event, Dialect, StreamingDialect, llamacpp.LlamaBody)
HALF = rb"\ud83d"


def kinds(above: type[Body] = Body) -> list[type[Body]]:
    """Every kind of body that has fields of its own to be sent."""
    below = above.__subclasses__()
    return [kind for each in below for kind in (*kinds(each), each) if kind not in SHARED]


def optional(kind: type[Body]) -> list[str]:
    return [name for name, field in kind.model_fields.items() if not field.is_required()]


def test_no_kind_of_body_is_forgotten_here():
    assert set(kinds()) == set(SMALLEST)


@pytest.mark.parametrize(
    ("kind", "field"), [(kind, field) for kind in SMALLEST for field in optional(kind)]
)
def test_null_is_as_if_left_out(kind, field):
    body = SMALLEST[kind]
    assert kind.model_validate({**body, field: None}) == kind.model_validate(body)


@pytest.mark.parametrize(("path", "kind"), COMPLETIONS)
async def test_a_body_of_nulls_is_answered_like_one_without(client, service, path, kind):
    body = SMALLEST[kind]
    nulls = dict.fromkeys([*optional(kind), "unknown"])
    for each in (body, {**nulls, **body}):
        reply = await client.post(path, json=each)
        assert reply.status_code == 200, reply.text
    first, second = (
        replace(request, sampling=replace(request.sampling, seed=0)) for request in service.requests
    )
    assert first == second


NUMBERS = [
    (kind, name)
    for kind in SMALLEST
    for name in optional(kind)
    if re.search(r"\bint\b", str(kind.model_fields[name].annotation)) and name != "logprobs"
]
# What is not counted but may be switched off, and what is counted but has happened.
TIMES = [(llamacpp.InfillBody, "t_max_prompt_ms"), (llamacpp.InfillBody, "t_max_predict_ms")]
REPORTED = (events.OurEvent, events.TabbyEvent)


@pytest.mark.parametrize(("kind", "field"), NUMBERS)
def test_a_whole_number_may_be_written_as_a_fraction(kind, field):
    body = SMALLEST[kind]
    read = kind.model_validate({**body, field: 1.0})
    assert read == kind.model_validate({**body, field: 1})
    with pytest.raises(ValidationError):
        kind.model_validate({**body, field: 1.5})


@pytest.mark.parametrize(
    ("kind", "field"), TIMES + [each for each in NUMBERS if each[0] not in REPORTED]
)
def test_minus_one_is_off_for_every_limit(kind, field):
    body = SMALLEST[kind]
    for off in (-1, -1.0):
        assert kind.model_validate({**body, field: off}) == kind.model_validate(body)


async def test_what_tells_dialects_apart_may_be_null_too(client, service):
    openais = await client.post("/v1/completions", json={"prompt": "a", "segments": None})
    tabbys = {"type": "view", "completion_id": "gone", "event": None}
    event = await client.post("/v1/events", json=tabbys)
    assert openais.status_code == 200
    assert "Nothing is known" in event.json()["error"]["message"]


@pytest.mark.parametrize(("path", "kind"), COMPLETIONS)
@pytest.mark.parametrize(
    ("sent", "read"),
    [
        (rb"x = \"\ud83d", 'x = "\ufffd'),
        (rb"\ude0a b", "\ufffd b"),
        (rb"\ude0a\ud83d", "\ufffd\ufffd"),
        (rb"\uD83D\uDE0a \ud83d", "\U0001f60a \ufffd"),
        (rb"\\ud83d \ud83d", "\\ud83d \ufffd"),
        (b"\xed\xa0\xbd", "\ufffd"),
    ],
)
async def test_half_a_character_is_replaced(client, service, path, kind, sent, read):
    smallest = {
        openai.CompletionBody: b'{"prompt": "%s"}',
        tabby.TabbyBody: b'{"segments": {"prefix": "%s"}}',
        llamacpp.InfillBody: b'{"input_prefix": "%s", "input_suffix": "x"}',
        llamacpp.CompletionBody: b'{"prompt": "%s"}',
        mistral.FimBody: b'{"prompt": "%s"}',
        tgi.GenerateBody: b'{"inputs": "%s"}',
    }
    reply = await client.post(path, content=smallest[kind] % sent)
    assert reply.status_code == 200, reply.text
    assert service.requests[0].prefix == read


@pytest.mark.parametrize(
    "body",
    [
        b'{"prompt": "%s", "user": "a%s", "stop": ["%s"], "x\\ud83d": {"y": ["%s"]}}',
        b'{"segments": {"prefix": "%s", "filepath": "%s", "declarations": [%s]}}'
        % (HALF, HALF, b'{"filepath": "%s", "body": "%s"}'),
        b'{"input_prefix": "%s", "input_suffix": "%s", "input_extra": [{"text": "%s%s"}]}',
    ],
)
async def test_half_a_character_may_be_anywhere(client, service, body):
    path = "/infill" if b"input" in body else "/v1/completions"
    reply = await client.post(path, content=body.replace(b"%s", HALF))
    assert reply.status_code == 200, reply.text
    (request,) = service.requests
    json.dumps(asdict(request), default=str, ensure_ascii=False).encode()


@pytest.mark.parametrize(
    "body",
    [
        b'{"prompt": "\xff"}',
        b'{"prompt": "\xff\\ud83d"}',
        b'{"prompt": "\\ud83d", "x": NaN}',
        b'{"prompt": "\\ud83d", "temperature": 1e999}',
        b'{"prompt": "\\ud83"}',
        b'{"prompt": "\\ud83d',
        b'{"x": "\\ud83d", "prompt": ' + b"[" * 100_000,
        b'{"x": "\\ud83d", "prompt": ' + b"9" * 100_000 + b"}",
    ],
)
async def test_what_is_no_json_stays_refused(client, service, body):
    assert (await client.post("/v1/completions", content=body)).status_code == 400
    assert service.requests == []
