"""What is remembered of edits."""

from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from completer.next_edit.edits import Hunk, point_at
from completer.next_edit.history import (
    LONGEST_HUNK,
    MOST_HUNKS,
    MOST_TEXTS,
    EditHistory,
    difference,
    merged,
)
from completer.place import Place

PATH, OTHER = Place(Path("/w/a.py")), Place(Path("/w/b.py"))
TEXTS = st.text(alphabet="ab\n", max_size=12)


class Clock:
    """Says what it is told to."""

    now = 0.0

    def __call__(self) -> float:
        return self.now


def edits(history: EditHistory) -> list[tuple[int, str, str]]:
    return [(hunk.start, hunk.old, hunk.new) for hunk in history.hunks]


@given(TEXTS, TEXTS)
def test_a_difference_makes_one_text_of_the_other_and_back(before: str, after: str):
    hunk = difference(before, after, PATH)
    if hunk is None:
        assert before == after
    else:
        assert hunk.applied(before) == after
        assert hunk.undone(after) == before


@given(TEXTS, TEXTS, TEXTS)
def test_merged_hunks_do_what_both_did(first: str, second: str, third: str):
    one, two = difference(first, second, PATH), difference(second, third, PATH)
    if one is not None and two is not None and (both := merged(one, two)) is not None:
        assert both.applied(first) == third


def test_hunks_of_two_files_are_not_merged():
    assert merged(Hunk(PATH, 0, "", "a"), Hunk(OTHER, 0, "", "a")) is None


def test_typing_is_one_hunk():
    history = EditHistory()
    for text in ("x = 1\n", "x = 1\ny", "x = 1\nyy = ", "x = 1\nyy = 2"):
        history.document_changed(PATH, text)
    assert edits(history) == [(6, "", "yy = 2")]


def test_places_apart_are_hunks_apart_and_so_are_times():
    clock = Clock()
    history = EditHistory(clock)
    history.document_changed(PATH, "abc def")
    history.document_changed(PATH, "Xbc def")
    history.document_changed(PATH, "Xbc deY")
    clock.now = 100.0
    history.document_changed(PATH, "Xbc deYZ")
    assert edits(history) == [(0, "a", "X"), (6, "f", "Y"), (7, "", "Z")]


def test_what_is_taken_back_was_no_edit():
    history = EditHistory()
    for text in ("abc", "abXc", "abc"):
        history.document_changed(PATH, text)
    assert edits(history) == []


def test_closed_documents_are_not_open_but_their_edits_are_remembered():
    history = EditHistory()
    for text in ("a", "b", None):
        history.document_changed(PATH, text)
    assert history.text(PATH) is None
    assert edits(history) == [(0, "a", "b")]


def test_it_is_bounded():
    history = EditHistory()
    text = "." * 4 * MOST_HUNKS
    history.document_changed(PATH, text)
    for at in range(0, len(text), 2):
        text = text[:at] + "x" + text[at + 1 :]
        history.document_changed(PATH, text)
    assert len(history.hunks) == MOST_HUNKS
    for number in range(MOST_TEXTS):
        history.document_changed(Place(Path(f"/w/{number}.py")), "")
    assert history.text(PATH) is None
    assert history.hunks == ()


def test_a_change_of_the_whole_file_is_no_edit_and_ends_what_can_be_undone():
    history = EditHistory()
    for text in ("a" * 10, "b" + "a" * 9, "c" * (LONGEST_HUNK + 1)):
        history.document_changed(PATH, text)
    assert edits(history) == []


def test_an_edit_is_not_undone_in_another_text():
    assert Hunk(PATH, 2, "a", "b").undone("xxa") is None
    assert Hunk(PATH, 9, "a", "").undone("xx") is None


def test_a_point_tells_what_stands_before_it_in_utf_16_too():
    found = point_at("a\n\N{GRINNING FACE}b", 3)
    assert (found.line, found.before, found.utf16) == (1, "\N{GRINNING FACE}", 2)
