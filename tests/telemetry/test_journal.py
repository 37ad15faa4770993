"""The recorder as front doors meet it: quick, private, and never in the way."""

import asyncio
import time
from pathlib import Path

from telemetry.events import (
    Accepted,
    CursorMoved,
    DocumentChanged,
    DocumentOpened,
    DocumentReset,
    Opportunity,
    Returned,
    SessionEnded,
    SessionStarted,
    Shown,
    Suggestion,
    TextEdit,
)
from telemetry.journal import CAPACITY, open_recorder
from telemetry.recorder import NullRecorder, Recorder
from tests.telemetry.conftest import Editor
from tests.telemetry.databases import gaps, rows, wait_until

CANARY = "canary_7f3a9c"


def test_no_character_of_source_text_reaches_the_disk(editor):
    uri = f"file:///home/{CANARY}/a.py"
    editor.recorder.record(DocumentOpened(editor.session, uri, 1, language="python"))
    texts = [f"{CANARY} = 1\n", f"print({CANARY!r})", f"secret_{CANARY}"]
    offset = 0
    for text in texts:
        event = Opportunity(session=editor.session, uri=uri, outcome="returned")
        editor.recorder.record(event)
        suggestion = Suggestion(text=text, offset=offset)
        editor.recorder.record(Returned(event.id, [suggestion]))
        editor.recorder.record(DocumentChanged(uri, 2, [TextEdit(offset, "", text)]))
        editor.recorder.record(Accepted(suggestion.id)).result(5)
        offset += len(text)
    editor.recorder.record(SessionStarted(client="test", user=CANARY))
    editor.recorder.record(DocumentReset(uri, 3, CANARY * 10))
    editor.commit(CANARY, *texts, path=Path(f"/home/{CANARY}/a.py"))
    editor.wait(1_000)
    written = list(editor.folder.rglob("*"))
    assert {path.suffix for path in written} >= {".sqlite3", ".sqlite3-wal", ".key"}
    assert editor.one("SELECT count(*) FROM accept") == (3,)
    assert editor.one("SELECT ai > 0 FROM commit_attr") == (1,)
    for path in written:
        content = path.read_bytes()
        assert CANARY.encode() not in content
        assert CANARY.encode("utf-16-le") not in content


def test_a_recorder_that_records_nothing_acknowledges_everything():
    recorder: Recorder = NullRecorder()
    assert recorder.record(Shown("x")).result(0)
    assert recorder.record(Accepted("x")).result(0)


async def test_receipts_can_be_awaited(editor):
    suggestion = editor.offer("return x")
    assert await asyncio.wrap_future(editor.recorder.record(Shown(suggestion)))
    assert await asyncio.wrap_future(editor.recorder.record(Accepted(suggestion)))


async def test_a_caller_that_stops_waiting_disturbs_nobody(editor):
    waiting = asyncio.wrap_future(editor.recorder.record(Accepted(editor.offer("return x"))))
    waiting.cancel()
    assert editor.one("SELECT count(*) FROM accept") == (1,)


def test_a_bug_in_the_ledger_costs_one_event(editor, monkeypatch):
    monkeypatch.setitem(editor.recorder._ledger._handlers, SessionEnded, lambda *_: 1 / 0)
    editor.recorder.record(SessionEnded(editor.session))
    editor.settle()
    monkeypatch.undo()
    editor.offer("return x")
    assert editor.one("SELECT count(*) FROM opportunity") == (1,)
    assert gaps(editor.recorder.path) == {"internal_error": 1}


def test_a_stalled_disk_costs_callers_nothing_and_lost_events_are_counted(tmp_path, monkeypatch):
    monkeypatch.setattr("telemetry.journal.CAPACITY", 50)
    recorder = open_recorder(tmp_path)
    started = SessionStarted(client="test")
    recorder.record(started)
    recorder.record(DocumentOpened(started.id, "u", 1))
    stalled = monkeypatch.context()
    with stalled as patch:  # ten seconds for all of them
        patch.setattr(recorder._ledger, "run_due", lambda _: time.sleep(0.05))
        started = time.perf_counter()
        for number in range(200):
            recorder.record(DocumentChanged("u", number, [TextEdit(0, "", "x")]))
        assert time.perf_counter() - started < 5
    wait_until(lambda: recorder._inbox.qsize() == 0)
    assert recorder.flush()
    assert gaps(recorder.path)["queue_full"] >= 100
    recorder.close()


def test_after_lost_events_no_text_is_claimed_to_be_where_it_was(editor):
    editor.offer("return x")
    editor.write("return x")
    editor.settle()
    editor.recorder._has_dropped = True
    editor.wait(15)
    states = dict(editor.all("SELECT window_s, state FROM survival_named"))
    assert states[15] == "censored_desync"


def test_events_after_close_are_refused(editor):
    editor.recorder.close()
    assert not editor.recorder.record(Accepted("x")).result(1)
    assert not editor.recorder.record(CursorMoved(editor.uri)).result(0)
    assert not editor.recorder.flush()
    editor.recorder.close()


def test_checks_are_made_without_any_event(editor):
    editor.offer("return x")
    editor.write("return x")
    editor.settle()
    editor.now_ms += 16_000
    query = "SELECT count(*) FROM survival"
    wait_until(lambda: rows(editor.recorder.path, query)[0][0] == 2)


def test_sessions_end_with_the_process(editor):
    editor.now_ms += 5_000
    editor.recorder.close()
    (times,) = rows(editor.recorder.path, "SELECT ended_ms - started_ms FROM session")
    assert times == (5_000,)


def test_what_is_on_the_screen_is_hidden_with_the_process(editor):
    editor.offer("return x")
    editor.settle()
    editor.now_ms += 3_000
    editor.recorder.close()
    (shown,) = rows(
        editor.recorder.path, "SELECT shown_dur_ms, hidden_reason FROM suggestion_named"
    )
    assert shown == (3_000, "doc_closed")


def test_a_database_is_made_with_the_first_event_only(tmp_path):
    recorder = open_recorder(tmp_path)
    recorder.close()
    assert not recorder.path.exists()


def test_a_folder_that_cannot_be_made_costs_events_and_nothing_else(tmp_path):
    (tmp_path / "file").write_text("")
    recorder = open_recorder(tmp_path / "file" / "telemetry")
    started, suggestion = SessionStarted(client="test"), Suggestion(text="x")
    opportunity = Opportunity(session=started.id, uri="u", outcome="returned")
    for event in (started, opportunity, Returned(opportunity.id, [suggestion])):
        assert recorder.record(event).result(0)
    shown = recorder.record(Shown(suggestion.id))
    recorder.close(1.0)
    assert not shown.result(0)
    assert list(tmp_path.iterdir()) == [tmp_path / "file"]


def test_old_events_of_past_processes_are_removed_at_start(tmp_path):
    editor = Editor(tmp_path)
    editor.offer("return x")
    editor.settle()
    editor.recorder.close()
    past = tmp_path / "2020-01-01-999999999-0123abcd.sqlite3"  # no system has so many processes
    editor.recorder.path.rename(past)
    recorder = open_recorder(
        tmp_path, retention_days=30, now_ms=lambda: editor.now_ms + 31 * 86_400_000
    )
    wait_until(lambda: not past.exists())
    recorder.close()


def test_the_queue_holds_minutes_of_typing():
    assert CAPACITY >= 10 * 60 * 20
