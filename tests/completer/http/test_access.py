"""What a token lets a person see and use, through every door of the application."""

from __future__ import annotations

import asyncio
import logging
from dataclasses import replace
from pathlib import Path

import httpx
import pytest

from completer.errors import SettingsError
from completer.http.access import ANYBODY, Access, Accesses, is_loopback
from completer.http.app import create_app
from completer.http.options import HttpOptions
from completer.http.tokens import TokenFile
from completer.place import local_place
from telemetry.events import Opportunity, SessionStarted
from tests.fakes import FakeService

DIALECTS = [
    ("/v1/completions", {"prompt": "a", "user": "eve"}),
    ("/v1/completions", {"prompt": "a", "user": "eve", "stream": True}),
    ("/v1/completions", {"segments": {"prefix": "a"}, "user": "eve"}),
    ("/beta/completions", {"prompt": "a", "user": "eve"}),
    ("/infill", {"input_prefix": "a", "input_suffix": ""}),
    ("/infill", {"input_prefix": "a", "input_suffix": "", "n_predict": 0}),
    ("/v1/fim/completions", {"prompt": "a"}),
    ("/v1/fim/completions", {"prompt": "a", "stream": True}),
    ("/generate", {"inputs": "a"}),
]


@pytest.fixture
def file(tmp_path):
    return TokenFile(tmp_path / "tokens.json")


@pytest.fixture
def options(file):
    return HttpOptions(token_file=file.path, tokens={"shared": ""})


@pytest.fixture
def folders(service, tmp_path):
    """Two workspaces that are served."""
    folders = tmp_path / "mine", tmp_path / "theirs"
    for folder in folders:
        folder.mkdir()
    service.workspaces = tuple(folder.resolve() for folder in folders)
    return service.workspaces


