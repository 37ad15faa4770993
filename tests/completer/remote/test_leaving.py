"""What leaves the laptop: texts without secrets, in which places stay where it matters."""

from pathlib import Path

import pytest

from completer.next_edit.edits import Hunk, NextEditRequest
from completer.place import local_place
from completer.remote.leaving import Leaving, illegible
from completer.request import CompletionRequest, Snippet
from tests.canaries import canaries

CANARIES = canaries()


@pytest.mark.parametrize("canary", CANARIES, ids=lambda canary: canary.kind)
def test_what_is_made_illegible_keeps_its_places(canary):
    text = f"before = 1\n{canary.source}\nafter = 2\n"
    left = illegible(text)
    assert not canary.leaked(left)
    assert [len(line) for line in left.split("\n")] == [len(line) for line in text.split("\n")]
    assert left.startswith("before = 1\n")
    assert left.endswith("\nafter = 2\n")


@pytest.mark.parametrize("canary", CANARIES, ids=lambda canary: canary.kind)
def test_no_part_of_a_request_has_any(canary):
    text = canary.source
    request = CompletionRequest(
        prefix=text + "\n",
        suffix="\n" + text,
        snippets=(Snippet(path="a.py", text=text),),
        prediction=text,
        path=Path("app.py"),
    )
    left = Leaving().request(request)
    assert not canary.leaked(left.prefix + left.suffix + left.snippets[0].text + left.prediction)


def test_all_else_is_as_it_was():
    request = CompletionRequest(prefix="import os\nx = os.", suffix="\n", path=Path("app.py"))
    assert Leaving().request(request) == request


def test_of_a_file_that_may_hold_secrets_the_name_is_left():
    left = Leaving().request(CompletionRequest(prefix="A=1", suffix="B=2", path=Path("x/.env")))
    assert (left.prefix, left.suffix, left.path) == ("", "", Path("x/.env"))
    place = local_place(Path("/x/.env"))
    edits = Leaving().next_edits(NextEditRequest(path=place, text="A=1", offset=2))
    assert (edits.text, edits.offset) == ("", 0)


def test_edits_before_are_illegible_too():
    canary = CANARIES[0]
    place = local_place(Path("/x/app.py"))
    hunk = Hunk(place, 0, canary.source, canary.source)
    request = NextEditRequest(path=place, text=canary.source, offset=0, history=(hunk,))
    left = Leaving().next_edits(request)
    assert left.history
    assert not canary.leaked(left.text + left.history[0].old + left.history[0].new)
