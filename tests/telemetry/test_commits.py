"""Commits: what was accepted is found again in what they add."""

from pathlib import Path

import pytest

from telemetry.commits import AcceptedRuns
from telemetry.events import DocumentRenamed
from telemetry.privacy import opt_out_list
from tests.telemetry.conftest import Editor

ACCEPTED = "return compute(first, second)"


@pytest.fixture
def accepted(editor):
    """A file in which one line was typed and one was accepted."""
    editor.write("typed_by_hand = 1\n")
    editor.offer(ACCEPTED)
    editor.write(ACCEPTED)
    editor.settle()
    return editor


def stored(editor):
    return editor.all("SELECT files, added, ai, whole FROM commit_attr ORDER BY id")


def test_accepted_characters_are_counted_without_space(accepted):
    # typed_by_hand=1: 15 visible characters; returncompute(first,second): 27
    accepted.commit("c1", "typed_by_hand = 1", f"    {ACCEPTED}")
    assert stored(accepted) == [(1, 15 + 27, 27, 0)]


def test_an_edited_line_keeps_what_is_left_of_it(accepted):
    # of "returncompute(first,3)" the runs of "returncompute(first," were accepted: 20 characters
    accepted.commit("c1", "return compute(first, 3)")
    assert stored(accepted) == [(1, 22, 20, 0)]


def test_short_lines_and_other_files_have_nothing_accepted(accepted):
    accepted.commit("c1", "}", "else:")
    accepted.commit("c2", ACCEPTED, path=Path("/w/b.py"))
    assert stored(accepted) == [(1, 0, 0, 0), (1, 27, 0, 1)]


def test_an_amended_commit_takes_the_place_of_the_first(accepted):
    accepted.commit("c1", "typed_by_hand = 1")
    accepted.commit("c2", ACCEPTED, amends="c1")
    assert stored(accepted) == [(1, 27, 27, 0)]
    accepted.commit("c3", ACCEPTED)
    accepted.commit("c4", "typed_by_hand = 1", amends="c3")
    assert stored(accepted) == [(1, 27, 27, 0), (1, 15, 0, 1)]


def test_a_renamed_file_keeps_what_was_accepted_in_it(accepted):
    accepted.recorder.record(DocumentRenamed("file:///w/a.py", "file:///w/b.py"))
    accepted.commit("c1", ACCEPTED, path=Path("/w/b.py"))
    assert stored(accepted) == [(1, 27, 27, 0)]


def test_nothing_is_recorded_of_who_has_opted_out(accepted):
    opt_out_list(accepted.folder).add(user="bob")
    bob = Editor(accepted.folder)
    bob.session = bob.connect("bob")
    bob.commit("c", ACCEPTED)
    assert stored(bob) == []
    bob.recorder.close()


def test_files_in_a_folder_that_has_opted_out_do_not_count(accepted):
    opt_out_list(accepted.folder).add(workspace="/w/private")
    editor = Editor(accepted.folder)
    in_both = {Path("/w/private/a.py"): [ACCEPTED], Path("/w/b.py"): ["typed_by_hand = 1"]}
    for added in (in_both, {Path("/w/private/a.py"): [ACCEPTED]}):
        editor.record_commit(id="c", added=added, places=("/w",))
    editor.record_commit(id="d", added=in_both, places=("/w/private",))
    assert stored(editor) == [(1, 15, 0, 0)]
    editor.recorder.close()


def test_runs_are_bounded_and_the_file_left_alone_longest_goes():
    runs = AcceptedRuns(most=39)
    for name in ("a", "b", "a"):
        runs.add(f"/w/{name}.py", "", f"{name} = 0123456789 abcdef")
    runs.add("/w/c.py", "", "c = 0123456789 abcdef 0123456789")
    found = [runs.accepted_in(Path(f"/w/{name}.py"), "0123456789abcdef") for name in "abc"]
    assert found == [16, 0, 16]