def bearer(secret: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {secret}"}


@pytest.mark.parametrize(("path", "body"), DIALECTS)
async def test_every_dialect_hands_on_who_asks_and_what_they_may_use(
    client, service, file, folders, path, body
):
    mine, theirs = folders
    secret = file.add("ada", [mine])
    for headers in ({}, {"X-Completer-Path": str(theirs / "a.py")}):
        reply = await client.post(path, json=body, headers=bearer(secret) | headers)
        assert reply.status_code == 200, reply.text
        await asyncio.sleep(0.01)  # for what runs without a client
    assert [request.workspace for request in service.requests] == [mine, None]
    for request in service.requests:
        assert request.user == "ada"
        assert request.may_use == {mine}


@pytest.mark.parametrize(("path", "body"), DIALECTS)
async def test_every_dialect_hands_on_the_file_and_its_workspace(
    client, service, file, folders, path, body
):
    mine, _ = folders
    place = {"X-Completer-Path": str(mine / "a.py")}
    reply = await client.post(path, json=body, headers=bearer(file.add("ada")) | place)
    assert reply.status_code == 200, reply.text
    await asyncio.sleep(0.01)  # for what runs without a client
    (request,) = service.requests
    assert (request.path, request.workspace) == (mine / "a.py", mine)


async def test_the_shared_token_is_nobodys_and_may_use_all(client, service, folders):
    for user in ("eve", None):
        body = {"prompt": "a", "user": user}
        headers = bearer("shared") | {"X-Completer-Workspace": str(folders[1])}
        assert (await client.post("/v1/completions", json=body, headers=headers)).status_code == 200
    assert [(each.user, each.may_use) for each in service.requests] == [("", None)] * 2


async def test_a_workspace_of_others_is_nowhere(client, file, folders, recorder):
    mine, theirs = folders
    headers = bearer(file.add("ada", [mine]))
    chosen = {"X-Completer-Workspace": str(theirs)}
    refused = await client.post("/v1/completions", json={"prompt": "a"}, headers=headers | chosen)
    paths = ("/health", "/v1/health", "/metrics", "/v1/models", "/v1beta/server_setting")
    replies = [refused, *[await client.get(path, headers=headers) for path in paths]]
    assert refused.status_code == 400
    told = "".join(reply.text for reply in replies).replace(str(theirs), "", 2)
    assert str(mine) in told
    assert theirs.name not in told
    assert recorder.of(Opportunity) == []


async def test_each_person_has_a_session_and_a_share_of_their_own(client, file, recorder, app):
    secrets = [file.add("ada"), file.add("bob")]
    for secret in (*secrets, *secrets):
        body = {"prompt": "a", "user": "eve"}
        reply = await client.post("/v1/completions", json=body, headers=bearer(secret))
        assert reply.status_code == 200
    assert [event.user for event in recorder.of(SessionStarted)] == ["ada", "bob"]


async def test_nobody_reports_on_the_completions_of_others(client, file, service):
    ada, bob = bearer(file.add("ada")), bearer(file.add("bob"))
    answer = await client.post("/v1/completions", json={"prompt": "a"}, headers=ada)
    event = {"event": "accepted", "completion_id": answer.json()["id"]}
    refused = await client.post("/v1/events", json=event, headers=bob)
    assert refused.status_code == 400
    assert service.accepts == []
    assert (await client.post("/v1/events", json=event, headers=ada)).status_code == 200
    assert len(service.accepts) == 1


async def test_a_token_counts_from_when_it_is_added_until_it_is_removed(client, file):
    async def status(secret):
        return (await client.get("/v1/models", headers=bearer(secret))).status_code

    assert await status("completer_unknown") == 401
    first = file.add("ada")
    assert await status(first) == 200
    file.remove("ada")
    assert await status(first) == 401
    second = file.add("ada")
    assert (await status(first), await status(second)) == (401, 200)
    assert await status("shared") == 200


async def test_without_any_token_none_is_asked_for_until_there_is_one(service, recorder, file):
    app = create_app(service, recorder, options=HttpOptions(token_file=file.path))
    transport = httpx.ASGITransport(app)
    async with httpx.AsyncClient(transport=transport, base_url="http://localhost") as client:
        assert (await client.get("/v1/models")).status_code == 200
        secret = file.add("ada")
        assert (await client.get("/v1/models")).status_code == 401
        assert (await client.get("/v1/models", headers=bearer(secret))).status_code == 200
        file.remove("ada")
        assert (await client.get("/v1/models")).status_code == 200


def test_a_server_that_needs_a_token_lets_nobody_in_without_one(file):
    options = HttpOptions(token_file=file.path, needs_token=True)
    secret = file.add("ada")
    accesses = Accesses(options)
    assert accesses.of(secret.encode()) == Access("ada", by_token=True)
    file.remove("ada")
    assert accesses.of(secret.encode()) is None
    assert accesses.of(None) is None
    file.path.unlink()
    assert accesses.of(None) is None
    assert Accesses(replace(options, needs_token=False)).of(None) == ANYBODY


@pytest.mark.parametrize(
    "spoil", [lambda path: path.write_text("{"), lambda path: path.chmod(0o644)]
)
def test_a_file_that_goes_bad_changes_nothing_and_is_told_once(file, spoil, caplog):
    secret = file.add("ada").encode()
    accesses = Accesses(HttpOptions(token_file=file.path))
    content = file.path.read_text()
    spoil(file.path)
    with caplog.at_level(logging.ERROR):
        assert [accesses.of(secret) is not None for _ in range(3)] == [True] * 3
        assert accesses.of(None) is None
    assert len(caplog.records) == 1
    file.path.chmod(0o600)
    file.path.write_text(content)
    file.remove("ada")
    assert accesses.of(secret) == ANYBODY


def test_a_file_that_is_bad_from_the_start_is_an_error(file):
    file.path.write_text("{")
    file.path.chmod(0o600)
    with pytest.raises(SettingsError):
        Accesses(HttpOptions(token_file=file.path))


def test_a_secret_of_other_letters_is_compared_as_it_is_sent():
    accesses = Accesses(HttpOptions(tokens={"schlüssel": "ada"}))
    assert accesses.of("schlüssel".encode()) == Access("ada", by_token=True)
    assert accesses.of("schlüssel".encode("latin-1")) is None


def test_the_served_workspaces_among_those_that_may_be_used():
    served = (Path("/a"), Path("/b"))
    assert ANYBODY.among(served) == served
    assert Access("ada", frozenset({Path("/b"), Path("/c")})).among(served) == (Path("/b"),)


@pytest.mark.parametrize(
    ("address", "ours"),
    [
        ("127.0.0.1", True),
        ("127.9.9.9", True),
        ("::1", True),
        ("::ffff:127.0.0.1", True),
        ("0.0.0.0", False),
        ("::", False),
        ("10.0.0.1", False),
        ("::ffff:10.0.0.1", False),
        ("fe80::1%eth0", False),
    ],
)
def test_is_loopback(address, ours):
    assert is_loopback(address) is ours


def test_a_teams_folder_is_there_for_its_people_alone(file):
    ada, bob = file.add("ada").encode(), file.add("bob").encode()
    team, of_all, served = Path("/t"), Path("/u"), (Path("/t"), Path("/u"), Path("/a"))
    people = {team: frozenset({"ada"}), of_all: None}
    options = HttpOptions(token_file=file.path, people=people, tokens={"shared": ""})
    accesses = Accesses(options)
    assert accesses.of(ada).among(served) == served
    assert accesses.of(bob).among(served) == (of_all, Path("/a"))
    assert accesses.of(b"shared").among(served) == (of_all, Path("/a"))
    assert accesses.of(bob).is_limited
    nobody = Accesses(HttpOptions(people=people)).of(None)
    assert nobody.among(served) == (Path("/a"),)


async def test_a_teams_folder_is_not_used_for_others(recorder, file, tmp_path):
    mine, team = local_place(tmp_path / "mine"), local_place(tmp_path / "team")
    service = FakeService(workspaces=(mine, team))
    options = HttpOptions(token_file=file.path, people={team: frozenset({"ada"})})
    ada, bob = bearer(file.add("ada")), bearer(file.add("bob"))
    transport = httpx.ASGITransport(create_app(service, recorder, options=options))
    async with httpx.AsyncClient(transport=transport, base_url="http://localhost") as client:
        codes = [
            (
                await client.post(
                    "/v1/completions",
                    json={"prompt": "a"},
                    headers={**who, "X-Completer-Workspace": str(root)},
                )
            ).status_code
            for who in (ada, bob)
            for root in (mine, team)
        ]
        await client.post("/v1/completions", json={"prompt": "a"}, headers=bob)
    assert codes == [200, 200, 200, 400]
    assert [request.may_use for request in service.requests] == [
        None,
        None,
        frozenset({mine}),
        frozenset({mine}),
    ]
