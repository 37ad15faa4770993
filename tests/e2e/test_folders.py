"""Folders that an editor closes while `completer lsp` runs: nothing of them is used or held."""

import asyncio
import inspect
import itertools
import json
import os
import time
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from dulwich.repo import Repo

from completer.drafting.compiled import VARIABLE, keep_versions_apart
from tests.e2e.conftest import COMPLETER, run

pytestmark = pytest.mark.slow
NAME = "price_with_zebra_quotient"
TEXT = "from prices import *\n\nprint(price_with_ze"
ROUNDS = 3
REST = "bra_quotient"


class Client:
    """An editor that speaks to a real server process."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self.process = process
        self._ids = itertools.count(1)
        self._version = 0

    def notify(self, method, params):
        body = json.dumps({"jsonrpc": "2.0", "method": method, "params": params}).encode()
        self._write(body)

    async def request(self, method, params):
        number = next(self._ids)
        message = {"jsonrpc": "2.0", "id": number, "method": method, "params": params}
        self._write(json.dumps(message).encode())
        while True:
            answer = await asyncio.wait_for(self._read(), 120)
            if answer.get("id") == number and "method" not in answer:
                assert "error" not in answer, answer
                return answer["result"]

    def change_folders(self, added=(), removed=()):
        event = {"added": _folders(added), "removed": _folders(removed)}
        self.notify("workspace/didChangeWorkspaceFolders", {"event": event})

    def open(self, path):
        item = {"uri": path.as_uri(), "languageId": "python", "version": 0, "text": TEXT}
        self.notify("textDocument/didOpen", {"textDocument": item})

    async def knows(self, path):
        """Whether the function's name is completed in a document, with a text not asked before."""
        self._version += 1
        version = self._version
        *above, last = f"# {version}\n{TEXT}".split("\n")
        document = {"uri": path.as_uri(), "version": version}
        whole = {"textDocument": document, "contentChanges": [{"text": "\n".join([*above, last])}]}
        self.notify("textDocument/didChange", whole)
        at = {"line": len(above), "character": len(last)}
        asked = {"textDocument": document, "position": at, "context": {"triggerKind": 1}}
        result = await self.request("textDocument/inlineCompletion", asked)
        return any(item["insertText"].startswith(last + REST) for item in result["items"])

    def holds(self, cache: Path):
        """Descriptors that watch files, mappings of saved indexes, threads."""
        folder = Path(f"/proc/{self.process.pid}")
        links = [link.readlink() for link in (folder / "fd").iterdir() if link.is_symlink()]
        maps = [line for line in (folder / "maps").read_text().split("\n") if str(cache) in line]
        watching = sum("inotify" in str(link) for link in links)
        return watching, len(maps), len(list((folder / "task").iterdir()))

    def _write(self, body):
        self.process.stdin.write(b"Content-Length: %d\r\n\r\n%s" % (len(body), body))

    async def _read(self):
        length = 0
        while line := (await self.process.stdout.readline()).strip():
            name, _, value = line.partition(b":")
            length = int(value) if name.lower() == b"content-length" else length
        return json.loads(await self.process.stdout.readexactly(length))


def _folders(paths):
    return [{"uri": path.as_uri(), "name": path.name} for path in paths]


@asynccontextmanager
async def editing(home, *folders):
    pipe = asyncio.subprocess.PIPE
    process = await asyncio.create_subprocess_exec(
        str(COMPLETER), "lsp", "--in-process", env=home, stdin=pipe, stdout=pipe, limit=1 << 24
    )
    client = Client(process)
    capabilities = {"general": {"positionEncodings": ["utf-32"]}}
    params = {"processId": None, "rootUri": None, "capabilities": capabilities}
    await client.request("initialize", {**params, "workspaceFolders": _folders(folders)})
    client.notify("initialized", {})
    yield client
    await client.request("shutdown", None)
    client.notify("exit", None)
    assert await asyncio.wait_for(process.wait(), 20) == 0


async def until(condition, within_s=180):
    deadline = time.monotonic() + within_s
    while not (await found if inspect.isawaitable(found := condition()) else found):
        assert time.monotonic() < deadline, "it did not come to that in time"
        await asyncio.sleep(0.1)


@pytest.fixture
def shop(tmp_path):
    """A repository with a function whose name no model can guess."""
    root = tmp_path / "top" / "shop"
    root.mkdir(parents=True)
    Repo.init(str(root)).close()  # its HEAD is watched, too
    (root / "prices.py").write_text(
        f"def {NAME}(amount, rate=0.19):\n    return round(amount * (1 + rate), 2)\n\n\n"
        f"print({NAME}(1))\nprint({NAME}(2))\n"
    )
    return root


@pytest.fixture
def warm(home):
    """The user's environment with the kernels that this machine has compiled already."""
    keep_versions_apart()
    return home | {VARIABLE: os.environ[VARIABLE]}


async def test_a_removed_folder_is_neither_used_nor_held(warm, shop):
    cache, app = Path(warm["XDG_CACHE_HOME"]), shop / "app.py"
    assert run("index", shop, env=warm).returncode == 0
    async with editing(warm, shop) as client:
        client.open(app)
        await until(lambda: client.knows(app))
        await until(lambda: client.holds(cache)[1] > 0)
        client.change_folders(removed=[shop])
        assert not await client.knows(app)
        await until(lambda: client.holds(cache)[:2] == (0, 0))
        without = client.holds(cache)

        for _ in range(ROUNDS):
            client.change_folders(added=[shop])
            await until(lambda: client.knows(app))
            await until(lambda: client.holds(cache)[1] > 0)
            assert all(now > then for now, then in zip(client.holds(cache), without, strict=True))
            client.change_folders(removed=[shop])
            assert not await client.knows(app)
            await until(lambda: client.holds(cache)[:2] == (0, 0))
        # One thread may have begun that is of no folder; of each round's none is left.
        await until(lambda: client.holds(cache)[2] <= without[2] + 1)


async def test_of_two_folders_within_each_other_the_right_one_is_used(warm, shop):
    app, beside = shop / "app.py", shop.parent / "app.py"
    async with editing(warm, shop.parent, shop) as client:
        for path in (app, beside):
            client.open(path)
            await until(lambda path=path: client.knows(path))
        client.change_folders(removed=[shop])
        await until(lambda: client.knows(app))
        client.change_folders(added=[shop], removed=[shop.parent])
        assert not await client.knows(beside)
        await until(lambda: client.knows(app))
        client.change_folders(removed=[shop])
        assert not await client.knows(app)
