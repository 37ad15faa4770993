"""Hostile folders beside an honest one: neither that nor the model notices, and all ends soon."""

import threading
import time

import pytest

from completer.context.surroundings import Surroundings
from completer.context.workspace import Workspace
from completer.drafting.warm_up import warm_up
from completer.errors import WorkspaceError
from completer.request import CompletionRequest
from completer.settings import Settings
from completer.workspaces.repositories import Repositories
from completer.workspaces.repository import Repository
from completer.workspaces.workspace_settings import WorkspaceSettings
from tests import hostile
from tests.tiny import byte_tokenizer

PATIENCE_S = 120
ENDS_WITHIN_S = 5
TREES = [
    pytest.param(tree, id=name, marks=pytest.mark.slow if name in hostile.SLOW else ())
    for name, tree in hostile.TREES.items()
]


@pytest.fixture(scope="module", autouse=True)
def kernels():
    """Drafting's kernels, which are compiled when they are first used on a machine."""
    warm_up()


@pytest.fixture
def repositories():
    settings = Settings()
    tokenizer = byte_tokenizer().backend_tokenizer

    def make(root):
        workspace = Workspace(root)
        own = WorkspaceSettings(workspace.root, settings)
        return Repository(workspace, tokenizer, own)

    repositories = Repositories(make)
    yield repositories
    repositories.close()


@pytest.fixture
def place(tmp_path):
    """Where a hostile folder may be made; removed by hand, for pytest cannot."""
    yield tmp_path / "hostile"
    hostile.remove(tmp_path / "hostile")


def is_useful(repository):
    """Whether the honest file is drafted from and its names are known."""
    request = CompletionRequest(
        prefix="x = 1\n" * 9 + "y = zebra_quotient(1, 2)\n" * 9,
        path=repository.root / "new.py",
        language="python",
    )
    snippets = repository.snippets(
        Surroundings.of(request.prefix, request.suffix, request.language), request.path, 200
    )
    names = repository._index.drafter.corpus.names()
    return str(repository.root / hostile.GOOD_NAME) in names and any(
        "zebra_quotient" in snippet.text for snippet in snippets
    )


@pytest.mark.parametrize("tree", TREES)
def test_a_hostile_folder_hurts_nobody(tree, repositories, place, tmp_path):
    honest = repositories.open(hostile.make(lambda _: None, tmp_path / "honest"))
    attacked = repositories.open(hostile.make(tree, place))
    assert honest.wait(PATIENCE_S)
    assert is_useful(honest)
    assert attacked.wait(PATIENCE_S)
    assert is_useful(attacked)
    assert attacked.settings == Settings()
    assert repositories.health == {}
    began = time.monotonic()
    repositories.close()
    assert time.monotonic() - began < ENDS_WITHIN_S


@pytest.mark.parametrize("tree", TREES)
def test_it_can_be_closed_at_once(tree, repositories, place):
    repositories.open(hostile.make(tree, place))
    time.sleep(0.1)
    began = time.monotonic()
    repositories.close()
    assert time.monotonic() - began < ENDS_WITHIN_S
    assert all(thread.daemon for thread in threading.enumerate() if thread.name in OURS)


OURS = {"index", "workspace-feed", "file-watcher"}


def test_a_folder_whose_name_is_not_utf8_is_used(repositories, tmp_path):
    import os

    root = hostile.make(hostile.names, tmp_path / os.fsdecode(b"w\xff"))
    repository = repositories.open(root)
    assert repository.wait(PATIENCE_S)
    assert is_useful(repository)


def test_a_folder_that_cannot_be_opened_leaves_the_others_alone(repositories, tmp_path):
    honest = hostile.make(lambda _: None, tmp_path / "honest")
    with pytest.raises(WorkspaceError):
        repositories.open(tmp_path / "missing")
    repository = repositories.open(honest)
    assert repository.wait(PATIENCE_S)
    assert repositories.health[tmp_path / "missing"].fault == "it is not a folder"
    named = CompletionRequest(prefix="x", workspace=tmp_path / "missing")
    assert repositories.of(named) is None
    assert repositories.of(CompletionRequest(prefix="x", workspace=honest)) is repository
    (tmp_path / "missing").mkdir()
    repositories.open(tmp_path / "missing")
    assert repositories.health == {}


def test_any_fault_of_one_folder_is_known_and_stays_there(repositories, tmp_path, monkeypatch):
    def fail(root):
        raise PermissionError("on purpose")

    monkeypatch.setattr(repositories, "_make", fail)
    with pytest.raises(WorkspaceError, match="on purpose"):
        repositories.open(tmp_path)
    assert repositories.health[tmp_path].fault == "PermissionError"


def test_a_fault_while_reading_is_known(repositories, tmp_path, monkeypatch):
    def fail(self):
        raise RuntimeError("on purpose")

    monkeypatch.setattr(Workspace, "iter_files", fail)
    repository = repositories.open(tmp_path)
    assert repository.wait(PATIENCE_S)
    assert repository.health.fault == "RuntimeError"
