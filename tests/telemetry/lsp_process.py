"""A real language server that records: `python -m tests.telemetry.lsp_process FOLDER`.

The request `test/wait` turns the recorder's clock, so that a test need not last 15 minutes;
`test/plan` says what is completed where: `text` behind `anchor`, and its rest while it is typed.
"""

import sys
from pathlib import Path
from typing import Any

from completer.request import CompletionRequest
from lsp.options import LspOptions
from lsp.server import create_server
from telemetry.journal import open_recorder
from tests.fakes import FakeService

ANSWER = "total + tax"


def main() -> None:
    now_ms = 1_700_000_000_000
    recorder = open_recorder(Path(sys.argv[1]), now_ms=lambda: now_ms)
    plan = {"anchor": "", "text": ANSWER}

    def reply(request: CompletionRequest) -> str:
        for typed in range(len(plan["text"])):
            if request.prefix.endswith(plan["anchor"] + plan["text"][:typed]):
                return plan["text"][typed:]
        return ""

    service = FakeService(reply=reply)
    server = create_server(service, recorder, options=LspOptions(user="ada"))

    @server.feature("test/wait")
    def wait(params: Any) -> str:
        nonlocal now_ms
        now_ms += params["ms"]
        assert recorder.flush()
        return str(recorder.path)

    @server.feature("test/plan")
    def change_plan(params: Any) -> None:
        plan.update(params)

    server.start_io()
    recorder.close()


if __name__ == "__main__":
    main()
