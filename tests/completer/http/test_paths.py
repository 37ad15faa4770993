"""Paths that clients get wrong."""

import time

import httpx
import pytest

from completer.http.app import create_app
from completer.http.options import HttpOptions
from completer.place import local_place
from tests.completer.http.live import serving
from tests.fakes import FakeService

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


@pytest.mark.parametrize("root_path", ["/completer", "completer/", "/tools/completer"])
@pytest.mark.parametrize("path", ["{}/v1/completions", "{}//v1/v1/completions/", "/v1/completions"])
async def test_what_a_proxy_has_paths_begin_with_may_be_there_or_not(
    service, recorder, root_path, path
):
    app = create_app(service, recorder, options=HttpOptions(root_path=root_path))
    url = "http://127.0.0.1" + path.format(f"/{root_path.strip('/')}")
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app)) as client:
        assert (await client.post(url, json=COMPLETION)).status_code == 200
        assert (await client.post("http://127.0.0.1/completerv1/completions")).status_code == 404


@pytest.mark.parametrize(
    ("believed", "is_own"), [("", True), ("127.0.0.1", False), ("10.1.1.1", True)]
)
async def test_a_proxy_that_is_named_says_who_asks(recorder, tmp_path, believed, is_own):
    """A request from nowhere belongs to the only workspace, if it comes from this machine."""
    root = local_place(tmp_path)
    service = FakeService(workspaces=(root,))
    options = HttpOptions(forwarded_allow_ips=believed)
    app = create_app(service, recorder, options=options)
    async with serving(app, options) as port, httpx.AsyncClient() as client:
        url = f"http://127.0.0.1:{port}/v1/completions"
        await client.post(url, json=COMPLETION, headers={"X-Forwarded-For": "10.9.9.9"})
    assert service.requests[0].workspace == (root if is_own else None)
