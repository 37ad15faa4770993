"""Messages as they travel: the same at the other end, and nothing that no front door lets pass."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from completer.engine_process.failures import error_of, failure
from completer.engine_process.messages import (
    Accepted,
    Cancel,
    CloseWorkspace,
    Complete,
    Completed,
    DocumentChanged,
    Failed,
    FindNextEdits,
    Moved,
    NextEditsFound,
    OpenWorkspace,
    Piece,
    Stream,
    Welcome,
)
from completer.engine_process.wire import pack_asked, pack_said, read_asked, read_said
from completer.errors import BadRequestError, CompleterError, OverloadedError, WorkspaceClosedError
from completer.interface import ServiceInfo, WorkspaceHealth
from completer.next_edit.edits import Hunk, NextEdit, NextEditRequest, Point
from completer.place import Place
from completer.request import (
    Arm,
    Choice,
    Completion,
    CompletionRequest,
    Confidence,
    DecodeStats,
    Sampling,
    Snippet,
)
from models.errors import ModelError

ROOT = Place(Path("/w/ünï"))
REQUEST = CompletionRequest(
    prefix="a 😋\r\n\0",
    suffix="é",
    path=ROOT / "a.py",
    language="python",
    workspace=ROOT,
    may_use=frozenset({ROOT}),
    user="ada",
    snippets=(Snippet(path="b.py", text="x"),),
    max_tokens=3,
    stop=("\n\n",),
    multiline=True,
    sampling=Sampling(temperature=0.5, top_p=0.9, top_k=4, seed=-1),
    n=2,
    deadline_ms=1.5,
    polish=True,
    withhold=False,
    trigger="manual",
    arm=Arm(
        name="e/a",
        given=(
            ("drafting.enabled", False),
            ("completion.max_lines", 1),
            ("completion.min_acceptance", 0.5),
            ("completion.multiline", "never"),
            ("completion.prompt_tokens", None),
        ),
        model="m",
    ),
)
NEXT_EDITS = NextEditRequest(
    path=ROOT, text="é\n", offset=1, history=(Hunk(ROOT, 1, "a", "b", 0.5),), workspace=ROOT
)
CONFIDENCE = Confidence(probability=None, propensity=1.0, text_length=2, features={"a": 0.1})
COMPLETION = Completion(
    id="cmpl-1",
    model="m",
    choices=(
        Choice(
            text="t",
            finish_reason="low_confidence",
            token_ids=(1, 2),
            confidence=(CONFIDENCE,),
            problem="does not parse",
        ),
    ),
    stats=DecodeStats(draft_sources=(("tree", 2),), total_ms=1 / 3),
    distribution="model+repository",
    identity="m@1",
)
INFO = ServiceInfo(
    model="m",
    device="cpu",
    dtype="float32",
    context_tokens=9,
    workspaces=(ROOT,),
    memory_bytes={"weights": 1},
    health={ROOT: WorkspaceHealth(fault="f")},
)


@pytest.mark.parametrize(
    "message",
    [
        Complete(1, REQUEST),
        Stream(2, CompletionRequest(prefix="")),
        Cancel(3),
        OpenWorkspace(ROOT),
        CloseWorkspace(ROOT),
        DocumentChanged(Place(ROOT / "a.py"), None),
        DocumentChanged(Place(ROOT / "a.py"), "text"),
        Accepted("cmpl-1", "text"),
        FindNextEdits(4, NEXT_EDITS),
    ],
)
def test_what_is_asked_arrives_as_it_was(message):
    assert read_asked(pack_asked(message)) == message


@pytest.mark.parametrize(
    "message",
    [
        Welcome("1.0", INFO),
        Completed(1, COMPLETION),
        Piece(1, 0, "t"),
        NextEditsFound(1, (NextEdit(ROOT, Point(1, "é"), Point(2, ""), "a", "", "renamed"),)),
        Failed(1, "E", "m"),
        Moved(),
    ],
)
def test_what_is_said_arrives_as_it_was(message):
    assert read_said(pack_said(message)) == message


def changed(message=None, **fields):
    message = json.loads(pack_asked(message or Complete(1, REQUEST)))
    message["request"].update(fields)
    return json.dumps(message).encode()


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"[]",
        b'{"kind": "format disk"}',
        b'{"kind": "cancel", "id": "1"}',
        b'{"kind": "open", "root": 3}',
        changed(prefix=None),
        changed(max_tokens=0),
        changed(max_tokens="3"),
        changed(n=1.5),
        changed(deadline_ms=-1),
        changed(stop=[""]),
        changed(stop=["x"] * 33),
        changed(FindNextEdits(1, NEXT_EDITS), most=0),
        changed(FindNextEdits(1, NEXT_EDITS), offset="1"),
        changed(sampling={"temperature": 9.0}),
        changed(sampling={"top_p": 0.0}),
        changed(trigger="never"),
    ],
)
def test_what_is_no_message_is_refused(data):
    with pytest.raises(BadRequestError):
        read_asked(data)


def test_a_name_that_is_no_unicode_is_refused_where_it_is_named():
    with pytest.raises(BadRequestError):
        pack_asked(OpenWorkspace(Place(Path("/w/\udcff"))))


@pytest.mark.parametrize(
    "error",
    [
        BadRequestError("no", hint="why"),
        OverloadedError("full", retry_after_s=7.0),
        WorkspaceClosedError("gone"),
        ModelError("none", hint="get one"),
        CompleterError("else"),
    ],
)
def test_an_error_is_the_same_at_the_other_end(error):
    arrived = error_of(failure(1, error))
    assert type(arrived) is type(error)
    assert (str(arrived), arrived.hint) == (str(error), error.hint)
    assert getattr(arrived, "retry_after_s", 0) == getattr(error, "retry_after_s", 0)


def test_an_error_that_is_not_known_is_one_nevertheless():
    newer = replace(failure(1, CompleterError("x")), error="FutureError")
    assert type(error_of(newer)) is CompleterError
    assert type(error_of(replace(newer, error="annotations"))) is CompleterError
