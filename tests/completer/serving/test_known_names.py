"""Evidence of names for requests: it follows the files of the workspace, and goes with it."""

import time

import pytest

from completer.answer.checking import check
from completer.answer.postprocess import TextContext
from completer.context.workspace import Workspace
from completer.names.evidence import NameEvidence
from completer.place import local_place
from completer.request import CompletionRequest, Sampling
from completer.serving import known_names
from completer.serving.known_names import KnownNames
from completer.settings import Settings
from completer.workspaces.repository import Repository
from tests.tiny import byte_tokenizer

pytestmark = pytest.mark.slow
PATIENCE_S = 60


@pytest.fixture
def root(tmp_path):
    root = local_place(tmp_path / "code")
    root.mkdir()
    (root / "other.py").write_text("class Other:\n    first = 1\n")
    (root / "more.py").write_text("")
    return root


@pytest.fixture
def repository(root):
    repository = Repository(Workspace(root), byte_tokenizer().backend_tokenizer)
    assert repository.wait(PATIENCE_S)
    yield repository
    repository.close()


@pytest.fixture
def names(tmp_path, repository):
    names = KnownNames(None, Settings(cache_folder=tmp_path / "cache"))
    members(names, repository, seed=1)  # waits until the process has begun
    yield names
    names.close()


def until(true):
    deadline = time.monotonic() + PATIENCE_S
    while not true():
        assert time.monotonic() < deadline
        time.sleep(0.05)


def members(names, repository, seed=0):
    request = CompletionRequest(
        prefix="from other import Other\n\ndef f(other: Other):\n    ",
        suffix="\n    return other.first\n",
        language="python",
        path=repository.root / "mine.py",
        sampling=Sampling(seed=seed, seeded=seed > 0),
        deadline_ms=1000 * PATIENCE_S,
    )
    found = names.around(request, Settings(), repository, whole=True)
    return found.members["other"].names if found and "other" in found.members else set()


@pytest.mark.parametrize("is_open", [False, True])
def test_a_file_that_changes_on_disk_is_read_again(names, repository, root, monkeypatch, is_open):
    monkeypatch.setattr(known_names, "_RENEWED_EVERY_S", 0.0)
    if is_open:
        repository.document_changed(root / "other.py", "class Other:\n    typed = 1\n")
    until(lambda: "first" in members(names, repository))
    time.sleep(0.5)  # the watch stands
    seen = repository.changes
    (root / "other.py").write_text("class Other:\n    first = 1\n    second = 2\n")

    until(lambda: repository.changes > seen)
    until(lambda: "second" in members(names, repository))


def test_only_a_seed_of_the_callers_is_waited_for(names, repository, monkeypatch):
    waits = []
    monkeypatch.setattr(names._finder, "evidence", lambda *_, wait_s, **__: waits.append(wait_s))
    for sampling in (Sampling(), Sampling(seed=7), Sampling(seed=7, seeded=True)):
        request = CompletionRequest(prefix="x.", sampling=sampling, deadline_ms=3000.0)
        names.around(request, Settings(), repository, whole=True)

    assert waits == [0.01, 0.01, 1.5]


def test_while_it_is_asked_for_anew_the_last_answer_serves(names, repository, root):
    until(lambda: "first" in members(names, repository))
    names._finder.renew(root)

    assert "first" in members(names, repository)


def test_many_changes_have_it_asked_for_anew_once_in_a_while(names, repository, monkeypatch):
    renewed = []
    names._renewed.clear()
    monkeypatch.setattr(names._finder, "renew", renewed.append)
    monkeypatch.setattr(Repository, "changes", property(lambda _: time.monotonic_ns()))
    for _ in range(3):
        members(names, repository)

    assert renewed == [repository.root]


def test_nothing_of_a_closed_workspace_is_kept(names, repository, root):
    until(lambda: "first" in members(names, repository))
    members(names, repository)
    names.forget(repository)

    assert not any(str(root) in str(key) for key in [*names._finder._known, *names._finder._last])
    assert root not in names._renewed


@pytest.mark.parametrize(
    ("text", "held_back"),
    [
        ("from other import Other", False),
        ("from other import Another", True),
        ("re.compile('a')", False),
        ("re.encode('a')", True),
    ],
)
def test_what_an_answer_names_is_asked_before_it_is_shown(names, repository, text, held_back):
    request = CompletionRequest(
        prefix="import re\n\n",
        suffix="\n",
        language="python",
        path=repository.root / "mine.py",
        sampling=Sampling(seed=1, seeded=True),
        deadline_ms=1000 * PATIENCE_S,
    )
    context = TextContext(
        prefix=request.prefix, suffix="\n", language="python", evidence=NameEvidence()
    )
    named = names.named(text, context, request, Settings(), repository)

    assert (check(text, context, named=named).problem is not None) is held_back
    assert check(text, context).problem is None
