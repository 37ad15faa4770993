"""Paths that clients get wrong."""

import time

import pytest

COMPLETION = {"prompt": "a = ", "max_tokens": 4}


@pytest.mark.parametrize(
    "path",
    [
        "//v1/completions",
        "/v1//completions",
        "/v1/v1/completions",
        "/v1/v1/v1/completions/",
        "/v1/completions/",
        "//beta//completions",
    ],
)
async def test_a_wrong_base_url_is_answered_with_what_was_meant(client, path):
    reply = await client.post(f"http://127.0.0.1{path}", json=COMPLETION)
    assert reply.status_code == 200
    assert reply.json()["choices"]


@pytest.mark.parametrize("path", ["/v1/models/", "//v1/models", "/v1/v1/models"])
async def test_the_list_of_models_is_found_by_a_wrong_base_url(client, path):
    reply = await client.get(f"http://127.0.0.1{path}")
    assert reply.json()["object"] == "list"


@pytest.mark.parametrize(
    ("path", "right"),
    [
        ("/completions", "/v1/completions"),
        ("/v1/completion", "/v1/completions"),
        ("/v1/chat/completions", "/v1/completions"),
        ("/api/v1/completions", "/v1/completions"),
        ("/v1/infill", "/infill"),
        ("/v1/generate", "/generate"),
        ("/fim/completions", "/v1/fim/completions"),
        ("/models", "/v1/models"),
        ("/", "/v1/completions"),
        ("/nothing/like/it", "/v1/completions"),
    ],
)
async def test_what_is_no_route_is_told_the_right_one(client, path, right):
    reply = await client.post(path, json=COMPLETION)
    assert reply.status_code == 404
    assert f"There is no {path} here." in reply.json()["error"]["message"]
    assert f"Did you mean {right}?" in reply.json()["error"]["message"]


async def test_a_model_that_is_not_there_keeps_its_own_error(client):
    assert (await client.get("/v1/models/gpt-4")).json()["error"]["code"] == "model_not_found"


async def test_a_very_long_path_is_refused_at_once(client):
    started = time.monotonic()
    reply = await client.get("/" + "v1/completion" * 2000)
    assert reply.status_code == 404
    assert len(reply.text) < 1000
    assert time.monotonic() - started < 1
