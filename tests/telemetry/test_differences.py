"""A large edit in small ones."""

import random

from telemetry.differences import small_edits
from telemetry.events import TextEdit


def applied(text, edits):
    for edit in edits:
        assert text[edit.offset : edit.end] == edit.removed
        text = text[: edit.offset] + edit.inserted + text[edit.end :]
    return text


def test_small_edits_together_make_the_same_change():
    rng = random.Random(3)
    for _ in range(2_000):
        before, after = ("".join(rng.choices("ab (\n", k=rng.randint(0, 30))) for _ in range(2))
        assert applied("x" + before, small_edits(TextEdit(1, before, after))) == "x" + after


def test_lines_that_only_change_their_space_are_changed_only_there():
    edits = small_edits(TextEdit(0, "def f():\n  return x+y\n", "def f( ):\n    return x + y\n"))
    assert all(not (edit.removed + edit.inserted).strip() for edit in edits)


def test_a_line_that_goes_is_the_one_that_goes():
    edits = small_edits(TextEdit(0, "a = 1\nb = 1\nc = 1\nd", "A = 1\na = 1\nc = 1\nD"))
    assert TextEdit(12, "b = 1\n", "") in edits


def test_what_is_too_large_stays_whole():
    edit = TextEdit(0, "x\n" * 600_000, "y\n" * 600_000)
    assert small_edits(edit) == [edit.trimmed()]
