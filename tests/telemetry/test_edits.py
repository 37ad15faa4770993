"""Edits sorted into classes, one rule a test."""

import pytest

from telemetry.edits import EditClassifier
from telemetry.events import TextEdit


class Typist:
    """Edits at an even pace, and the classes they were given."""

    def __init__(self, pause_ms=1_000):
        self.classifier = EditClassifier()
        self.now_ms = 1_000_000
        self.pause_ms = pause_ms

    def __call__(self, *edits, known=None):
        self.now_ms += self.pause_ms
        shares = self.classifier.classify(edits, self.now_ms, known)
        return [(share.edit_class, share.inserted) for share in shares]


@pytest.fixture
def edit():
    return Typist()


def test_a_single_character_is_typed(edit):
    assert edit(TextEdit(5, "", "x")) == [("typed", 1)]


def test_a_deletion_is_typing_that_adds_nothing(edit):
    assert edit(TextEdit(5, "word", "")) == [("typed", 0)]


def test_a_new_line_with_its_indentation_is_typed(edit):
    assert edit(TextEdit(5, "", "\n        ")) == [("typed", 9)]


def test_a_pair_is_half_typed_and_half_closed(edit):
    assert edit(TextEdit(5, "", "()")) == [("typed", 1), ("auto_close", 1)]


def test_keystrokes_that_an_editor_sends_together_are_typed(edit):
    edit(TextEdit(0, "", "r"))
    assert edit(TextEdit(1, "", "etur")) == [("typed", 4)]


def test_a_name_that_comes_at_once_after_typing_is_the_editors(edit):
    edit(TextEdit(0, "", "c"))
    assert edit(TextEdit(1, "", "alculate_total")) == [("ide_complete", 14)]


def test_a_name_in_place_of_its_beginning_is_the_editors(edit):
    assert edit(TextEdit(0, "calc", "calculate_total()")) == [("ide_complete", 13)]


def test_other_text_that_comes_at_once_is_pasted(edit):
    assert edit(TextEdit(9, "", "for x in y: pass")) == [("paste", 16)]


def test_a_thousand_characters_at_once_are_nobodys_writing(edit):
    assert edit(TextEdit(0, "", "x = 1\n" * 200)) == [("bulk_external", 1_200)]


def test_undo_takes_back_a_run_of_typing_and_redo_brings_it_again(edit):
    for offset, character in enumerate("word"):
        edit(TextEdit(offset, "", character))
    assert edit(TextEdit(0, "word", "")) == [("undo", 0)]
    assert edit(TextEdit(0, "", "word")) == [("redo", 4)]


def test_undo_of_a_deletion_writes_nothing_new(edit):
    edit(TextEdit(3, "some words", ""))
    assert edit(TextEdit(3, "", "some words")) == [("undo", 10)]


def test_a_backspace_is_typing_not_undo(edit):
    edit(TextEdit(0, "", "a"))
    assert edit(TextEdit(0, "a", "")) == [("typed", 0)]


def test_only_white_space_changes_when_code_is_formatted(edit):
    assert edit(TextEdit(0, "a=1", "a = 1")) == [("format", 3)]
    assert edit(TextEdit(9, "\t", "    "), TextEdit(1, "", " ")) == [("format", 4), ("format", 1)]


def test_the_same_change_at_several_carets(edit):
    assert edit(TextEdit(9, "", "x"), TextEdit(4, "", "x")) == [("multi_cursor", 1)] * 2


def test_several_different_edits_at_once_are_unknown_or_bulk(edit):
    assert edit(TextEdit(9, "", "foo"), TextEdit(4, "b", "")) == [("unknown", 3), ("unknown", 0)]
    large = "y" * 1_001
    assert edit(TextEdit(9, "", large), TextEdit(4, "b", ""))[0] == ("bulk_external", 1_001)


def test_what_is_known_is_not_guessed(edit):
    assert edit(TextEdit(0, "", "x"), known="ai_chat") == [("ai_chat", 1)]


def test_an_accepted_suggestion_can_be_undone(edit):
    edit(TextEdit(0, "", "return 1"), known="ai_inline")
    assert edit(TextEdit(0, "return 1", "")) == [("undo", 0)]


def test_lengths_are_utf16_units_and_utf8_bytes():
    (share,) = EditClassifier().classify([TextEdit(0, "é", "😀")], 0)
    assert (share.inserted, share.inserted_bytes, share.deleted) == (2, 4, 1)


def test_of_a_huge_edit_nobody_asks_whether_only_space_has_changed(edit):
    text = "a b " * 100_000
    ((kind, _),) = edit(TextEdit(0, text, text.replace(" ", "  ")))
    assert kind == "format"
    longer = 3 * text
    ((kind, _),) = edit(TextEdit(0, longer, longer.replace(" ", "  ")))
    assert kind == "bulk_external"
