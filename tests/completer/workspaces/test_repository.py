"""One open workspace: how it does, and that nothing of it stays when it is closed."""

import gc
import threading
import time
import weakref
from concurrent.futures import Future

import pytest

from completer.context import feed
from completer.context.workspace import Workspace
from completer.drafting.warm_up import warm_up
from completer.interface import WorkspaceHealth
from completer.settings import Settings
from completer.workspaces.repository import Repository
from completer.workspaces.workspace_settings import WorkspaceSettings
from tests.tiny import byte_tokenizer

PATIENCE_S = 60


@pytest.fixture(scope="module", autouse=True)
def kernels():
    """Drafting's kernels, which are compiled when they are first used on a machine."""
    warm_up()


@pytest.fixture
def root(tmp_path):
    for number in range(5):
        (tmp_path / f"m{number}.py").write_text(f"def f{number}():\n    return {number}\n")
    return tmp_path


def opened(root):
    repository = Repository(Workspace(root), byte_tokenizer().backend_tokenizer)
    assert repository.wait(PATIENCE_S)
    return repository


def test_a_closed_workspace_goes_though_no_garbage_is_looked_for(root, monkeypatch):
    """What is known of files is frozen as it grows: a cycle in it would stay for good."""
    frozen = []
    monkeypatch.setattr(feed, "_FREEZE_EVERY", 2)
    monkeypatch.setattr(feed.gc, "freeze", lambda: frozen.append(True))
    gc.disable()
    try:
        repository = opened(root)
        parts = [repository, repository._feed, repository._retriever, repository._index]
        gone = [weakref.ref(part) for part in (*parts, repository._index.drafter)]
        del parts
        repository.close()
        del repository
        until = time.monotonic() + PATIENCE_S
        while any(part() is not None for part in gone):
            assert time.monotonic() < until, gone
            time.sleep(0.01)
    finally:
        gc.enable()
    assert len(frozen) == 2


def test_nothing_is_read_before_there_is_a_tokenizer(root):
    tokenizer = Future()
    repository = Repository(Workspace(root), tokenizer)
    repository.document_changed(root / "m0.py", "def zebra_quotient():\n    return 7\n")
    assert not repository.wait(0.2)
    assert not repository.can_draft
    assert (repository.index_bytes, repository.health) == (0, WorkspaceHealth())
    repository.accepted("x = 1")
    repository.forget_requests()
    tokenizer.set_result(byte_tokenizer().backend_tokenizer)

    assert repository.wait(PATIENCE_S)
    assert repository.can_draft
    until = time.monotonic() + PATIENCE_S
    while str(root / "m0.py") not in repository._index.drafter.live:
        assert time.monotonic() < until
        time.sleep(0.01)
    repository.close()


@pytest.mark.parametrize("comes", [True, False])
def test_what_is_closed_before_there_is_a_tokenizer_is_never_read(root, comes):
    tokenizer = Future()
    repository = Repository(Workspace(root), tokenizer)
    repository.stop()
    if comes:
        tokenizer.set_result(byte_tokenizer().backend_tokenizer)
    else:
        tokenizer.cancel()

    repository._indexer.join(PATIENCE_S)
    assert repository.health == WorkspaceHealth()
    assert not repository._feed._thread.is_alive()
    repository.close()


def test_a_workspace_tells_how_its_watch_does(root):
    repository = opened(root)
    assert repository.health == WorkspaceHealth()
    watcher = repository._feed._watcher
    watcher._note(OSError(5, "Input/output error", "/secret"), 1)
    assert repository.health == WorkspaceHealth(restarts=1, reason="Input/output error")
    repository.close()


def test_closing_ends_the_process_that_parses(root):
    repository = opened(root)
    process = repository._definitions._process
    assert process is not None
    repository.close()
    assert process.returncode is not None


def test_edits_of_open_documents_are_remembered_before_anything_was_read(root):
    tokenizer = Future()
    repository = Repository(Workspace(root), tokenizer)
    path = repository.root / "m0.py"
    repository.document_changed(path, "a = 1\n")
    repository.document_changed(path, "b = 1\n")
    assert [(hunk.path, hunk.old, hunk.new) for hunk in repository.history.hunks] == [
        (path, "a", "b")
    ]
    tokenizer.cancel()
    repository.close()


def test_on_battery_the_saved_index_has_to_do(root, tmp_path_factory, monkeypatch):
    plugged = threading.Event()
    monkeypatch.setattr("completer.workspaces.repository.on_battery", lambda: not plugged.is_set())
    monkeypatch.setattr("completer.workspaces.repository.wait_for_mains", lambda _: plugged.wait())
    cache = tmp_path_factory.mktemp("cache")

    def opened_with(**engine):
        settings = Settings(cache_folder=cache, engine=engine)
        own = WorkspaceSettings(root, settings)
        return Repository(Workspace(root), byte_tokenizer().backend_tokenizer, own)

    first = opened_with()
    assert first.wait(PATIENCE_S)
    first.close()
    (root / "new.py").write_text("zebra_quotient = 1\n")
    repository = opened_with(on_battery="quiet")
    try:
        assert repository.wait_until_indexed(PATIENCE_S)
        assert not repository.wait(0.2)
        assert len(repository._index.drafter.corpus) == 5
        plugged.set()
        assert repository.wait(PATIENCE_S)
        until = time.monotonic() + PATIENCE_S
        while len(repository._index.drafter.corpus) != 6:
            assert time.monotonic() < until
            time.sleep(0.01)
    finally:
        plugged.set()
        repository.close()
