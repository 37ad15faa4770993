"""A stand-in for the hub: the requests that huggingface_hub makes, answered from memory."""

import hashlib
import json
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from urllib.parse import urlsplit

SHA = "0123456789abcdef0123456789abcdef01234567"


@dataclass
class Repository:
    """Files, and what is wrong: `gated`, `corrupt`, cut once or for as long as it `breaks`."""

    files: dict[str, bytes]
    gated: bool = False
    breaks: bool = False
    corrupt: set[str] = field(default_factory=set)
    cut_at: dict[str, int] = field(default_factory=dict)


@dataclass
class Hub:
    """The repositories, and what was asked for: path and `Range`."""

    repositories: dict[str, Repository] = field(default_factory=dict)
    asked: list[tuple[str, str, str]] = field(default_factory=list)
    address: str = ""


def is_large(name: str) -> bool:
    return name.endswith((".safetensors", ".gguf", ".bin"))


def stated(name: str, data: bytes) -> str:
    if is_large(name):
        return hashlib.sha256(data).hexdigest()
    return hashlib.sha1(b"blob %d\0" % len(data) + data).hexdigest()


def listing(repository: Repository) -> list[dict[str, object]]:
    found: list[dict[str, object]] = []
    for name, data in repository.files.items():
        entry: dict[str, object] = {"rfilename": name, "size": len(data), "blobId": "0" * 40}
        if is_large(name):
            entry["lfs"] = {"sha256": stated(name, data), "size": len(data), "pointerSize": 130}
        else:
            entry["blobId"] = stated(name, data)
        found.append(entry)
    return found


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    hub: Hub

    def do_HEAD(self) -> None:
        self._answer(with_body=False)

    def do_GET(self) -> None:
        self._answer(with_body=True)

    def _answer(self, *, with_body: bool) -> None:
        path = urlsplit(self.path).path
        self.hub.asked.append((self.command, path, self.headers.get("Range", "")))
        info = re.fullmatch(r"/api/models/([^/]+/[^/]+)(/revision/.+)?", path)
        file = re.fullmatch(r"/([^/]+/[^/]+)/resolve/[^/]+/(.+)", path)
        match = info or file
        if match is None:
            self._send(200, b"", {})
            return
        repository = self.hub.repositories.get(match[1])
        if repository is None:
            self._send(404, b"{}", {"X-Error-Code": "RepoNotFound"})
        elif info:
            said = {"id": info[1], "sha": SHA, "siblings": listing(repository)}
            self._send(200, json.dumps(said).encode(), {"Content-Type": "application/json"})
        elif repository.gated:
            self._send(403, b"{}", {"X-Error-Code": "GatedRepo"})
        else:
            assert file is not None
            self._file(repository, file[2], with_body=with_body)

    def _file(self, repository: Repository, name: str, *, with_body: bool) -> None:
        data = repository.files[name]
        headers = {
            "X-Repo-Commit": SHA,
            "ETag": f'"{stated(name, data)}"',
            "X-Linked-Size": str(len(data)),
            "Accept-Ranges": "bytes",
        }
        if name in repository.corrupt:
            data = data[:-1] + bytes([data[-1] ^ 1])
        status, first = 200, 0
        if (asked := re.fullmatch(r"bytes=(\d+)-", self.headers.get("Range", ""))) is not None:
            status, first = 206, int(asked[1])
            headers["Content-Range"] = f"bytes {first}-{len(data) - 1}/{len(data)}"
        cut = repository.cut_at.get(name) if with_body else None
        if cut is not None:
            repository.cut_at[name] = 0
            if not repository.breaks:
                del repository.cut_at[name]
        self._send(status, data[first:], headers, with_body=with_body, cut=cut)

    def _send(
        self,
        status: int,
        body: bytes,
        headers: dict[str, str],
        *,
        with_body: bool = True,
        cut: int | None = None,
    ) -> None:
        self.send_response(status)
        for name, value in ({"Content-Length": str(len(body))} | headers).items():
            self.send_header(name, value)
        self.end_headers()
        if with_body and self.command != "HEAD":
            self.wfile.write(body[:cut])
        if cut is not None:
            self.close_connection = True

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@contextmanager
def running_hub() -> Iterator[Hub]:
    hub = Hub()
    server = ThreadingHTTPServer(("127.0.0.1", 0), type("Bound", (Handler,), {"hub": hub}))
    hub.address = f"http://127.0.0.1:{server.server_port}"
    thread = Thread(target=server.serve_forever, args=(0.02,))
    thread.start()
    try:
        yield hub
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
