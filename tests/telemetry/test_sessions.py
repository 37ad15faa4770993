"""Sessions begin, end once, and belong to somebody."""

import getpass

from telemetry.events import Opportunity, SessionEnded, SessionStarted
from tests.telemetry.databases import gaps


def test_a_session_is_stored_with_what_the_client_is(editor):
    editor.recorder.record(
        SessionStarted(
            client="nvim",
            client_version="0.12",
            server_version="1",
            user="bob",
            capabilities=("utf-8", "inlineCompletion"),
        )
    )
    row = editor.all("SELECT client, client_ver, server_ver, caps FROM session_named")[-1]
    assert row == ("nvim", "0.12", "1", '["inlineCompletion", "utf-8"]')


def test_a_session_ends_when_it_is_ended(editor):
    editor.now_ms += 1_000
    editor.recorder.record(SessionEnded(editor.session))
    editor.now_ms += 1_000
    editor.recorder.record(SessionEnded(editor.session))
    assert editor.one("SELECT ended_ms - started_ms FROM session") == (1_000,)


def test_an_unnamed_user_is_who_runs_the_process(editor):
    for user in ("", getpass.getuser()):
        editor.recorder.record(SessionStarted(client="test", user=user))
    users = [user for (user,) in editor.all("SELECT user_h FROM session ORDER BY id")]
    assert users[1] == users[2] != users[0]


def test_events_of_an_unknown_session_are_counted_as_lost(editor):
    editor.recorder.record(Opportunity(session="nobody", uri="u", outcome="empty"))
    editor.settle()
    assert gaps(editor.recorder.path) == {"unknown_session": 1}
