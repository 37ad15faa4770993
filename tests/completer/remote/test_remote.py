"""Workspaces of other machines over real sockets: what comes over, what stays, and whose it is."""

from __future__ import annotations

import asyncio
import contextlib
import json
import re
import urllib.request

import pytest
from websockets.asyncio.client import connect

from completer.engine_process.client import RETRIES_AFTER_S
from completer.engine_process.messages import PROTOCOL, ListFiles, OpenWorkspace, SendTexts
from completer.engine_process.wire import pack_asked
from completer.errors import CompleterError
from completer.http.tokens import TokenFile
from completer.next_edit.edits import NextEdit, NextEditRequest, Point
from completer.place import local_place
from completer.remote.connecting import PATH
from completer.remote.mirror import FILES, Mirror
from completer.remote.mirrors import Mirrors, Quota
from completer.remote.modules import MODULES
from completer.request import CompletionRequest
from tests.canaries import canaries
from tests.completer.http.live import eventually
from tests.completer.remote.machines import LONG_S, certificate, machine, write
from tests.fakes import FakeService

FILE_TEXTS = {"shop/store.py": "class Store:\n    pass\n", "app.py": "import shop\n"}


@pytest.fixture
def repo(tmp_path):
    return local_place(write(tmp_path / "repo", FILE_TEXTS))


def mirrored(there, person="ada") -> list[Mirror]:
    folder = there.mirrors.of(person).folder
    return [Mirror(each.parent) for each in sorted(folder.glob(f"*/{FILES}"))]


def texts_of(mirror) -> dict[str, str]:
    return {mirror.relative(file.path): mirror.read(file.path) for file in mirror.iter_files()}


async def until_mirrored(there, texts, person="ada"):
    await eventually(lambda: texts in [texts_of(each) for each in mirrored(there, person)], LONG_S)


async def test_a_workspace_is_there_with_what_changes(tmp_path, repo):
    async with machine(tmp_path / "server") as there, there.laptop() as laptop:
        laptop.open_workspace(repo)
        await until_mirrored(there, FILE_TEXTS)
        write(repo, {"app.py": "import shop as s\n", "new.py": "x = 1\n"})
        (repo / "shop/store.py").unlink()
        await until_mirrored(there, {"app.py": "import shop as s\n", "new.py": "x = 1\n"})
        (mirror,) = mirrored(there)
        assert there.service.opened == [mirror.root]
        texts = there.mirrors.of("ada").texts
        await eventually(lambda: len(list(texts.iterdir())) == 2, LONG_S)


async def test_requests_and_documents_are_about_files_of_the_mirror(tmp_path, repo):
    async with machine(tmp_path / "server") as there, there.laptop() as laptop:
        laptop.open_workspace(repo)
        await until_mirrored(there, FILE_TEXTS)
        laptop.document_changed(repo / "app.py", "edited")
        asked = CompletionRequest(prefix="x", path=repo / "app.py", workspace=repo)
        assert (await laptop.complete(asked)).text == "fake completion"
        (mirror,) = mirrored(there)
        (request,) = there.service.requests
        assert (request.path, request.workspace) == (mirror.root / "app.py", mirror.root)
        assert request.workspace_name == "repo"
        assert (request.user, request.may_use) == ("ada", {mirror.root})
        assert there.service.documents == {mirror.root / "app.py": "edited"}
        assert not (mirror.root / "app.py").exists()


async def test_next_edits_come_back_under_the_laptops_names(tmp_path, repo):
    async with machine(tmp_path / "server") as there, there.laptop() as laptop:
        laptop.open_workspace(repo)
        await until_mirrored(there, FILE_TEXTS)
        (mirror,) = mirrored(there)
        edit = NextEdit(mirror.root / "app.py", Point(0, ""), Point(0, "a"), "a", "b", "renamed")
        there.service.edits = (edit,)
        request = NextEditRequest(path=repo / "app.py", text="a", offset=0)
        (found,) = await laptop.next_edits(request)
        assert found.path == repo / "app.py"
        assert there.service.asked_for_edits[0].path == mirror.root / "app.py"


async def test_edits_while_offline_are_caught_up_after_a_restart_of_the_server(tmp_path, repo):
    async with machine(tmp_path / "server") as there:
        async with there.laptop() as laptop:
            laptop.open_workspace(repo)
            await until_mirrored(there, FILE_TEXTS)
            await laptop.lose_connection()
            assert laptop.engine.sending(repo)._send is None
            write(repo, {"app.py": "offline = True\n"})
            await laptop.complete(CompletionRequest(prefix="x", path=repo / "app.py"))
            await until_mirrored(there, {**FILE_TEXTS, "app.py": "offline = True\n"})
        mirrors = Mirrors(there.mirrors.folder)
    async with machine(tmp_path / "server", mirrors=mirrors) as again:
        assert again.kept()["files"] == 2
        async with again.laptop() as laptop:
            laptop.open_workspace(repo)
            await eventually(lambda: again.service.opened, LONG_S)


