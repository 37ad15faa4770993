"""From a caret to an item, and everything that ends a request early."""

from __future__ import annotations

import asyncio
import threading
from pathlib import Path

import pytest

from completer.errors import OverloadedError
from completer.request import Arm
from lsp.inline_completion import LONGEST_REPEATED
from telemetry.events import Opportunity, Returned
from tests.fakes import FakeService
from tests.lsp.editor import URI, Editor


async def test_an_item_repeats_the_line_up_to_the_caret(editor):
    editor.open("import os\ndef main():\n    ret\n")
    editor.service.reply = lambda request: "urn 0"
    (item,) = await editor.complete(2, 7)
    assert item["insertText"] == "    return 0"
    assert item["range"] == span(2, 0, 7)
    assert item["command"]["command"] == "completer.accept"
    (request,) = editor.service.requests
    assert request.prefix == "import os\ndef main():\n    ret"
    assert request.suffix == "\n"
    assert request.path == Path("/repo/src/app.py")
    assert request.workspace is None  # the service knows best which of the open ones it is
    assert request.polish
    assert request.language == "python"
    assert request.trigger == "automatic"


@pytest.mark.parametrize(("encoding", "character"), [("utf-8", 11), ("utf-16", 9), ("utf-32", 8)])
async def test_a_caret_after_an_astral_character_in_a_crlf_file(encoding, character):
    editor = Editor()
    await editor.initialize(encoding)
    editor.open('one\r\nx = "😋" \r\nthree\r\n')
    (item,) = await editor.complete(1, character)
    assert item["range"] == span(1, 0, character)
    assert item["insertText"] == 'x = "😋" fake completion'
    assert editor.service.requests[0].prefix == 'one\r\nx = "😋" '
    assert editor.service.requests[0].suffix == "\r\nthree\r\n"


async def test_a_caret_past_the_end_of_its_line_stands_at_its_end(editor):
    editor.open("ab\ncd")
    (item,) = await editor.complete(0, 99)
    assert item["range"] == span(0, 0, 2)


async def test_a_very_long_line_is_not_repeated(editor):
    line = "x" * LONGEST_REPEATED
    editor.open(line + "yz\n")
    (item,) = await editor.complete(0, LONGEST_REPEATED)
    assert item["range"] == span(0, 0, LONGEST_REPEATED)
    assert item["insertText"] == line + "fake completion"
    (item,) = await editor.complete(0, LONGEST_REPEATED + 1)
    assert item["range"] == span(0, LONGEST_REPEATED + 1, LONGEST_REPEATED + 1)
    assert item["insertText"] == "fake completion"
    assert editor.service.requests[-1].prefix == line + "y"
    (returned,) = editor.recorder.of(Returned)[1:]
    (suggestion,) = returned.suggestions
    assert (suggestion.offset, suggestion.replaced) == (LONGEST_REPEATED + 1, "")


async def test_half_a_character_never_reaches_the_model(editor):
    editor.open("a\ud83d")
    await editor.complete(0, 2)
    assert editor.service.requests[0].prefix == "a\N{REPLACEMENT CHARACTER}"


async def test_the_selected_item_of_the_suggest_widget_counts_as_typed(editor):
    editor.open("os.pa\nnext")
    editor.service.reply = lambda request: ".join()"
    (item,) = await editor.complete(0, 5, selected=((0, 3), (0, 5), "path"))
    assert item["insertText"] == "path.join()"
    assert item["range"] == span(0, 3, 5)
    assert editor.service.requests[0].prefix == "os.path"
    assert editor.service.requests[0].suffix == "\nnext"
    (returned,) = editor.recorder.of(Returned)
    (suggestion,) = returned.suggestions
    assert (suggestion.offset, suggestion.replaced, suggestion.text) == (3, "pa", "path.join()")


async def test_a_person_who_asks_gets_several_different_choices():
    texts = iter("ab")
    editor = Editor(FakeService(reply=lambda request: next(texts)), choices=3)
    await editor.initialize()
    editor.open("x")
    assert len(await editor.complete(0, 1, invoked=True)) == 1  # all three were the same
    await editor.complete(0, 1)
    assert [request.n for request in editor.service.requests] == [3, 1]
    assert editor.service.requests[0].trigger == "manual"


async def test_a_newer_request_cancels_the_older_one(editor):
    editor.service.delay_s = 5
    editor.open("x")
    older_id, older = editor.ask(0, 1)
    await asyncio.sleep(0.01)
    editor.service.delay_s = 0
    assert await editor.complete(0, 1)
    assert (await older)["error"]["code"] == -32800
    assert editor.service.cancelled == 1
    assert editor.service.running == 0
    assert len([m for m in editor.sent if m.get("id") == older_id and "method" not in m]) == 1


async def test_another_document_does_not(editor):
    editor.service.delay_s = 0.05
    editor.open("x")
    editor.open("y", uri="file:///repo/other.py")
    answers = [editor.ask(0, 1)[1], editor.ask(0, 1, uri="file:///repo/other.py")[1]]
    assert [len((await answer)["result"]["items"]) for answer in answers] == [1, 1]


