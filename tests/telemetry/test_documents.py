"""Acceptance seen in the document, and edits attributed and rolled up."""

import pytest

from telemetry.events import Accepted, DocumentChanged, DocumentReset, TextEdit

ACCEPTS = "SELECT kind, delta_len, cum_len, ev_src FROM accept_named"
EDITS = "SELECT cls, sum(ins), sum(events) FROM edit_rollup_named GROUP BY cls ORDER BY cls"


def stored_edits(editor):
    editor.wait(6)
    return {cls: (inserted, events) for cls, inserted, events in editor.all(EDITS)}


def test_an_insertion_equal_to_the_suggestion_is_an_acceptance(editor):
    editor.offer("return x")
    editor.write("return x")
    assert editor.one(ACCEPTS) == ("full", 8, 8, "inferred")
    assert editor.one("SELECT hidden_reason FROM suggestion_named") == ("accepted",)


@pytest.mark.parametrize(
    ("inserted", "kind"), [("return", "word"), ("return x", "line"), ("return x\n", "line")]
)
def test_so_is_its_beginning_up_to_a_word_or_line(editor, inserted, kind):
    editor.offer("return x\nprint(x)")
    editor.write(inserted)
    assert editor.one(ACCEPTS) == (kind, len(inserted), len(inserted), "inferred")


@pytest.mark.parametrize(
    ("offset", "inserted"),
    [(0, "retu"), (0, "return y"), (3, "return x"), (0, "r")],
    ids=["inside a word", "another text", "another place", "one character"],
)
def test_other_insertions_are_not(editor, offset, inserted):
    editor.write("    ")
    editor.offer("return x", offset=0)
    editor.edit((offset, "", inserted))
    assert editor.all(ACCEPTS) == []


def test_typing_the_suggestion_is_no_acceptance_and_keeps_it_on_the_screen(editor):
    editor.offer("xy")
    editor.write("x")
    assert editor.one("SELECT hidden_reason FROM suggestion_named") == (None,)
    editor.write("y")
    assert editor.all(ACCEPTS) == []
    assert editor.one("SELECT hidden_reason FROM suggestion_named") == ("typed_through",)


def test_what_was_typed_of_it_is_not_accepted_text(editor):
    editor.offer("return x")
    editor.write("r")
    editor.write("eturn x")
    assert editor.one(ACCEPTS) == ("full", 7, 8, "inferred")


def test_the_clients_word_upgrades_what_was_seen(editor):
    suggestion = editor.offer("return x")
    editor.write("return x")
    assert editor.recorder.record(Accepted(suggestion)).result(5)
    assert editor.all(ACCEPTS) == [("full", 8, 8, "client")]


def test_an_acceptance_told_before_its_edit_is_one_acceptance(editor):
    suggestion = editor.offer("return x")
    editor.recorder.record(Accepted(suggestion))
    editor.now_ms += 20
    editor.write("return x")
    assert editor.all(ACCEPTS) == [("full", 8, 8, "client")]
    assert stored_edits(editor) == {"ai_inline": (8, 1)}


def test_a_replacement_is_recognised_however_the_editor_sends_it(editor):
    editor.write("retu")
    editor.offer("return x", offset=0, replaced="retu")
    editor.edit((0, "retu", "return x"))
    assert editor.one(ACCEPTS) == ("full", 4, 4, "inferred")


def test_several_carets_accept_once(editor):
    editor.write("\n\n")
    editor.offer("return x", offset=0)
    editor.edit((2, "", "return x"), (1, "", "return x"), (0, "", "return x"))
    assert editor.all(ACCEPTS) == [("full", 8, 8, "inferred")]
    editor.wait(15)
    row = editor.one("SELECT init_len, cur_len, lev, arc FROM survival WHERE window_s = 15")
    assert row == (24, 24, 0, 24)
    assert editor.one("SELECT net_len FROM accept") == (24,)


def test_edits_are_summed_by_class_and_minute(editor):
    for character in "abc":
        editor.write(character)
        editor.now_ms += 300
    editor.offer("return x")
    editor.write("return x")
    assert stored_edits(editor) == {"typed": (3, 3), "ai_inline": (8, 1)}
    editor.now_ms += 60_000
    editor.write("d")
    assert stored_edits(editor)["typed"] == (4, 4)
    minutes = editor.all("SELECT DISTINCT minute FROM edit_rollup_named WHERE cls = 'typed'")
    assert len(minutes) == 2


def test_undo_within_30_s_is_noted_on_the_acceptance(editor):
    editor.write("retu")
    editor.offer("return x", offset=0, replaced="retu")
    editor.edit((0, "retu", "return x"))
    editor.now_ms += 4_000
    editor.edit((4, "rn x", ""))
    assert editor.one("SELECT undone_ms FROM accept") == (4_000,)
    assert stored_edits(editor)["undo"] == (0, 1)


def test_what_is_redone_is_undone_no_more(editor):
    editor.offer("return x")
    editor.write("return x")
    editor.edit((0, "return x", ""))
    editor.edit((0, "", "return x"))
    assert editor.one("SELECT undone_ms FROM accept") == (None,)


def test_a_deletion_later_is_no_undo_of_the_acceptance(editor):
    editor.offer("return x")
    editor.write("return x")
    editor.wait(31)
    editor.edit((0, "return x", ""))
    assert editor.one("SELECT undone_ms FROM accept") == (None,)


def test_edits_of_documents_that_were_never_opened_are_not_counted(editor):
    editor.recorder.record(DocumentChanged("file:///w/other.py", 1, [TextEdit(0, "", "x")]))
    assert stored_edits(editor) == {}


def test_edits_out_of_order_are_not_trusted(editor):
    editor.offer("return x")
    editor.write("return x")
    editor.version = -5
    editor.write("y")
    editor.wait(15)
    states = dict(editor.all("SELECT window_s, state FROM survival_named"))
    assert states[15] == "censored_desync"  # nor is there a file to look into


def test_without_the_text_the_next_edit_is_judged_afresh(editor):
    editor.write("x")
    editor.offer("return x")
    editor.recorder.record(DocumentReset(editor.uri, 7, "something else"))
    assert editor.one("SELECT hidden_reason FROM suggestion_named") == ("unknown",)
