"""The client's status line."""

from __future__ import annotations

from completer.errors import OverloadedError, WorkspaceError
from lsp.status import METHOD, NOT_INDEXED, Status


def test_a_client_is_told_without_asking(editor):
    told = [message for message in editor.sent if message.get("method") == METHOD]
    assert [message["params"] for message in told] == [
        {"busy": False, "kind": "Normal", "message": ""}
    ]


def test_only_changes_are_told():
    told: list[dict[str, object]] = []
    status = Status(lambda method, params: told.append(params))
    status.busy(True)
    status.busy(True)
    status.failed(OverloadedError("Full.", retry_after_s=1, hint="Wait."))
    status.failed(WorkspaceError("Gone."))
    status.answered()
    status.answered()
    status.answered(indexed=False)
    status.busy(False)
    assert [(each["busy"], each["kind"], each["message"]) for each in told] == [
        (True, "Normal", ""),
        (True, "Warning", "Full. Wait."),
        (True, "Error", "Gone."),
        (True, "Normal", ""),
        (True, "Normal", NOT_INDEXED),
        (False, "Normal", NOT_INDEXED),
    ]
