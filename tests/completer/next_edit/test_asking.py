"""What a model is told of the edits before, and the edit that its answer makes."""

from itertools import pairwise
from pathlib import Path

import pytest

from completer.next_edit.asking import edit_of, situation
from completer.next_edit.edits import Hunk, NextEditRequest
from completer.next_edit.history import difference
from completer.place import Place
from models.edit_formats import Change

PATH, OTHER = Place(Path("/repo/a.py")), Place(Path("/repo/b.py"))


class Files:
    """Two files, the second as it is on disk."""

    def text(self, path):
        return "import a\na.f(1)\n" if path == OTHER else None

    def name(self, path):
        return path.name

    def importing(self, name):
        return []

    def defining(self, name):
        return []


def asked(text, history):
    return situation(NextEditRequest(path=PATH, text=text, offset=0), history, Files())


def edits(*texts):
    """The hunks that make each text the next one."""
    return [
        hunk for old, new in pairwise(texts) if (hunk := difference(old, new, PATH)) is not None
    ]


def test_edits_are_told_in_whole_lines_with_what_is_around():
    texts = ("a\nb\nc = size\nd\n", "a\nb\nc = size_mb\nd\n", "a\nb\nc = size_mb\nnew\nd\n")
    found, replaced = asked(texts[-1], edits(*texts))
    below = ("d", "")
    assert found.changes == (
        Change(
            path="a.py",
            line=2,
            above=("a", "b"),
            old=("c = size",),
            new=("c = size_mb",),
            below=below,
        ),
        Change(path="a.py", line=3, above=("a", "b", "c = size_mb"), new=("new",), below=below),
    )
    assert found.former == texts[1]
    assert replaced == [("size", "size_mb")]


def test_edits_of_other_files_are_told_as_those_are():
    found, replaced = asked("", [Hunk(OTHER, 13, "0", "1")])
    assert [(each.path, each.line, each.old) for each in found.changes] == [
        ("b.py", 1, ("a.f(0)",))
    ]
    assert (found.former, replaced) == ("", [])


@pytest.mark.parametrize(
    "history", [[Hunk(PATH, 0, "x", "y")], [Hunk(Place(Path("/c")), 0, "", "")]]
)
def test_edits_that_cannot_be_undone_are_left_out(history):
    assert asked("a\n", history)[0].changes == ()


def test_an_edit_is_what_differs():
    request = NextEditRequest(path=PATH, text="a\nf(b)\nc\n", offset=0)
    edit = edit_of(request, 2, "f(b)\n", "f(d)\n")
    assert edit is not None
    assert (edit.start.line, edit.start.before, edit.old, edit.new) == (1, "f(", "b", "d")
    assert edit_of(request, 2, "f(b)\n", "f(b)\n") is None
