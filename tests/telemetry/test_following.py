"""Accepted text that edits of all kinds move, remove and bring back."""

import pytest

from telemetry.events import DocumentChanged, DocumentReset, TextEdit
from tests.telemetry.test_survival import checks

LINES = "import os\n\na = 1\nb = 2\nc = 3\nself.total = total\nself.price = price\nd = 4\n"
TAKEN = "self.taken = taken\n"
PLACE = LINES.index("self.price")


def after_15_s(editor):
    editor.wait(15)
    return checks(editor)[15]


@pytest.fixture
def among_siblings(editor):
    """An editor with an accepted line between two that are much like it."""
    editor.write(LINES)
    editor.offer(TAKEN, PLACE)
    editor.edit((PLACE, "", TAKEN))
    return editor


def replace_all(editor, text):
    editor.edit((0, editor.text, text))


def test_text_stays_in_a_change_of_the_whole_document(among_siblings):
    editor = among_siblings
    replace_all(editor, editor.text.replace("import os", "import sys").replace("d = 4", "d = 5"))
    assert after_15_s(editor) == ("ok", "tracked", 19, 19, 0, 0, 5, 19, 0)


def test_text_stays_when_a_formatter_replaces_all(among_siblings):
    editor = among_siblings
    lines = editor.text.replace(" = ", "=").splitlines(keepends=True)
    replace_all(editor, "".join(f"    {line}" for line in lines))
    assert after_15_s(editor)[:6] == ("ok", "tracked", 19, 17, 2, 0)


def test_a_line_that_is_removed_is_not_taken_for_its_sibling(among_siblings):
    editor = among_siblings
    replace_all(editor, editor.text.replace(TAKEN, "").replace("import os", "import sys"))
    assert after_15_s(editor)[:2] == ("removed", "tracked")


@pytest.mark.parametrize("distance", [1, 5])
def test_lines_that_are_swapped_or_moved_are_still_there(among_siblings, distance):
    editor = among_siblings
    lines = editor.text.splitlines(keepends=True)
    at = lines.index(TAKEN)
    before, between = "".join(lines[: at - distance]), "".join(lines[at - distance : at])
    editor.edit((len(before), between + TAKEN, TAKEN + between))
    found = after_15_s(editor)
    assert (found[0], found[4]) == ("ok", 0)


@pytest.mark.parametrize("order", ["cut and pasted", "copied and removed"])
def test_what_was_moved_is_there_and_was_touched(among_siblings, order):
    editor = among_siblings
    cut, paste = (PLACE, TAKEN, ""), (0, "", TAKEN)
    if order == "cut and pasted":
        editor.edit(cut)
        editor.edit(paste)
    else:
        editor.edit(paste)
        editor.edit((PLACE + len(TAKEN), TAKEN, ""))
    found = after_15_s(editor)
    assert (found[0], found[4], found[7]) == ("ok", 0, 0)


def test_what_was_undone_and_redone_is_there(among_siblings):
    editor = among_siblings
    editor.edit((PLACE, TAKEN, ""))
    editor.edit((PLACE, "", TAKEN))
    found = after_15_s(editor)
    assert (found[0], found[4], found[7]) == ("ok", 0, 0)


def test_an_end_that_was_removed_and_came_back_is_there(among_siblings):
    editor = among_siblings
    end = PLACE + len("self.taken")
    editor.edit((end, " = taken", ""))
    editor.edit((end, "", " = taken"))
    found = after_15_s(editor)
    assert (found[0], found[4], found[7]) == ("ok", 0, len("self.taken\n"))


def test_text_that_was_moved_to_another_file_is_there(among_siblings):
    editor = among_siblings
    editor.edit((PLACE, TAKEN, ""))
    editor.uri = "file:///w/b.py"
    editor.open()
    editor.recorder.record(DocumentChanged(editor.uri, 99, [TextEdit(0, "", TAKEN)]))
    found = after_15_s(editor)
    assert (found[:2], found[4]) == (("ok", "fuzzy_far"), 0)


def test_after_a_gap_what_was_known_before_is_compared(among_siblings):
    editor = among_siblings
    text = "# new\n" * 30 + editor.text
    editor.recorder.record(DocumentReset(editor.uri, 99, text, editor.text))
    assert after_15_s(editor)[7] == 19
