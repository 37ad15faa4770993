"""Tabby's API, on the path that it shares with OpenAI's."""

from __future__ import annotations

import pytest

from tests.fakes import MODEL, FakeService

URL = "/v1/completions"


@pytest.fixture
def service(tmp_path):
    return FakeService(workspaces=(tmp_path,))


async def test_segments_make_it_tabbys(post, service, tmp_path):
    segments = {
        "prefix": "a",
        "suffix": "b",
        "filepath": "src/app.py",
        "git_url": "https://example.com/x.git",
        "declarations": [{"filepath": "lib.py", "body": "def lib(): ..."}],
        "relevant_snippets_from_changed_files": [{"filepath": "c.py", "body": "c", "score": 1.0}],
        "clipboard": "x",
    }
    reply = await post(URL, {"language": "python", "segments": segments, "user": "ada"})
    (request,) = service.requests
    assert (request.prefix, request.suffix, request.raw) == ("a", "b", False)
    assert (request.path, request.workspace) == (tmp_path / "src/app.py", tmp_path)
    assert (request.language, request.user) == ("python", "ada")
    assert [snippet.path for snippet in request.snippets] == ["lib.py", "c.py"]
    assert reply["choices"] == [{"index": 0, "text": "fake completion"}]
    assert reply["id"].startswith("cmpl-")


@pytest.mark.parametrize(
    "segments", [None, [], {}, {"prefix": 1}, {"prefix": "a", "filepath": "../../etc/passwd"}]
)
async def test_bad_segments_are_refused(client, segments):
    reply = await client.post(URL, json={"language": "python", "segments": segments})
    assert reply.status_code == 400


@pytest.mark.parametrize("method", ["GET", "POST"])
async def test_health(client, method):
    reply = (await client.request(method, "/v1/health")).json()
    assert reply["model"] == MODEL
    assert reply["device"] == "cpu"
    assert reply["version"]["git_describe"]


async def test_server_setting(client):
    reply = (await client.get("/v1beta/server_setting")).json()
    assert reply == {"disable_client_side_telemetry": False}