async def test_a_server_that_was_away_is_found_again_with_all_that_it_had(tmp_path, repo):
    async with contextlib.AsyncExitStack() as stack:
        async with machine(tmp_path / "server") as there:
            laptop = await stack.enter_async_context(there.laptop())
            laptop.open_workspace(repo)
            await until_mirrored(there, FILE_TEXTS)
            laptop.document_changed(repo / "app.py", "unsaved")
        with pytest.raises(CompleterError, match="does not answer"):
            await laptop.complete(CompletionRequest(prefix="x"))
        laptop.document_changed(repo / "app.py", "typed offline")
        port = int(there.address.rpartition(":")[2])
        async with machine(tmp_path / "server", port=port) as again:
            await asyncio.sleep(RETRIES_AFTER_S)
            await laptop.complete(CompletionRequest(prefix="x", path=repo / "app.py"))
            (root,) = again.service.opened
            assert again.service.requests[0].path == root / "app.py"
            assert again.service.documents == {root / "app.py": "typed offline"}
            await laptop.close()


async def test_a_repositorys_own_settings_come_along(tmp_path, repo):
    write(repo, {".completer.toml": "[completion]\nmax_lines = 3\n"})
    async with machine(tmp_path / "server") as there, there.laptop() as laptop:
        laptop.open_workspace(repo)
        await until_mirrored(there, FILE_TEXTS)
        (mirror,) = mirrored(there)
        assert (mirror.root / ".completer.toml").read_text() == "[completion]\nmax_lines = 3\n"
        (repo / ".completer.toml").unlink()
        await eventually(lambda: not (mirror.root / ".completer.toml").exists(), LONG_S)


async def test_all_is_private_and_nothing_is_called_as_the_client_says(tmp_path, repo):
    async with machine(tmp_path / "server") as there, there.laptop() as laptop:
        laptop.open_workspace(repo)
        await until_mirrored(there, FILE_TEXTS)
        for path in there.mirrors.folder.rglob("*"):
            assert path.stat().st_mode & 0o777 == (0o700 if path.is_dir() else 0o600)
            if MODULES not in path.parent.parts:
                assert re.fullmatch(r"[0-9a-f]{32,64}|texts|modules|files\.json", path.name)


async def test_secrets_never_leave_the_laptop(tmp_path, repo, monkeypatch):
    """All that is packed for the wire is recorded; TLS and compression come after that."""
    sent: list[bytes] = []
    monkeypatch.setattr(
        "completer.engine_process.connection.pack_asked",
        lambda message: sent.append(pack_asked(message)) or sent[-1],
    )
    every = canaries()
    source = "\n".join(each.source for each in every)
    learned = "\n".join(each.source for each in every if "PRIVATE KEY" not in each.source)
    write(repo, {"app.py": learned, ".env": source, "keys/id_rsa": source})
    write(repo, {".completer.toml": source})
    async with machine(tmp_path / "server") as there, there.laptop() as laptop:
        laptop.open_workspace(repo)
        for name in ("app.py", ".env", "keys/id_rsa"):
            path = repo / name
            laptop.document_changed(path, source)
            await laptop.complete(CompletionRequest(prefix=source, suffix=source, path=path))
            await laptop.next_edits(NextEditRequest(path=path, text=source, offset=0))
        laptop.accepted("id", source)
        await eventually(lambda: there.kept()["files"] == 2, LONG_S)
        text = b"".join(sent).decode()
        kept = "".join(
            path.read_text() for path in there.mirrors.folder.rglob("*") if path.is_file()
        )
    assert "class Store" in text
    for canary in every:
        assert not canary.leaked(text + kept), canary.kind


async def test_nobody_learns_what_another_has(tmp_path, repo):
    async with machine(tmp_path / "server") as there:
        async with there.laptop("ada") as laptop:
            laptop.open_workspace(repo)
            await until_mirrored(there, FILE_TEXTS)
        sent = []
        async with there.laptop("bob") as laptop:
            laptop.engine.sending(repo).wanted = sent.append
            laptop.open_workspace(repo)
            await eventually(lambda: sent, LONG_S)
            assert len(sent[0]) == 2  # all of it, as if nobody had it
            assert there.kept("bob")["files"] == 0
    folders = [there.mirrors.of(person).folder for person in ("ada", "bob")]
    assert folders[0] != folders[1]


HOSTILE = ["../../x", "/etc/passwd", "a\0b", "x" * 10_000, "a//b", "./a", "a/..", "", "\x1b[0m"]


