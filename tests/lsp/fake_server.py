"""A real server process around a scripted service: `python -m tests.lsp.fake_server`.

A prefix that ends in `slow` takes ten seconds, one that ends in `fail` fails. Of a line that begins
as `BLOCK` does, the rest of that comes, and where several are wanted, others beside it; of a line
`above`, the document's first. The request
`test/state` tells what service and recorder have seen; the file that FAKE_SERVER_LOG names gets
every event.
"""

from __future__ import annotations

import asyncio
import json
import os
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any, cast

from completer.config_file import config_file
from completer.errors import OverloadedError
from completer.request import Completion, CompletionRequest
from lsp.options import LspOptions
from lsp.server import create_server
from telemetry.events import Accepted, Event, Hidden, Shown
from telemetry.recorder import Receipt
from tests.fakes import FakeRecorder, FakeService

BLOCK = "total = sum(items) / 2\nprint(total)"


def reply(request: CompletionRequest) -> str:
    """What comes after the caret's line."""
    line = request.prefix.rpartition("\n")[2]
    if line == "above":
        return f" is {request.prefix.splitlines()[0]}"
    return BLOCK.removeprefix(line) if line and BLOCK.startswith(line) else "ed()\n"


class ScriptedService(FakeService):
    """Completes with what the prefix asks for."""

    async def complete(self, request: CompletionRequest) -> Completion:
        self.delay_s = 10.0 if request.prefix.endswith("slow") else 0.0
        fails = request.prefix.endswith("fail")
        self.error = OverloadedError("The queue is full.", retry_after_s=1.0) if fails else None
        completion = await super().complete(request)
        choices = [
            replace(choice, text=choice.text + f"  # {number}" * (number > 0))
            for number, choice in enumerate(completion.choices)
        ]
        return replace(completion, choices=tuple(choices))


class LoggingRecorder(FakeRecorder):
    """Writes every event into a file, if one is named."""

    def record(self, event: Event) -> Receipt:
        if log := os.environ.get("FAKE_SERVER_LOG"):
            with Path(log).open("a") as lines:
                named = {"event": type(event).__name__, **asdict(cast("Any", event))}
                lines.write(json.dumps(named, default=str) + "\n")
        return super().record(event)


def main() -> None:
    service, recorder = ScriptedService(reply=reply), LoggingRecorder()
    server = create_server(service, recorder, options=LspOptions(user="ada", config=config_file()))

    @server.feature("test/state")
    async def state(params: dict[str, Any]) -> dict[str, Any]:
        await asyncio.sleep(0.25)  # what is passed on with a delay has arrived then
        return {
            "requests": [
                {"prefix": r.prefix, "suffix": r.suffix, "path": str(r.path), "trigger": r.trigger}
                | {"workspace": str(r.workspace), "n": r.n, "language": r.language}
                | {"indent": r.indent, "disabled_in": r.disabled_in}
                for r in service.requests
            ],
            "running": service.running,
            "cancelled": service.cancelled,
            "accepts": service.accepts,
            "documents": {str(path): text for path, text in service.documents.items()},
            "events": [type(event).__name__ for event in recorder.events],
            "outcomes": [
                {"event": type(event).__name__, **asdict(cast("Any", event))}
                for event in recorder.events
                if isinstance(event, (Accepted, Hidden, Shown))
            ],
        }

    server.start_io()


if __name__ == "__main__":
    main()
