import logging
import threading
import time
from pathlib import Path

import pytest

from completer.context import watch
from completer.context.changes import FolderChanges, TreeChanges
from completer.context.watch import FileWatcher
from completer.context.workspace import Workspace

PATIENCE_S = 10


class Recorder:
    def __init__(self) -> None:
        self.changed: set[Path] = set()
        self.deleted: set[Path] = set()
        self.rescans = 0
        self.fail = False

    def on_change(self, changed, deleted):
        if self.fail:
            self.fail = False
            raise RuntimeError("on purpose")
        self.changed |= changed
        self.deleted |= deleted

    def on_rescan(self):
        self.rescans += 1

    def wait_for(self, condition):
        deadline = time.monotonic() + PATIENCE_S
        while not condition():
            assert time.monotonic() < deadline, (self.changed, self.deleted, self.rescans)
            time.sleep(0.01)


@pytest.fixture
def recorder():
    return Recorder()


@pytest.fixture(params=[FolderChanges, TreeChanges], ids=["folders", "tree"])
def root(request, tmp_path, recorder, monkeypatch):
    monkeypatch.setattr(watch, "watch_changes", request.param)
    (tmp_path / "old.py").write_text("a = 1\n")
    (tmp_path / "pkg").mkdir()
    (tmp_path / "pkg" / "inner.py").write_text("b = 1\n")
    workspace = Workspace(tmp_path)
    with FileWatcher(workspace, recorder.on_change, recorder.on_rescan):
        settle(tmp_path, recorder)
        yield tmp_path


def settle(root: Path, recorder: Recorder) -> None:
    """Wait until the watch is in place: it sees a file that is written again and again."""
    deadline = time.monotonic() + PATIENCE_S
    while root / "ready.py" not in recorder.changed:
        assert time.monotonic() < deadline
        (root / "ready.py").write_text(f"# {time.monotonic()}\n")
        time.sleep(0.05)


def test_changes_deletions_and_new_folders(root, recorder):
    (root / "old.py").write_text("a = 2\n")
    (root / "new").mkdir()
    (root / "new" / "deep.py").write_text("c = 1\n")
    (root / "pkg" / "inner.py").unlink()
    recorder.wait_for(lambda: {root / "old.py", root / "new" / "deep.py"} <= recorder.changed)
    recorder.wait_for(lambda: root / "pkg" / "inner.py" in recorder.deleted)


def test_what_may_not_be_read_is_not_told(root, recorder):
    (root / ".env").write_text("A=1\n")
    (root / "node_modules").mkdir()
    (root / "node_modules" / "x.js").write_text("x\n")
    (root / "link.py").symlink_to("/etc/hostname")
    (root / "last.py").write_text("z = 1\n")
    recorder.wait_for(lambda: root / "last.py" in recorder.changed)
    assert recorder.changed <= {root / "ready.py", root / "last.py"}


def test_changed_ignore_rules_ask_for_a_new_pass(root, recorder):
    (root / ".gitignore").write_text("old.py\n")
    recorder.wait_for(lambda: recorder.rescans)
    (root / "old.py").write_text("a = 3\n")
    (root / "last.py").write_text("z = 1\n")
    recorder.wait_for(lambda: root / "last.py" in recorder.changed)
    assert root / "old.py" not in recorder.changed


def test_a_callback_that_fails_does_not_end_the_watch(root, recorder, caplog):
    recorder.fail = True
    with caplog.at_level(logging.ERROR):
        (root / "old.py").write_text("a = 2\n")
        recorder.wait_for(lambda: not recorder.fail)
    (root / "pkg" / "inner.py").write_text("b = 2\n")
    recorder.wait_for(lambda: root / "pkg" / "inner.py" in recorder.changed)
    assert "on purpose" in caplog.text


def test_stopping_is_quick_and_leaves_no_thread(tmp_path, recorder):
    watcher = FileWatcher(Workspace(tmp_path), recorder.on_change)
    watcher.start()
    time.sleep(0.05)
    started = time.monotonic()
    watcher.stop()
    watcher.stop()
    assert time.monotonic() - started < 2
    assert not [t for t in threading.enumerate() if t.name == "file-watcher"]
    FileWatcher(Workspace(tmp_path), recorder.on_change).stop()