async def test_hostile_names_never_become_paths(tmp_path, repo):
    digest = "0" * 64
    names = [*HOSTILE, "README.md", "readme.md"]
    files = [{"name": name, "digest": digest, "size": 1, "whole": True} for name in names]
    listing = {"kind": "list_files", "root": str(repo), "files": files}
    async with machine(tmp_path / "server") as there:
        token = there.token_for("eve").read_text().strip()
        uri = f"ws{there.address.removeprefix('http')}{PATH}/{PROTOCOL}"
        header = {"Authorization": f"Bearer {token}"}
        async with connect(uri, additional_headers=header) as socket:
            await socket.recv()
            await socket.send(pack_asked(OpenWorkspace(repo)))
            await socket.send(json.dumps(listing))
            refused = json.loads(await socket.recv())
            assert refused["message"].startswith(f"{len(HOSTILE)} files are left out")
            wanted = json.loads(await socket.recv())
            assert wanted["digests"] == [digest]
            bad_path = {"prefix": "x", "path": f"{repo}/../../../etc/passwd"}
            await socket.send(json.dumps({"kind": "complete", "id": 1, "request": bad_path}))
            assert json.loads(await socket.recv())["error"] == "BadRequestError"
    everything = [path for path in (tmp_path / "server").rglob("*") if path.is_file()]
    assert {path.name for path in everything} == {"tokens.json", "tokens.json.lock", "eve.token"}


async def test_what_goes_over_the_quota_is_left_out_and_told(tmp_path, repo, caplog):
    quota = Quota(max_bytes=30, max_files=10)
    async with machine(tmp_path / "server", quota=quota) as there, there.laptop() as laptop:
        laptop.open_workspace(repo)
        await until_mirrored(there, {"app.py": FILE_TEXTS["app.py"]})
        assert "1 files are left out: a person's mirrors may have 10 files" in caplog.text
        asked = CompletionRequest(prefix="x", path=repo / "app.py")
        assert (await laptop.complete(asked)).text == "fake completion"


async def test_what_is_forgotten_is_gone(tmp_path, repo):
    async with machine(tmp_path / "server") as there:
        async with there.laptop() as laptop:
            laptop.open_workspace(repo)
            await until_mirrored(there, FILE_TEXTS)
        token = there.token_for("ada").read_text().strip()
        asked = urllib.request.Request(
            there.address + PATH, method="DELETE", headers={"Authorization": f"Bearer {token}"}
        )
        reply = await asyncio.to_thread(lambda: urllib.request.urlopen(asked).read())
        assert json.loads(reply)["files"] == 0
        assert not there.mirrors.of("ada").folder.exists()
        assert there.service.closed_workspaces == there.service.opened


async def test_who_is_connected_while_all_is_forgotten_sends_it_again(tmp_path, repo):
    async with machine(tmp_path / "server") as there, there.laptop() as laptop:
        laptop.open_workspace(repo)
        await until_mirrored(there, FILE_TEXTS)
        await there.door._forget("ada")
        await eventually(lambda: laptop._connection is None, LONG_S)
        assert there.kept()["files"] == 0
        await laptop.complete(CompletionRequest(prefix="x", path=repo / "app.py"))
        await until_mirrored(there, FILE_TEXTS)


async def test_a_token_that_is_taken_away_ends_the_connection(tmp_path, repo):
    async with machine(tmp_path / "server") as there, there.laptop() as laptop:
        await laptop.complete(CompletionRequest(prefix="x"))
        TokenFile(there.folder / "tokens.json").remove("ada")
        with pytest.raises(CompleterError, match="lets no editor in"):
            await laptop.complete(CompletionRequest(prefix="y"))
        assert [each.prefix for each in there.service.requests] == ["x"]


async def test_texts_that_nobody_asked_for_change_nothing(tmp_path, repo):
    async with machine(tmp_path / "server") as there, there.laptop() as laptop:
        laptop.open_workspace(repo)
        await until_mirrored(there, FILE_TEXTS)
        await laptop.lose_connection()
        listed = [(each.root / FILES).stat() for each in mirrored(there)]
        await laptop.complete(CompletionRequest(prefix="x"))
        await eventually(  # the whole list has come again
            lambda: [(each.root / FILES).stat() for each in mirrored(there)] != listed, LONG_S
        )
        laptop._tell(SendTexts(repo, ("a text of its own",)))
        laptop._tell(ListFiles(repo, (), ("app.py",), complete=False))
        await until_mirrored(there, {"shop/store.py": FILE_TEXTS["shop/store.py"]})
        assert len(list(there.mirrors.of("ada").texts.iterdir())) <= 2


