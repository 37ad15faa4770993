"""A real git server on loopback: `git http-backend` behind TLS, and what a test wants of it."""

from __future__ import annotations

import contextlib
import os
import ssl
import subprocess
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

USER = ("-c", "user.name=ada", "-c", "user.email=ada@example.org", "-c", "protocol.allow=always")


def git(folder: Path, *arguments: str) -> str:
    """Run git as a developer would, whoever the tests run as."""
    environment = {"PATH": os.environ["PATH"], "HOME": str(folder)}
    command = ["git", *USER, *arguments]
    done = subprocess.run(
        command, cwd=folder, env=environment, check=True, capture_output=True, text=True
    )
    return done.stdout.strip()


class Developer:
    """Somebody's clone, from which a repository on the server comes."""

    def __init__(self, server: Path, clone: Path, name: str = "shop") -> None:
        self.folder = clone
        self._bare = server / f"{name}.git"
        self._bare.mkdir(parents=True)
        clone.mkdir()
        git(self._bare, "init", "-q", "--bare", "-b", "main")
        git(clone, "init", "-q", "-b", "main")

    def push(self, files: dict[str, str], branch: str = "main") -> None:
        """Commit these files, and whatever else has changed."""
        for name, text in files.items():
            (self.folder / name).parent.mkdir(parents=True, exist_ok=True)
            (self.folder / name).write_text(text)
        git(self.folder, "add", "-A")
        git(self.folder, "commit", "-q", "--allow-empty", "-m", "a change")
        git(self.folder, "push", "-q", "-f", str(self._bare), f"HEAD:{branch}")


class GitServer:
    """Where it is, and what it was asked; `instead` may answer a request otherwise."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.address = ""
        self.asked: list[tuple[str, str]] = []
        """The path and the `Authorization` of each request."""
        self.instead: Callable[[BaseHTTPRequestHandler], bool] = lambda request: False


def _handler(server: GitServer) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            server.asked.append((self.path, self.headers.get("Authorization", "")))
            if not server.instead(self):
                self._run()

        def do_POST(self) -> None:
            self.do_GET()

        def log_message(self, format: str, *args: object) -> None:
            """Say nothing."""

        def _run(self) -> None:
            path, _, query = self.path.partition("?")
            length = self.headers.get("Content-Length", "0")
            environment = {
                "PATH": os.environ["PATH"],
                "GIT_PROJECT_ROOT": str(server.folder),
                "GIT_HTTP_EXPORT_ALL": "1",
                "PATH_INFO": path,
                "QUERY_STRING": query,
                "REQUEST_METHOD": self.command,
                "CONTENT_TYPE": self.headers.get("Content-Type", ""),
                "CONTENT_LENGTH": length,
                "HTTP_CONTENT_ENCODING": self.headers.get("Content-Encoding", ""),
                "GIT_PROTOCOL": self.headers.get("Git-Protocol", ""),
            }
            done = subprocess.run(
                ["git", "http-backend"],
                input=self.rfile.read(int(length)),
                env=environment,
                capture_output=True,
                check=False,
            )
            head, _, body = done.stdout.partition(b"\r\n\r\n")
            fields = dict(line.split(": ", 1) for line in head.decode().split("\r\n") if line)
            self.send_response(int(fields.pop("Status", "200").split()[0]))
            for name, value in fields.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

    return Handler


class _Listener(ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, request: object, client_address: object) -> None:
        """A client that goes is no error."""


@contextlib.contextmanager
def git_server(folder: Path, tls: tuple[Path, Path]) -> Iterator[GitServer]:
    """Serve the repositories in a folder, under the certificate and key `tls`."""
    server = GitServer(folder)
    with _Listener(("127.0.0.1", 0), _handler(server)) as listener:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(*tls)
        listener.socket = context.wrap_socket(listener.socket, server_side=True)
        server.address = f"https://127.0.0.1:{listener.server_port}"
        thread = threading.Thread(target=listener.serve_forever, kwargs={"poll_interval": 0.05})
        thread.start()
        try:
            yield server
        finally:
            listener.shutdown()
            thread.join()