@pytest.mark.parametrize("end", ["change", "close", "focus", "cancel"])
async def test_what_makes_a_result_stale_stops_the_decoding(editor, end):
    editor.service.delay_s = 5
    editor.open("x")
    msg_id, answer = editor.ask(0, 1)
    await asyncio.sleep(0.01)
    match end:
        case "change":
            editor.change(2, ((0, 1), (0, 1), "y"))
        case "close":
            editor.notify("textDocument/didClose", {"textDocument": {"uri": URI}})
        case "focus":
            editor.notify("textDocument/didFocus", {})
        case "cancel":
            editor.notify("$/cancelRequest", {"id": msg_id})
    assert (await asyncio.wait_for(answer, 0.3))["error"]["code"] == -32800
    assert editor.service.cancelled == 1
    assert [event.outcome for event in editor.recorder.of(Opportunity)] == ["cancelled"]


async def test_a_cancel_before_the_start_and_one_after_the_end_change_nothing_else(editor):
    editor.open("x")
    msg_id, answer = editor.ask(0, 1)
    editor.notify("$/cancelRequest", {"id": msg_id})
    assert (await answer)["error"]["code"] == -32800
    msg_id, answer = editor.ask(0, 1)
    await answer
    editor.notify("$/cancelRequest", {"id": msg_id})
    assert await editor.complete(0, 1)
    assert editor.service.running == 0


async def test_a_request_about_another_version_gets_nothing(editor):
    editor.open("x", version=7)
    assert await editor.complete(0, 1, version=6) == []
    assert await editor.complete(0, 1, version=8) == []
    assert len(await editor.complete(0, 1, version=7)) == 1


async def test_an_unknown_document_gets_nothing(editor):
    assert await editor.complete(0, 0) == []


async def test_an_untitled_document_is_completed_without_a_path(editor):
    editor.open("x", uri="untitled:Untitled-1")
    assert await editor.complete(0, 1, uri="untitled:Untitled-1")
    assert editor.service.requests[0].path is None


async def test_deleting_brings_up_nothing_by_itself_if_so_wished():
    editor = Editor()
    await editor.initialize(initializationOptions={"afterDeletion": False})
    editor.open("xy")
    editor.change(2, ((0, 1), (0, 2), ""))
    assert await editor.complete(0, 1) == []
    assert editor.recorder.of(Opportunity)[0].outcome == "not_requested"
    assert len(await editor.complete(0, 1, invoked=True)) == 1
    editor.change(3, ((0, 1), (0, 1), "z"))
    assert len(await editor.complete(0, 2)) == 1


@pytest.mark.parametrize(
    ("error", "kind"),
    [
        (OverloadedError("The queue is full.", retry_after_s=1), "Warning"),
        (RuntimeError("boom"), "Error"),
    ],
)
async def test_a_failure_shows_in_the_status_and_nowhere_else(editor, error, kind):
    editor.open("x")
    editor.service.error = error
    assert await editor.complete(0, 1) == []
    editor.service.error = None
    assert await editor.complete(0, 1)
    notifications = [message for message in editor.sent if "method" in message]
    assert {message["method"] for message in notifications} == {"didChangeStatus"}
    kinds = [message["params"]["kind"] for message in notifications]
    assert kind in kinds
    assert kinds[-1] == "Normal"
    assert [event.outcome for event in editor.recorder.of(Opportunity)] == ["error", "returned"]


@pytest.mark.parametrize(
    ("reason", "outcome"),
    [
        ("stop", "empty"),
        ("low_confidence", "filtered"),
        ("secret", "filtered"),
        ("deadline", "timeout"),
    ],
)
async def test_nothing_to_show_is_reported_with_its_reason(editor, reason, outcome):
    editor.open("x")
    editor.service.reply = lambda request: ""
    editor.service.finish_reason = reason
    assert await editor.complete(0, 1) == []
    assert editor.recorder.of(Opportunity)[0].outcome == outcome
    assert editor.recorder.of(Returned) == []


async def test_the_recorder_hears_what_was_offered_and_what_it_cost(editor):
    editor.open("é\n    re")
    await editor.complete(1, 6)
    (opportunity,) = editor.recorder.of(Opportunity)
    assert opportunity.session == editor.recorder.sessions[0]
    assert opportunity.workspace == "/repo/src"
    assert opportunity.engine_ms == 10
    assert opportunity.generated_tokens == 2
    (returned,) = editor.recorder.of(Returned)
    assert returned.opportunity == opportunity.id
    (suggestion,) = returned.suggestions
    assert suggestion.text == "    refake completion"
    assert (suggestion.offset, suggestion.replaced) == (2, "    re")


def span(line: int, start: int, end: int):
    return {
        "start": {"line": line, "character": start},
        "end": {"line": line, "character": end},
    }


async def test_requests_are_in_the_arm_of_who_sits_at_the_editor():
    arms = {"ada": Arm(name="e/a", given=(("completion.multiline", "never"),))}
    editor = Editor(user="ada", arm_of=arms.get)
    await editor.initialize()
    editor.open("x")
    await editor.complete(0, 1)
    assert [request.arm for request in editor.service.requests] == [arms["ada"]]
    assert [each.arm for each in editor.recorder.of(Opportunity)] == ["e/a"]


async def test_while_the_settings_are_read_nothing_else_waits():
    asked_for, read = threading.Event(), threading.Event()

    def arm_of(person: str) -> None:
        asked_for.set()
        assert read.wait(20)

    editor = Editor(arm_of=arm_of)
    await editor.initialize()
    editor.open("x")
    asked = asyncio.ensure_future(editor.complete(0, 1))
    assert await asyncio.to_thread(asked_for.wait, 20)
    read.set()  # which would come too late, if the loop waited
    assert await asked