async def test_a_mirror_that_nobody_uses_goes_in_the_end(tmp_path, repo):
    async with machine(tmp_path / "server", quota=Quota(days=0.000001)) as there:
        async with there.laptop() as laptop:
            laptop.open_workspace(repo)
            await until_mirrored(there, FILE_TEXTS)
            (mirror,) = mirrored(there)
            there.mirrors.expire([mirror.root])
            assert there.kept()["files"] == 2
        there.mirrors.expire([])
        assert there.kept()["files"] == 0
        assert not list(there.mirrors.of("ada").texts.iterdir())


async def test_tls_is_believed_by_its_certificate_alone(tmp_path, repo):
    (tmp_path / "tls").mkdir()
    tls = certificate(tmp_path / "tls")
    async with machine(tmp_path / "server", tls=tls) as there:
        async with there.laptop(ca=tls[0]) as laptop:
            laptop.open_workspace(repo)
            await until_mirrored(there, FILE_TEXTS)
        async with there.laptop() as laptop:
            with pytest.raises(CompleterError, match="does not prove its name") as raised:
                await laptop.complete(CompletionRequest(prefix="x"))
            assert "--ca-file" in raised.value.hint


async def test_who_does_not_encrypt_keeps_nobody_waiting(tmp_path):
    (tmp_path / "tls").mkdir()
    tls = certificate(tmp_path / "tls")
    async with machine(tmp_path / "server", tls=tls, header_timeout_s=0.5) as there:
        port = int(there.address.rpartition(":")[2])
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        async with there.laptop(ca=tls[0]) as laptop:
            await laptop.complete(CompletionRequest(prefix="x"))
        assert await asyncio.wait_for(reader.read(), LONG_S) == b""
        writer.close()
        await writer.wait_closed()


async def test_a_proxy_may_have_paths_begin_with_something(tmp_path, repo):
    async with machine(tmp_path / "server", root_path="/completer") as there:
        there.address += "/completer/"
        async with there.laptop() as laptop:
            laptop.open_workspace(repo)
            await until_mirrored(there, FILE_TEXTS)


async def test_who_has_no_token_is_told_so(tmp_path, repo, monkeypatch):
    async with machine(tmp_path / "server") as there:
        file = there.token_for("ada")
        file.write_text("another")
        async with there.laptop("ada") as laptop:
            with pytest.raises(CompleterError, match="lets no editor in: A token is needed"):
                await laptop.complete(CompletionRequest(prefix="x"))


async def test_one_person_may_not_have_all_running_at_once(tmp_path):
    service = FakeService(delay_s=30.0)
    async with machine(tmp_path / "server", service) as there, there.laptop() as laptop:
        tasks = [
            asyncio.create_task(laptop.complete(CompletionRequest(prefix="x"))) for _ in range(33)
        ]
        done, _ = await asyncio.wait(tasks, timeout=LONG_S, return_when="FIRST_COMPLETED")
        (refused,) = done
        with pytest.raises(CompleterError, match="More than 32 requests"):
            refused.result()
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


async def test_two_windows_of_one_person_share_a_mirror(tmp_path, repo):
    async with machine(tmp_path / "server") as there, there.laptop() as first:
        first.open_workspace(repo)
        await until_mirrored(there, FILE_TEXTS)
        async with there.laptop() as second:
            second.open_workspace(repo)
            write(repo, {"app.py": "both = True\n"})
            await until_mirrored(there, {**FILE_TEXTS, "app.py": "both = True\n"})
        write(repo, {"app.py": "first = True\n"})
        await until_mirrored(there, {**FILE_TEXTS, "app.py": "first = True\n"})
        assert len(mirrored(there)) == 1
        assert len(there.service.opened) == 1


async def test_so_many_editors_of_one_person_are_let_in(tmp_path, monkeypatch):
    monkeypatch.setattr("completer.http.remote_door.MOST_EDITORS", 1)
    async with machine(tmp_path / "server") as there, there.laptop() as first:
        await first.complete(CompletionRequest(prefix="x"))
        async with there.laptop() as second:
            with pytest.raises(CompleterError, match="More than 1 editors"):
                await second.complete(CompletionRequest(prefix="x"))
        async with there.laptop("bob") as other:
            await other.complete(CompletionRequest(prefix="x"))


async def test_files_with_the_same_text_are_sent_once_and_go_one_by_one(tmp_path, repo):
    twins = {"one.py": "twin = 1\n", "two.py": "twin = 1\n"}
    async with machine(tmp_path / "server") as there, there.laptop() as laptop:
        laptop.open_workspace(local_place(write(tmp_path / "twins", twins)))
        await until_mirrored(there, twins)
        assert len(list(there.mirrors.of("ada").texts.iterdir())) == 1
        write(tmp_path / "twins", {"two.py": "twin = 2\n"})
        await until_mirrored(there, {**twins, "two.py": "twin = 2\n"})
