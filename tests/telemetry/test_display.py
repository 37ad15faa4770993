"""Suggestions shown, hidden and accepted, told by clients or inferred."""

import pytest

from telemetry.events import (
    Accepted,
    CursorMoved,
    DocumentClosed,
    DocumentOpened,
    DocumentRenamed,
    Hidden,
    Opportunity,
    Returned,
    SessionEnded,
    SessionStarted,
    Shown,
    Suggestion,
)
from telemetry.privacy import OptOut, Pseudonyms, install_key
from tests.telemetry.conftest import Editor
from tests.telemetry.databases import gaps

SHOWING = "SELECT shown_dur_ms, hidden_reason, ev_src FROM suggestion_named"
ACCEPTS = "SELECT kind, delta_len, cum_len, ev_src FROM accept_named"


def test_a_delivered_reply_is_taken_as_shown(editor):
    editor.offer("return x")
    assert editor.one(SHOWING) == (None, None, "inferred")


def test_only_the_best_of_several_is_taken_as_shown(editor):
    opportunity = Opportunity(session=editor.session, uri=editor.uri, outcome="returned")
    editor.recorder.record(opportunity)
    editor.recorder.record(
        Returned(opportunity.id, [Suggestion(text="b", rank=1), Suggestion(text="a", rank=0)])
    )
    shown = editor.all("SELECT rank, ev_src FROM suggestion_named ORDER BY rank")
    assert shown == [(0, "inferred"), (1, "none")]


def test_a_client_that_reports_what_it_shows_is_believed(editor):
    first = editor.offer("return x")
    assert editor.recorder.record(Shown(first)).result(5)
    editor.offer("return y")  # delivered, and never reported as shown
    assert [row[2] for row in editor.all(SHOWING)] == ["client", "none"]


@pytest.mark.parametrize(
    ("happens", "reason"),
    [
        (lambda e: e.write("z"), "typed_over"),
        (lambda e: e.offer("other"), "superseded"),
        (lambda e: e.recorder.record(CursorMoved(e.uri)), "cursor_moved"),
        (lambda e: e.recorder.record(DocumentClosed(e.uri)), "doc_closed"),
        (lambda e: e.recorder.record(SessionEnded(e.session)), "doc_closed"),
    ],
)
def test_what_happens_next_hides_it(editor, happens, reason):
    editor.offer("return x")
    editor.now_ms += 1_200
    happens(editor)
    assert editor.all(SHOWING)[0] == (1_200, reason, "inferred")


def test_a_clients_own_reason_and_duration_count(editor):
    suggestion = editor.offer("return x")
    editor.recorder.record(Hidden(suggestion, "esc", shown_for_ms=900))
    assert editor.one(SHOWING) == (900, "esc", "client")


DISPLAYS = (
    "SELECT len, typed_len, shown_dur_ms, hidden_reason FROM suggestion_named "
    "WHERE shown_ms IS NOT NULL"
)


def type_along(editor, text, keys):
    """Type `keys` characters of a text that is offered, and be offered the rest after each."""
    ids = [editor.offer(text)]
    for at in range(keys):
        editor.now_ms += 200
        editor.write(text[at])
        ids.append(editor.offer(text[: at + 1] + text[at + 1 :], 0, replaced=text[: at + 1]))
    return ids


def test_a_text_that_is_typed_along_is_one_suggestion(editor):
    ids = type_along(editor, "return total", 10)
    editor.now_ms += 300
    assert editor.recorder.record(Accepted(ids[-1])).result(5)
    assert editor.all(DISPLAYS) == [(12, 10, 2_300, "accepted")]
    assert editor.all(ACCEPTS) == [("full", 2, 12, "client")]
    outcomes = editor.all("SELECT outcome, count(*) FROM opportunity_named GROUP BY 1 ORDER BY 1")
    assert outcomes == [("continued", 10), ("returned", 1)]


def test_its_rest_is_accepted_by_lengths_of_what_the_client_was_sent_last(editor):
    ids = type_along(editor, "return total", 2)
    editor.recorder.record(Accepted(ids[-1], "word", length=6))
    assert editor.all(ACCEPTS) == [("word", 4, 6, "client")]


def test_typing_it_to_the_end_accepts_nothing(editor):
    editor.offer("abc")
    for at in range(3):
        editor.write("abc"[at])
    assert editor.all(DISPLAYS) == [(3, 3, 0, "typed_through")]
    assert editor.all(ACCEPTS) == []


def test_another_text_in_its_place_ends_it(editor):
    type_along(editor, "return total", 2)
    editor.now_ms += 100
    editor.offer("return price", 0, replaced="re")
    assert editor.all(DISPLAYS) == [(12, 2, 500, "superseded"), (10, 0, None, None)]


