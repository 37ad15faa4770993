"""An editor in this process: plain JSON messages to a server's protocol, and what comes back."""

from __future__ import annotations

import asyncio
import itertools
import json
from typing import Any

from lsp.options import LspOptions
from lsp.server import create_server
from tests.fakes import FakeRecorder, FakeService

URI = "file:///repo/src/app.py"


class Editor:
    """Speaks to a server around a scripted service; `sent` is every message that it has sent."""

    def __init__(self, service: FakeService | None = None, **options: Any) -> None:
        self.service = service or FakeService()
        self.recorder = FakeRecorder()
        self.server = create_server(self.service, self.recorder, options=LspOptions(**options))
        self.server.protocol.set_writer(self, include_headers=False)
        self.sent: list[dict[str, Any]] = []
        self._ids = itertools.count(1)
        self._waiting: dict[Any, asyncio.Future[dict[str, Any]]] = {}

    def write(self, data: bytes) -> None:
        """Take a message from the server."""
        message = json.loads(data)
        self.sent.append(message)
        if "method" not in message and message["id"] in self._waiting:
            self._waiting.pop(message["id"]).set_result(message)

    def close(self) -> None:
        """The server closes its output when it exits."""

    def send(self, message: object) -> None:
        """Send anything."""
        self.server.protocol.receive(message)

    def notify(self, method: str, params: Any = None) -> None:
        """Send a notification."""
        self.send({"jsonrpc": "2.0", "method": method, "params": params})

    def start(self, method: str, params: Any = None) -> tuple[int, asyncio.Future[dict[str, Any]]]:
        """Send a request; returns its id and its coming answer."""
        msg_id = next(self._ids)
        answer = self._waiting[msg_id] = asyncio.get_running_loop().create_future()
        self.send({"jsonrpc": "2.0", "id": msg_id, "method": method, "params": params})
        return msg_id, answer

    async def request(self, method: str, params: Any = None) -> Any:
        """The result of a request."""
        answer = await asyncio.wait_for(self.start(method, params)[1], 5)
        assert "error" not in answer, answer
        return answer["result"]

    async def initialize(self, encoding: str = "utf-16", **more: Any) -> Any:
        """Open the session, with two nested workspace folders."""
        result = await self.request(
            "initialize",
            {
                "processId": None,
                "rootUri": None,
                "clientInfo": {"name": "test", "version": "1"},
                "capabilities": {"general": {"positionEncodings": [encoding]}},
                "workspaceFolders": [
                    {"uri": "file:///repo", "name": "repo"},
                    {"uri": "file:///repo/src", "name": "src"},
                ],
                **more,
            },
        )
        self.notify("initialized", {})
        return result

    def open(self, text: str, uri: str = URI, version: int = 1) -> None:
        """`textDocument/didOpen`."""
        item = {"uri": uri, "languageId": "python", "version": version, "text": text}
        self.notify("textDocument/didOpen", {"textDocument": item})

    def change(self, version: int, *edits: tuple[Any, Any, str], uri: str = URI) -> None:
        """`textDocument/didChange` with edits of (start, end, text); `None` for whole texts."""
        events = [{"text": text, **_range(start, end)} for start, end, text in edits]
        document = {"uri": uri, "version": version}
        params = {"textDocument": document, "contentChanges": events}
        self.notify("textDocument/didChange", params)

    def ask(
        self, line: int, character: int, *, invoked: bool = False, uri: str = URI, **more: Any
    ) -> tuple[int, asyncio.Future[dict[str, Any]]]:
        """Start an inline completion request; `version` and `selected` may be given."""
        context: dict[str, Any] = {"triggerKind": 1 if invoked else 2}
        if "selected" in more:
            start, end, text = more["selected"]
            context["selectedCompletionInfo"] = {"text": text, **_range(start, end)}
        document = {"uri": uri, **({"version": more["version"]} if "version" in more else {})}
        position = {"line": line, "character": character}
        params = {"textDocument": document, "position": position, "context": context}
        return self.start("textDocument/inlineCompletion", params)

    async def complete(self, line: int, character: int, **more: Any) -> list[dict[str, Any]]:
        """The items for a place."""
        answer = await asyncio.wait_for(self.ask(line, character, **more)[1], 5)
        items: list[dict[str, Any]] = answer["result"]["items"]
        return items


def _range(start: tuple[int, int] | None, end: tuple[int, int] | None) -> dict[str, Any]:
    if start is None or end is None:
        return {}
    ends = {
        "start": {"line": start[0], "character": start[1]},
        "end": {"line": end[0], "character": end[1]},
    }
    return {"range": ends}
