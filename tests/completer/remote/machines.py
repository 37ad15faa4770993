"""A server and the laptops of its people, each with folders of its own, on real sockets."""

from __future__ import annotations

import asyncio
import contextlib
import shutil
import socket
import subprocess
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from completer.engine_process.client import RemoteService
from completer.http.app import create_app
from completer.http.options import HttpOptions
from completer.http.remote_door import RemoteDoor
from completer.http.serving import Server, server_config
from completer.http.tokens import TokenFile
from completer.remote.client import RemoteEngine
from completer.remote.mirrors import Mirrors, Quota
from completer.settings import EngineSettings
from tests.completer.http.live import eventually
from tests.fakes import FakeRecorder, FakeService

LONG_S = 20.0


class Machine:
    """A running server: where it is, what it answers with, what it keeps."""

    def __init__(
        self, folder: Path, address: str, service: Any, mirrors: Mirrors, door: RemoteDoor
    ) -> None:
        self.folder, self.address = folder, address
        self.service, self.mirrors, self.door = service, mirrors, door

    def token_for(self, person: str) -> Path:
        """A file with a new token of a person's."""
        file = self.folder / f"{person}.token"
        if not file.exists():
            secret = TokenFile(self.folder / "tokens.json").add(person)
            file.touch(mode=0o600)
            file.write_text(secret + "\n")
        return file

    @contextlib.asynccontextmanager
    async def laptop(self, person: str = "ada", ca: Path | None = None) -> AsyncIterator[Laptop]:
        """A laptop of a person's, with nothing open."""
        engine = RemoteEngine(
            EngineSettings(server=self.address, token_file=self.token_for(person), ca_file=ca)
        )
        laptop = Laptop(engine)
        try:
            yield laptop
        finally:
            await laptop.close()

    def kept(self, person: str = "ada") -> dict[str, int | float]:
        """What is kept of a person."""
        return self.mirrors.of(person).kept()


class Laptop(RemoteService):
    """A language server's service, whose engine is elsewhere."""

    def __init__(self, engine: RemoteEngine) -> None:
        super().__init__(engine, cache_bytes=0)
        self.engine = engine

    async def close(self) -> None:
        """See `RemoteService`."""
        await super().close()
        await asyncio.to_thread(self.engine.close)

    async def lose_connection(self) -> None:
        """End as if the network had gone; the next request looks for the server again."""
        connection = self._connection
        assert connection is not None
        connection._socket.transport.abort()
        await eventually(lambda: self._connection is None, LONG_S)


@contextlib.asynccontextmanager
async def machine(
    folder: Path,
    service: Any = None,
    *,
    mirrors: Mirrors | None = None,
    quota: Quota | None = None,
    tls: tuple[Path, Path] | None = None,
    port: int = 0,
    **options: Any,
) -> AsyncIterator[Machine]:
    """A server that keeps mirrors in `folder`."""
    folder.mkdir(exist_ok=True)
    service = service or FakeService()
    mirrors = mirrors or Mirrors(folder / "mirrors", quota)
    http = HttpOptions(token_file=folder / "tokens.json", needs_token=True, **options)
    more = {} if tls is None else {"ssl_certfile": tls[0], "ssl_keyfile": tls[1]}
    with socket.create_server(("127.0.0.1", port)) as listener:
        port = listener.getsockname()[1]
        door = RemoteDoor(service, mirrors)
        app = create_app(service, FakeRecorder(), options=http, remote=door)
        server = Server(server_config(app, host="127.0.0.1", port=port, options=http, **more), http)
        task = asyncio.create_task(server.serve(sockets=[listener]))
        await eventually(lambda: server.started, LONG_S)
        scheme = "http" if tls is None else "https"
        try:
            yield Machine(folder, f"{scheme}://127.0.0.1:{port}", service, mirrors, door)
        finally:
            server.should_exit = True
            await task


def certificate(folder: Path) -> tuple[Path, Path]:
    """A self-signed certificate of this machine, and its key; skips where none can be made."""
    if (openssl := shutil.which("openssl")) is None:
        pytest.skip("openssl is not installed: no certificate can be made")
    cert, key = folder / "cert.pem", folder / "key.pem"
    subject = ["-subj", "/CN=localhost", "-addext", "subjectAltName=IP:127.0.0.1,DNS:localhost"]
    made = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2"]
    command = [openssl, "req", "-x509", *made, "-keyout", str(key), "-out", str(cert), *subject]
    subprocess.run(command, check=True, capture_output=True)
    return cert, key


def write(root: Path, files: dict[str, str]) -> Path:
    """A workspace with these files."""
    for name, text in files.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(text)
    return root