def test_a_cancelled_request_leaves_it_on_the_screen(editor):
    editor.offer("return total")
    editor.write("r")
    editor.recorder.record(Opportunity(session=editor.session, uri=editor.uri, outcome="cancelled"))
    assert editor.one(DISPLAYS) == (12, 0, None, None)


def test_an_answer_without_a_text_ends_it(editor):
    editor.offer("return total")
    editor.recorder.record(Opportunity(session=editor.session, uri=editor.uri, outcome="empty"))
    assert editor.one(DISPLAYS) == (12, 0, 0, "superseded")


def test_another_users_request_for_the_same_path_hides_nothing(editor):
    editor.offer("return x")
    other = editor.connect("bob")
    editor.recorder.record(Opportunity(session=other, uri=editor.uri, outcome="empty"))
    assert editor.one(SHOWING) == (None, None, "inferred")


def offer_edit(editor, offset, old, new):
    """A next edit on the screen; returns its id."""
    opportunity = Opportunity(
        session=editor.session, uri=editor.uri, outcome="returned", kind="next edit"
    )
    suggestion = Suggestion(text=new, offset=offset, replaced=old)
    for event in (opportunity, Returned(opportunity.id, [suggestion]), Shown(suggestion.id)):
        editor.recorder.record(event)
    return suggestion.id


KINDS = (
    "SELECT o.kind, s.ev_src, s.hidden_reason FROM suggestion_named s"
    " JOIN opportunity_named o ON o.id = s.opportunity ORDER BY s.id"
)


def test_a_next_edit_and_ghost_text_leave_each_other_on_the_screen(editor):
    editor.write("size = size")
    offer_edit(editor, 7, "size", "width")
    editor.offer("_mb")
    empty = Opportunity(session=editor.session, uri=editor.uri, outcome="empty")
    editor.recorder.record(empty)
    assert editor.all(KINDS) == [
        ("next edit", "client", None),
        ("ghost text", "inferred", "superseded"),
    ]
    offer_edit(editor, 7, "size", "height")
    assert [reason for _, _, reason in editor.all(KINDS)] == ["superseded", "superseded", None]


def test_an_accepted_next_edit_is_followed_like_any_text(editor):
    editor.write("size = size")
    edit_id = offer_edit(editor, 7, "size", "width")
    editor.edit((7, "size", "width"))
    editor.recorder.record(Accepted(edit_id))
    editor.wait(16)
    assert editor.all(ACCEPTS) == [("full", 5, 5, "client")]
    assert editor.all("SELECT window_s, state, cur_len FROM survival_named") == [
        (0, "ok", 5),
        (15, "ok", 5),
    ]


def test_a_dismissed_next_edit_is_hidden_by_esc(editor):
    editor.recorder.record(Hidden(offer_edit(editor, 0, "", "x"), "esc"))
    assert editor.all(KINDS) == [("next edit", "client", "esc")]


def test_an_edit_that_takes_text_away_can_be_accepted(editor):
    editor.write("f(a, b)")
    edit_id = offer_edit(editor, 3, ", b", "")
    editor.edit((3, ", b", ""))
    assert editor.recorder.record(Accepted(edit_id)).result(5)
    assert editor.one("SELECT kind, delta_len, net_len FROM accept_named") == ("full", 0, -3)


def test_an_acceptance_is_durable_when_its_receipt_says_so(editor):
    suggestion = editor.offer("return x")
    editor.now_ms += 800
    assert editor.recorder.record(Accepted(suggestion)).result(5)
    assert editor.one(ACCEPTS) == ("full", 8, 8, "client")
    assert editor.one(SHOWING) == (800, "accepted", "inferred")


def test_an_acceptance_told_twice_counts_once(editor):
    suggestion = editor.offer("return x")
    for _ in range(3):
        assert editor.recorder.record(Accepted(suggestion)).result(5)
    assert editor.all(ACCEPTS) == [("full", 8, 8, "client")]


def test_parts_taken_one_after_the_other_add_up(editor):
    suggestion = editor.offer("return x + y")
    editor.recorder.record(Accepted(suggestion, "word", length=6))
    editor.recorder.record(Accepted(suggestion, "word", length=8))
    editor.recorder.record(Accepted(suggestion))
    taken = [("word", 6, 6, "client"), ("word", 2, 8, "client"), ("full", 4, 12, "client")]
    assert editor.all(ACCEPTS) == taken


def test_a_part_taken_and_then_left_is_partial(editor):
    suggestion = editor.offer("return x + y")
    editor.recorder.record(Accepted(suggestion, "word", length=6))
    editor.recorder.record(CursorMoved(editor.uri))
    assert editor.one(SHOWING)[1] == "partial"


