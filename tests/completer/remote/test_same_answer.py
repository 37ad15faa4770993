"""The same answers, token for token: in this process, over the engine's socket, from elsewhere."""

from __future__ import annotations

import asyncio
import contextlib
import math
import socket
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from completer.cli.assembly import build_model, build_service
from completer.engine_process.client import RemoteService
from completer.engine_process.connection import Connection
from completer.engine_process.registration import Registration
from completer.http.app import create_app
from completer.http.engine_door import EngineDoor
from completer.http.options import HttpOptions
from completer.http.serving import Server, server_config
from completer.place import Place, local_place
from completer.remote.mirror import FILES
from completer.remote.mirrors import Mirrors
from completer.request import CompletionRequest, Sampling
from completer.serving.service import LocalService
from completer.settings import Settings
from models.loading import load_model
from tests.completer.http.live import eventually
from tests.completer.remote.machines import certificate, machine, write
from tests.completer.serving.test_service import NO_TUNING, settings
from tests.fakes import FakeRecorder
from tests.tiny import save_tiny

pytestmark = pytest.mark.slow
SHOP = Path(__file__).parents[3] / "examples" / "shop"
NAMES = {"names_wait_ms": math.inf}  # so that answers do not depend on the clock
CARETS = 12
READ_IN_S = 120


@pytest.fixture
def repo(tmp_path) -> Place:
    files = {f"shop/{file.name}": file.read_text() for file in sorted(SHOP.glob("*.py"))}
    return local_place(write(tmp_path / "repo", files))


def carets(repo: Place) -> Iterator[CompletionRequest]:
    """Places in the middle of lines of the repository's files, as an editor asks about them."""
    files = sorted(repo.rglob("*.py"))
    for number in range(CARETS):
        path = local_place(files[number % len(files)])
        text = path.read_text()
        lines = [at for at, letter in enumerate(text) if letter == "\n"] or [len(text)]
        caret = max(0, lines[(number * 7) % len(lines)] - 9)
        yield CompletionRequest(
            prefix=text[:caret],
            suffix=text[caret:],
            path=path,
            language="python",
            workspace=repo,
            max_tokens=24,
            deadline_ms=1000.0 * READ_IN_S,
            sampling=Sampling(seed=number, seeded=True, temperature=0.5 * (number % 2)),
        )


@contextlib.asynccontextmanager
async def over_the_socket(
    service: LocalService, repo: Place, folder: Path
) -> AsyncIterator[RemoteService]:
    """An editor on this machine."""
    with socket.socket(socket.AF_UNIX) as listener:
        path = str(folder / "engine.sock")
        listener.bind(path)
        listener.listen()
        registration = Registration(digest="d", pid=1, version="1", token="secret", socket=path)
        door = EngineDoor(service, registration, lambda: None)
        options = HttpOptions()
        app = create_app(service, FakeRecorder(), options=options, engine=door)
        server = Server(server_config(app, host="127.0.0.1", port=0, options=options), options)
        task = asyncio.create_task(server.serve(sockets=[listener]))
        await eventually(lambda: server.started, 10)
        editor = RemoteService(lambda: Connection.to(registration), cache_bytes=0)
        editor.open_workspace(repo)
        yield editor
        await editor.close()
        server.should_exit = True
        await task


async def answers(editor, requests) -> list[tuple[tuple[int, ...], str, str]]:
    found = [await editor.complete(request) for request in requests]
    return [(each.choices[0].token_ids, each.text, each.distribution) for each in found]


async def compare(service: LocalService, repo: Place, folder: Path, monkeypatch) -> None:
    run = folder / "run"
    run.mkdir(mode=0o700)
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(run))
    asked = list(carets(repo))
    service.open_workspace(repo)
    assert await asyncio.to_thread(service._repositories.open(repo).wait, READ_IN_S)
    here = await answers(service, asked)
    async with over_the_socket(service, repo, run) as editor:
        beside = await answers(editor, asked)
    tls, mirrors = certificate(folder), Mirrors(folder / "mirrors")
    async with (
        machine(folder / "server", service, mirrors=mirrors, tls=tls) as there,
        there.laptop(ca=tls[0]) as laptop,
    ):
        laptop.open_workspace(repo)
        await eventually(lambda: there.kept()["files"], READ_IN_S)
        (listed,) = mirrors.folder.rglob(FILES)
        mirror = service._repositories.open(local_place(listed.parent))
        assert not mirror.workspace.on_disk
        assert await asyncio.to_thread(mirror.wait, READ_IN_S)
        elsewhere = await answers(laptop, asked)
    assert beside == here
    assert elsewhere == here
    distributions = {distribution for *_, distribution in here}
    assert "model+repository+names" in distributions
    assert all(each.startswith("model+repository") for each in distributions)
    assert len({ids for ids, *_ in here}) > CARETS // 2


async def test_a_tiny_model_says_the_same(tmp_path, repo, monkeypatch):
    model = load_model(str(save_tiny("llama", tmp_path / "model")), device="cpu")
    mixing = settings(
        tmp_path / "cache",
        completion={**NAMES, "repository_weight": 0.9},
        server={"mirrors": tmp_path / "mirrors"},
    )
    service = build_service(model, NO_TUNING, mixing)
    try:
        await compare(service, repo, tmp_path, monkeypatch)
    finally:
        await asyncio.to_thread(service.close)


async def test_the_embedded_model_says_the_same(tmp_path, repo, monkeypatch):
    mixing = Settings(
        model={"dtype": "float32"},
        completion=NAMES,
        server={"mirrors": tmp_path / "mirrors"},
        cache_folder=tmp_path / "cache",
    )
    service = build_service(*build_model(mixing), mixing)
    try:
        await compare(service, repo, tmp_path, monkeypatch)
    finally:
        await asyncio.to_thread(service.close)
