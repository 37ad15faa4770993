"""Next edits over HTTP."""

from __future__ import annotations

import pytest

from completer.next_edit.edits import Hunk, NextEdit, Point
from completer.place import Place
from tests.fakes import FakeService

URL = "/v1/edit/completions"
BODY = {"path": "a.py", "text": "a\n😋b", "cursor": {"line": 1, "character": 2}}


@pytest.fixture
def service(tmp_path):
    edit = NextEdit(Place(tmp_path / "b.py"), Point(1, "😋"), Point(1, "😋a"), "a", "b", "renamed")
    return FakeService(workspaces=(tmp_path,), edits=(edit,))


async def test_edits_come_in_utf_16(post, service, tmp_path):
    reply = await post(URL, BODY)
    start, end = {"line": 1, "character": 2}, {"line": 1, "character": 3}
    assert reply == {
        "edits": [
            {
                "path": str(tmp_path / "b.py"),
                "range": {"start": start, "end": end},
                "old_text": "a",
                "new_text": "b",
                "why": "renamed",
            }
        ]
    }
    (request,) = service.asked_for_edits
    assert (request.path, request.offset) == (tmp_path / "a.py", 3)
    assert (request.history, request.workspace, request.most) == ((), tmp_path, 10)
    assert request.trigger == "automatic"


async def test_the_body_brings_the_history(post, service, tmp_path):
    history = [
        {"before": "x = 1", "after": "y = 1"},
        {"before": "same", "after": "same"},
        {"path": "c.py", "before": "f(a)", "after": "f(a, b)"},
    ]
    await post(URL, {**BODY, "edit_history": history, "n": 3})
    (request,) = service.asked_for_edits
    assert request.history == (
        Hunk(tmp_path / "a.py", 0, "x", "y"),
        Hunk(tmp_path / "c.py", 3, "", ", b"),
    )
    assert request.most == 3


@pytest.mark.parametrize(
    "changed",
    [
        {"path": "../a.py"},
        {"cursor": {"line": -1, "character": 0}},
        {"n": 0},
        {"text": None},
        {"edit_history": [{"path": "../a.py", "before": "", "after": "a"}]},
    ],
)
async def test_bad_bodies_are_refused(client, changed):
    assert (await client.post(URL, json={**BODY, **changed})).status_code == 400


@pytest.mark.parametrize(("line", "character", "offset"), [(0, 9, 1), (1, 1, 2), (7, 0, 4)])
async def test_a_cursor_beyond_the_text_is_at_an_end(post, service, line, character, offset):
    await post(URL, {**BODY, "cursor": {"line": line, "character": character}})
    assert service.asked_for_edits[0].offset == offset
