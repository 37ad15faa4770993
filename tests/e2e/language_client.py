"""A bare language client: messages in, answers out, and no time lost in a library."""

from __future__ import annotations

import contextlib
import json
import queue
import subprocess
import threading
from collections.abc import Iterator
from typing import Any

from tests.e2e.conftest import COMPLETER


class Client:
    """Speaks to one `completer lsp`."""

    def __init__(self, process: subprocess.Popen[bytes]) -> None:
        self.process = process
        self._ids = 0
        self._answers: dict[int, queue.SimpleQueue[Any]] = {}
        threading.Thread(target=self._read, daemon=True).start()

    def notify(self, method: str, params: Any) -> None:
        """Send a notification."""
        self._send({"method": method, "params": params})

    def request(self, method: str, params: Any) -> queue.SimpleQueue[Any]:
        """Send a request; its answer comes into the queue that is returned."""
        self._ids += 1
        answer = self._answers[self._ids] = queue.SimpleQueue()
        self._send({"id": self._ids, "method": method, "params": params})
        return answer

    def _send(self, message: dict[str, Any]) -> None:
        data = json.dumps({"jsonrpc": "2.0", **message}, ensure_ascii=False).encode()
        assert self.process.stdin is not None
        self.process.stdin.write(b"Content-Length: %d\r\n\r\n%b" % (len(data), data))
        self.process.stdin.flush()

    def _read(self) -> None:
        stdout = self.process.stdout
        assert stdout is not None
        while header := stdout.readline():
            size = int(header.partition(b":")[2])
            while stdout.readline().strip():
                pass
            message = json.loads(stdout.read(size))
            if "method" not in message:
                self._answers.pop(message["id"]).put(message)


@contextlib.contextmanager
def language_client(
    environment: dict[str, str], folder_uri: str, *command: object
) -> Iterator[Client]:
    """A client that has one folder open, until the block ends; `command` starts its server."""
    with subprocess.Popen(
        [*map(str, command)] or [str(COMPLETER), "lsp"],
        env=environment,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    ) as process:
        client = Client(process)
        folders = [{"uri": folder_uri, "name": "project"}]
        params: dict[str, Any] = {"processId": None, "rootUri": None, "capabilities": {}}
        client.request("initialize", {**params, "workspaceFolders": folders}).get(timeout=60)
        client.notify("initialized", {})
        yield client
        client.request("shutdown", None).get(timeout=60)
        client.notify("exit", None)
        process.wait(60)