def test_text_that_a_suggestion_repeats_is_not_accepted_text(editor):
    # "retu" is typed; the client is sent all of "return x" for the range of "retu"
    editor.write("retu")
    suggestion = editor.offer("return x", offset=0, replaced="retu")
    editor.recorder.record(
        Accepted(suggestion, "word", length=6)
    )  # "return": two units of it are new
    assert editor.one("SELECT len FROM suggestion") == (4,)
    assert editor.one(ACCEPTS) == ("word", 2, 2, "client")


def test_lengths_are_utf16_units_and_utf8_bytes(editor):
    suggestion = editor.offer("'😀'\n")
    editor.recorder.record(Accepted(suggestion, "partial", length=3))
    lengths = editor.one("SELECT len, len_b, lines, multiline FROM suggestion")
    assert lengths == (5, 7, 2, 1)
    assert editor.one(ACCEPTS) == ("partial", 3, 3, "client")


def test_an_unknown_suggestion_is_counted_as_lost(editor):
    assert not editor.recorder.record(Accepted("never returned")).result(5)
    editor.recorder.record(Returned("never asked", [Suggestion(text="x")]))
    editor.settle()
    assert gaps(editor.recorder.path) == {"unknown_suggestion": 1, "unknown_opportunity": 1}


def test_what_a_request_was_like_is_stored(editor):
    event = Opportunity(
        session=editor.session,
        uri=editor.uri,
        outcome="filtered",
        trigger="manual",
        language="rust",
        model="nano",
        arm="b",
        draft_source="repository",
        finish_reason="stop",
        exit_mode="lossless",
        distribution="model",
        started_ms=5,
        queue_ms=0.5,
        engine_ms=20.0,
        total_ms=21.5,
        steps=4,
        generated_tokens=9,
        drafted_tokens=12,
        accepted_draft_tokens=5,
        p_accept=0.25,
        propensity=0.9,
        features={"entropy": 1.5},
    )
    editor.recorder.record(event)
    row = editor.one(
        "SELECT outcome, trigger, lang, model, arm, draft_source, finish_reason, exit_mode, "
        "distribution, ts_ms, total_ms, steps, gen_tok, draft_ok_tok, p_accept, propensity, "
        "features FROM opportunity_named"
    )
    assert row == (
        *("filtered", "manual", "rust", "nano", "b", "repository", "stop", "lossless", "model"),
        *(5, 21.5, 4, 9, 5, 0.25, 0.9, '{"entropy": 1.5}'),
    )


@pytest.mark.parametrize(
    "features",
    [{"line": "secret = 1"}, {"secret = 1": 1.0}, {"margin": float("nan")}, {"margin": [1.0]}],
)
def test_features_that_are_not_plain_names_with_numbers_are_refused(editor, features):
    event = Opportunity(session=editor.session, uri=editor.uri, outcome="empty", features=features)
    editor.recorder.record(event)
    assert editor.one("SELECT count(*) FROM opportunity") == (0,)


def opt_out(folder):
    return OptOut(folder, Pseudonyms(install_key(folder)))


def test_nothing_of_a_user_who_opted_out_is_stored(tmp_path):
    opt_out(tmp_path).add(user="ada")
    editor = Editor(tmp_path)
    suggestion = editor.offer("return x")
    editor.write("return x")
    assert editor.recorder.record(Accepted(suggestion)).result(5)
    editor.recorder.close()
    assert editor.recorder.path.exists() is False


def test_nothing_in_a_workspace_that_opted_out_is_stored(tmp_path):
    opt_out(tmp_path).add(workspace="/w")
    editor = Editor(tmp_path)
    suggestion = editor.offer("return x")
    editor.write("return x")
    assert editor.recorder.record(Accepted(suggestion)).result(5)
    assert editor.one("SELECT count(*) FROM opportunity") == (0,)
    assert editor.one("SELECT count(*) FROM edit_rollup") == (0,)
    editor.recorder.close()


def test_a_file_that_is_moved_into_a_folder_that_opted_out_is_followed_no_more(tmp_path):
    opt_out(tmp_path).add(workspace="/w/private")
    editor = Editor(tmp_path)
    editor.offer("return x")
    editor.write("return x")
    moved = "file:///w/private/a.py"
    editor.recorder.record(DocumentRenamed(editor.uri, moved))
    editor.uri, places = moved, ["/w/private/a.py", "/w"]
    editor.recorder.record(DocumentOpened(editor.session, moved, 9, workspace="/w", places=places))
    editor.write("\nsecret")
    editor.wait(1_000)
    assert editor.one("SELECT sum(ins) FROM edit_rollup") == (len("return x"),)
    states = set(editor.all("SELECT state FROM survival_named WHERE window_s > 0"))
    assert states == {("censored_deleted",)}
    editor.recorder.close()


def test_users_are_stored_as_pseudonyms(editor):
    editor.recorder.record(SessionStarted(client="test", user="ada"))
    users = {user for (user,) in editor.all("SELECT user_h FROM session")}
    assert len(users) == 1
    assert "ada" not in users
