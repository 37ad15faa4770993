"""Repositories of a team: whose they are, and what a clone of one needs not send."""

from __future__ import annotations

import asyncio
import contextlib
from pathlib import Path

import pytest

from completer.engine_process.messages import Asked, ListFiles, SendTexts
from completer.engine_process.wire import pack_asked
from completer.place import local_place
from completer.remote.mirror import FILES, TEAM, Mirror
from completer.remote.mirrors import Mirrors
from completer.remote.team import TeamRepositories
from completer.server_settings import TeamWorkspace
from tests.completer.http.live import eventually
from tests.completer.remote.git_server import Developer, git, git_server
from tests.completer.remote.machines import LONG_S, certificate, machine, write

pytestmark = pytest.mark.slow
FILE_TEXTS = {"app.py": "import shop\n", "shop/store.py": "class Store:\n    pass\n"}
URL = "https://ada:secret@{host}/shop"


@pytest.fixture
def tls(tmp_path):
    return certificate(tmp_path)


@pytest.fixture
def developer(tmp_path) -> Developer:
    developer = Developer(tmp_path / "served", tmp_path / "clone")
    developer.push(FILE_TEXTS)
    return developer


@contextlib.asynccontextmanager
async def with_team(tmp_path: Path, developer: Developer, tls: tuple[Path, Path], people=None):
    """A server with one repository of a team's, of which the developer has a clone."""
    with git_server(tmp_path / "served", tls) as server:
        host = server.address.removeprefix("https://")
        address = URL.format(host=host)
        git(developer.folder, "remote", "add", "origin", address)
        settings = TeamWorkspace(
            name="shop", git=f"https://{host}/shop.git", ca_file=tls[0], people=people
        )
        teams = TeamRepositories(tmp_path / "teams", [settings])
        mirrors = Mirrors(tmp_path / "mirrors", teams=teams)
        async with machine(tmp_path / "server", mirrors=mirrors, people=teams.people) as there:
            root = tmp_path / "teams/shop"
            await eventually(lambda: root in there.service.opened, LONG_S)
            yield there, root


def recorded(monkeypatch) -> list[object]:
    """The messages that leave laptops."""
    sent: list[object] = []

    def pack(message: Asked) -> bytes:
        sent.append(message)
        return pack_asked(message)

    monkeypatch.setattr("completer.engine_process.connection.pack_asked", pack)
    return sent


async def mirror_of(there, person: str, root: Path) -> Mirror:
    """The mirror of a person's only workspace, once it is whole."""
    async with there.laptop(person) as laptop:
        laptop.open_workspace(local_place(root))
        folder = there.mirrors.of(person).folder
        await eventually(lambda: list(folder.glob(f"*/{FILES}")), LONG_S)
        (listed,) = folder.glob(f"*/{FILES}")
        return Mirror(listed.parent)


def texts_of(workspace) -> dict[str, str]:
    return {
        workspace.relative(file.path): workspace.read(file.path) for file in workspace.iter_files()
    }


async def test_of_a_clone_only_what_is_different_is_sent(tmp_path, developer, tls, monkeypatch):
    sent = recorded(monkeypatch)
    write(developer.folder, {"app.py": "mine = True\n"})
    async with with_team(tmp_path, developer, tls) as (there, root):
        mirror = await mirror_of(there, "ada", developer.folder)
        assert texts_of(mirror) == {**FILE_TEXTS, "app.py": "mine = True\n"}
        assert mirror.team_root == root
    assert [text for each in sent if isinstance(each, SendTexts) for text in each.texts] == [
        "mine = True\n"
    ]
    origins = {each.origin for each in sent if isinstance(each, ListFiles)}
    assert len(origins) == 1
    assert "secret" not in str(sent)


async def test_who_is_not_on_the_list_has_nothing_of_it(tmp_path, developer, tls, monkeypatch):
    sent = recorded(monkeypatch)
    async with with_team(tmp_path, developer, tls, people=("ada",)) as (there, _):
        mirror = await mirror_of(there, "eve", developer.folder)
        assert mirror.team_root is None
    texts = {text for each in sent if isinstance(each, SendTexts) for text in each.texts}
    assert texts == set(FILE_TEXTS.values())


async def test_a_digest_alone_claims_nothing(tmp_path, developer, tls, monkeypatch):
    """A workspace that is no clone has to send a text, whoever else has it."""
    sent = recorded(monkeypatch)
    other = write(tmp_path / "other", {"app.py": FILE_TEXTS["app.py"]})
    async with with_team(tmp_path, developer, tls) as (there, _):
        assert (await mirror_of(there, "ada", other)).team_root is None
    assert [text for each in sent if isinstance(each, SendTexts) for text in each.texts]


async def test_who_was_taken_off_the_list_loses_it(tmp_path, developer, tls):
    async with with_team(tmp_path, developer, tls) as (there, _):
        mirror = await mirror_of(there, "ada", developer.folder)
        assert (mirror.root / TEAM).exists()
        there.mirrors.of("ada").begin_with_team(mirror.root, "another.example/shop", ())
        assert mirror.team_root is None
        assert texts_of(mirror) == FILE_TEXTS


async def test_what_is_pushed_is_there_at_the_next_interval(tmp_path, developer, tls):
    async with with_team(tmp_path, developer, tls) as (there, root):
        (team,) = there.mirrors.teams._all
        developer.push({"new.py": "new = 1\n"})
        assert await asyncio.to_thread(team.checkout.update)
        team.read()
        assert (root / "new.py").read_text() == "new = 1\n"
        assert "new.py" in team._names.values()


async def test_what_was_fetched_once_is_there_without_its_server(tmp_path, developer, tls):
    async with with_team(tmp_path, developer, tls) as (there, root):
        settings = there.mirrors.teams._all[0].settings
    again = TeamRepositories(tmp_path / "teams", [settings])
    opened: list[Path] = []
    again.start(opened.append)
    try:
        await eventually(lambda: opened == [root], LONG_S)
    finally:
        await asyncio.to_thread(again.close)


def test_a_texts_digest_counts_as_long_as_it_is_that_texts(tmp_path):
    settings = TeamWorkspace(name="shop", git="https://code.example/shop")
    (team,) = TeamRepositories(tmp_path, [settings])._all
    write(team.root, {"app.py": "first\n"})
    team.read()
    (digest,) = team._names
    assert team.text(digest) == b"first\n"
    write(team.root, {"app.py": "second\n"})
    assert team.text(digest) is None
    assert team.text("0" * 64) is None
