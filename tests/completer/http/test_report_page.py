"""`GET /report`: whose figures who sees, and that it is made elsewhere."""

from __future__ import annotations

import base64

import httpx
import pytest
import pytest_asyncio

from completer.http.app import create_app
from completer.http.options import HttpOptions
from completer.http.report_options import ReportOptions
from completer.http.report_page import ReportPage
from completer.http.tokens import TokenFile
from tests.telemetry.test_merging import record


@pytest.fixture
def folder(tmp_path):
    record(tmp_path / "telemetry", "ada", "bob", "carol")
    return tmp_path / "telemetry"


@pytest.fixture
def tokens(tmp_path):
    file = TokenFile(tmp_path / "tokens.json")
    return {name: file.add(name, admin=name == "root") for name in ("ada", "dan", "root")}


@pytest.fixture
def options(folder, tmp_path):
    return HttpOptions(
        token_file=tmp_path / "tokens.json",
        tokens={"shared": ""},
        reports=ReportOptions(folder, teams={"red": ("ada",)}),
    )


@pytest.fixture
def made(monkeypatch):
    """What was asked for, instead of making it."""
    asked = []

    def make(self, question):
        asked.append(question)
        return {"html": f"<p>{question['user']}</p>"}

    monkeypatch.setattr(ReportPage, "_make", make)
    return asked


def bearer(secret):
    return {"Authorization": f"Bearer {secret}"}


async def test_one_sees_ones_own_and_an_admin_all(client, tokens, made):
    own = await client.get("/report", headers=bearer(tokens["ada"]))
    everything = await client.get("/report", headers=bearer(tokens["root"]))
    shared = await client.get("/report", headers=bearer("shared"))
    assert [page.text for page in (own, everything, shared)] == [
        "<p>ada</p>",
        "<p>None</p>",
        "<p>None</p>",
    ]
    assert [question["teams"] for question in made] == [{}, {"red": ("ada",)}]
    assert own.headers["refresh"] == "60"
    assert own.headers["cache-control"] == "no-store"


async def test_a_page_is_made_once_for_all_who_see_the_same(client, tokens, made):
    for _ in range(3):
        await client.get("/report", headers=bearer(tokens["ada"]))
        await client.get("/report", headers=bearer(tokens["root"]))
    assert [question["user"] for question in made] == ["ada", None]


async def test_a_browser_is_asked_for_the_token_as_a_password(client, tokens, made):
    refused = await client.get("/report")
    assert refused.status_code == 401
    assert refused.headers["www-authenticate"].startswith("Basic")
    given = base64.b64encode(f"anything:{tokens['ada']}".encode()).decode()
    assert (await client.get("/report", headers={"Authorization": f"Basic {given}"})).is_success
    elsewhere = await client.get("/metrics", headers={"Authorization": f"Basic {given}"})
    assert elsewhere.status_code == 401
    assert elsewhere.headers["www-authenticate"] == "Bearer"
    for bad in ("", "%%", base64.b64encode(b"x:y").decode()):
        answer = await client.get("/report", headers={"Authorization": f"Basic {bad}"})
        assert answer.status_code == 401


@pytest_asyncio.fixture
async def open_server(service, recorder, folder):
    """Asks from an address at a server that needs no token."""

    async def ask(address, **headers):
        app = create_app(service, recorder, options=HttpOptions(reports=ReportOptions(folder)))
        transport = httpx.ASGITransport(app, client=(address, 1))
        base = "http://127.0.0.1:8012"
        async with httpx.AsyncClient(transport=transport, base_url=base) as client:
            return await client.get("/report", headers=headers)

    return ask


async def test_without_tokens_only_this_machine_sees_it(open_server, made):
    assert (await open_server("127.0.0.1")).is_success
    assert (await open_server("192.168.0.7")).status_code == 403
    passed_on = await open_server("127.0.0.1", **{"X-Forwarded-For": "192.168.0.7"})
    assert passed_on.status_code == 403
    assert "completer token add" in passed_on.text


async def test_where_nothing_is_recorded_there_is_none(service, recorder):
    app = create_app(service, recorder, options=HttpOptions())
    transport = httpx.ASGITransport(app)
    async with httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1") as client:
        assert (await client.get("/report")).status_code == 404


@pytest.mark.slow
async def test_the_page_is_made_by_a_process_of_its_own(client, app, folder, tokens):
    everything = await client.get("/report", headers=bearer("shared"))
    assert everything.status_code == 200, everything.text
    assert "3 users" in everything.text
    own = await client.get("/report", headers=bearer(tokens["ada"]))
    assert "1 users" in own.text
    nobody = await client.get("/report", headers=bearer(tokens["dan"]))
    assert "0 users" in nobody.text
    (folder / "install.key").unlink()
    app.state.handler.report_page._pages.clear()
    keyless = await client.get("/report", headers=bearer(tokens["ada"]))
    assert keyless.status_code == 503
    assert "install.key is missing" in keyless.text
    app.state.handler.close()


@pytest.mark.slow
async def test_a_folder_without_a_database_is_said(service, recorder, tmp_path):
    options = HttpOptions(reports=ReportOptions(tmp_path))
    app = create_app(service, recorder, options=options)
    transport = httpx.ASGITransport(app)
    async with httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1") as client:
        answer = await client.get("/report")
    app.state.handler.close()
    assert answer.status_code == 503
    assert "no telemetry database" in answer.text
