"""Edits that people made at several places between two releases."""

import pytest

from benchmarks.next_edits import run
from benchmarks.released_edits import changes, repeated_edits
from benchmarks.releases import Revised
from tests.benchmarks.test_edit_drafts import released

OLD = "def area(w, h):\n    '''w times h.'''\n    return w * h\n\nprint(area(1, 2))\n"
NEW = "def area(wide, h):\n    '''w times h.'''\n    return wide * h\n\nprint(area(1, 2))\n"


def test_words_that_differ_are_found_where_they_stand():
    found = list(changes(OLD, NEW))
    assert found == [(9, "w", "wide"), (OLD.index("w * h"), "w", "wide")]
    assert list(changes("a = 1\n", "print(b.c)\n")) == []
    assert list(changes("a = 1\n", "a  =  1\n")) == []


def test_an_edit_that_was_repeated_is_told_once():
    files = [Revised("p", name, OLD, NEW) for name in ("a.py", "b.py")]
    (edit,) = repeated_edits(files)
    assert (edit.file, edit.replaced) == ("a.py", ("w", "wide"))
    assert edit.starts == (9, OLD.index("w * h"))
    assert edit.kind == "name, in places"
    assert set(edit.made) == {"a.py", "b.py"}


@pytest.mark.parametrize(
    ("old", "new", "kind"),
    [
        ("f(a)\nf(a)\n", "f(b)\nf(b)\n", "name, everywhere"),
        ("f(a)\nf(a)\n", "f()\nf()\n", "removal"),
        ("f(a)\nf(a)\n", "f(a, b)\nf(a, b)\n", "insertion"),
        ("f(1)\nf(1)\n", "f(2)\nf(2)\n", "other text"),
    ],
)
def test_kinds_are_told_by_the_text(old, new, kind):
    (edit,) = repeated_edits([Revised("p", "a.py", old, new)])
    assert edit.kind == kind


@pytest.mark.slow
def test_they_are_judged_by_what_people_did(tmp_path):
    folder = released(tmp_path)
    (package,) = {file.parent for file in folder.glob("old/*/a.py")}
    (package / "a.py").write_text(OLD)
    (folder / "new" / package.name / "a.py").write_text(NEW)
    result = run(releases=folder, edits=10)
    assert result["all"]["edits"] == 1
    assert (result["all"]["right"], result["all"]["wrong"]) == (1.0, 0.0)
