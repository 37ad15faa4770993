"""Next edits in a real folder: what is open counts as its editor has it, all else as on disk."""

from concurrent.futures import Future

import pytest

from completer.context.workspace import Workspace
from completer.next_edit.edits import NextEditRequest
from completer.place import local_place
from completer.settings import Settings
from completer.workspaces.repository import Repository
from completer.workspaces.workspace_settings import WorkspaceSettings

LIB = "def load(path):\n    return path\n"
USER = 'from lib import load\n\nTOKEN = "ghp_0123456789abcdefghijABCDEFGHIJ012345"; load("x")\n'
BEFORE_CALL = USER.split("\n")[2].removesuffix('load("x")')


@pytest.fixture
def root(tmp_path):
    (tmp_path / "lib.py").write_text(LIB)
    (tmp_path / "user.py").write_text(USER)
    return local_place(tmp_path)


def opened(root, **settings):
    of_user = WorkspaceSettings(root, Settings(**settings))
    tokenizer = Future()
    tokenizer.cancel()
    repository = Repository(Workspace(root), tokenizer, of_user)
    repository._indexer.join()
    for sink in repository._sinks:  # nothing else reads them without a tokenizer
        for name in ("lib.py", "user.py"):
            sink(root / name, (root / name).read_text(), edited=False)
    return repository


def found(repository, root, text, history=None):
    request = NextEditRequest(path=root / "lib.py", text=text, offset=0, history=history)
    return [
        (edit.path.name, edit.start.before, edit.new) for edit in repository.next_edits(request)
    ]


RENAMED = LIB.replace("load", "fetch")
EXPECTED = [
    ("user.py", "from lib import ", "fetch"),
    ("user.py", BEFORE_CALL, "fetch"),
]


def test_places_in_files_on_disk_are_theirs_whatever_is_cut_out_for_others(root):
    repository = opened(root)
    repository.document_changed(root / "lib.py", LIB)
    assert found(repository, root, RENAMED) == EXPECTED
    repository.stop()


def test_without_a_history_the_file_on_disk_is_what_was_before(root):
    repository = opened(root)
    assert found(repository, root, RENAMED, history=()) == EXPECTED
    assert repository.history.hunks == ()
    assert found(repository, root, LIB, history=()) == []
    repository.stop()


def test_an_open_document_counts_as_its_editor_has_it(root):
    repository = opened(root)
    repository.document_changed(root / "user.py", "from lib import load\n")
    assert found(repository, root, RENAMED, history=()) == EXPECTED[:1]
    repository.stop()


def test_they_can_be_switched_off(root):
    repository = opened(root, next_edit={"enabled": False})
    assert found(repository, root, RENAMED, history=()) == []
    repository.stop()


@pytest.mark.parametrize(("shown_from", "offered"), [(0.1, True), (1.0, False)])
def test_from_which_probability_on_an_edit_is_made_again_is_set(root, shown_from, offered):
    repository = opened(root, next_edit={"shown_from": shown_from})
    text = "a.assertEquals(1)\nb.assertEquals(2)\nc.assertEquals(3)\n"
    repository.document_changed(root / "lib.py", text)
    for _ in range(2):
        text = text.replace("assertEquals", "assertEqual", 1)
        repository.document_changed(root / "lib.py", text)
    assert bool(found(repository, root, text)) is offered
    repository.stop()
