"""Edits as values: trimming, inverting, and the smallest edit between two texts."""

from hypothesis import given, settings
from hypothesis import strategies as st

from telemetry.events import TextEdit, common_prefix, minimal_edit

TEXTS = st.text("ab\n😀", max_size=12)


def apply(edit, text):
    assert text[edit.offset : edit.end] == edit.removed
    return text[: edit.offset] + edit.inserted + text[edit.end :]


@given(TEXTS, TEXTS)
@settings(max_examples=300, deadline=None)
def test_minimal_edit_leads_from_one_text_to_the_other(before, after):
    edit = minimal_edit(before, after)
    assert apply(edit, before) == after
    assert apply(edit.inverse(), after) == before


def test_minimal_edit_is_of_whole_lines():
    assert minimal_edit("a\nbc\nd", "a\nbxc\nd") == TextEdit(2, "bc\n", "bxc\n")
    assert minimal_edit("a\nb\n", "a\nb\n") == TextEdit(4, "", "")


@given(TEXTS, TEXTS)
@settings(max_examples=300, deadline=None)
def test_trimmed_edits_share_neither_start_nor_end(before, after):
    edit = minimal_edit(before, after).trimmed()
    if edit.removed and edit.inserted:
        assert edit.removed[0] != edit.inserted[0]
        assert edit.removed[-1] != edit.inserted[-1]


@given(TEXTS, TEXTS)
@settings(max_examples=200, deadline=None)
def test_common_prefix_is_the_longest(one, other):
    length = common_prefix(one, other)
    assert one[:length] == other[:length]
    assert one[length : length + 1] != other[length : length + 1] or length == min(
        len(one), len(other)
    )


def test_an_edit_knows_by_how_much_it_moves_what_follows():
    assert TextEdit(3, "ab", "xyz").shift == 1
    assert TextEdit(3, "ab", "").shift == -2


def test_the_same_change_elsewhere_has_the_same_text():
    assert TextEdit(1, "a", "b").same_text(TextEdit(9, "a", "b"))
    assert not TextEdit(1, "a", "b").same_text(TextEdit(1, "a", "c"))
