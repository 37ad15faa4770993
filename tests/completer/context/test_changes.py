"""Watching folder by folder on Linux: what is seen, what is not, how a watch that ends goes on."""

import errno
import itertools
import os
import sys
import threading
import time
from pathlib import Path

import pytest

from completer.context import changes, watch
from completer.context.changes import FolderChanges
from completer.context.inotify import Event, Inotify, MissedError
from completer.context.watch import FileWatcher
from completer.context.workspace import Workspace
from tests.completer.context.repositories import GitRepository, needs_git
from tests.completer.context.test_watch import Recorder, settle

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="inotify is Linux's")
PATIENCE_S = 10


@pytest.fixture
def recorder():
    return Recorder()


@pytest.fixture
def watched(tmp_path, recorder):
    """Watches folders; each is made ready by the first use of the result."""
    watchers = []

    def start(root=tmp_path / "w"):
        root.mkdir(exist_ok=True)
        watcher = FileWatcher(Workspace(root), recorder.on_change, recorder.on_rescan)
        watchers.append(watcher)
        watcher.start()
        settle(root, recorder)
        return watcher

    yield start
    for watcher in watchers:
        watcher.stop()


def folders_of(workspace):
    source = FolderChanges(workspace, threading.Event())
    try:
        return set(source._inotify._folders.values())
    finally:
        source.close()


def test_only_folders_that_are_read_are_watched(tmp_path):
    for name in ("src/deep", "node_modules/x", ".hidden", "out"):
        (tmp_path / name).mkdir(parents=True)
    (tmp_path / ".gitignore").write_text("/ignored/\n")
    (tmp_path / "ignored").mkdir()
    (tmp_path / "root").symlink_to("/")
    (tmp_path / "src" / "up").symlink_to("..")
    assert folders_of(Workspace(tmp_path)) >= {tmp_path, tmp_path / "src", tmp_path / "src/deep"}
    assert {f for f in folders_of(Workspace(tmp_path)) if f.is_relative_to(tmp_path)} == {
        tmp_path,
        tmp_path / "src",
        tmp_path / "src" / "deep",
    }


def test_what_lies_behind_a_link_is_not_seen(watched, recorder, tmp_path):
    outside = tmp_path / "outside"
    outside.mkdir()
    root = tmp_path / "w"
    root.mkdir()
    (root / "before").symlink_to(outside)
    watched()
    (root / "after").symlink_to(outside)
    (outside / "a.py").write_text("a = 1\n")
    (root / "last.py").write_text("z = 1\n")
    recorder.wait_for(lambda: root / "last.py" in recorder.changed)
    assert recorder.changed == {root / "ready.py", root / "last.py"}


def test_names_may_be_any_bytes(watched, recorder, tmp_path):
    watcher = watched()
    folder = tmp_path / "w" / os.fsdecode(b"f\xff")
    folder.mkdir()
    file = folder / os.fsdecode(b"\xfe.py")
    time.sleep(0.2)
    file.write_text("a = 1\n")
    recorder.wait_for(lambda: file in recorder.changed)
    file.unlink()
    recorder.wait_for(lambda: file in recorder.deleted)
    assert watcher.report.restarts == 0


def test_folders_that_come_move_and_go(watched, recorder, tmp_path):
    watched()
    root = tmp_path / "w"
    (root / "a" / "b").mkdir(parents=True)
    time.sleep(0.2)
    (root / "a" / "b" / "one.py").write_text("x = 1\n")
    recorder.wait_for(lambda: root / "a" / "b" / "one.py" in recorder.changed)
    (root / "a").rename(root / "c")
    recorder.wait_for(lambda: root / "c" / "b" / "one.py" in recorder.changed)
    assert root / "a" in recorder.deleted
    (root / "c" / "b" / "two.py").write_text("x = 2\n")
    recorder.wait_for(lambda: root / "c" / "b" / "two.py" in recorder.changed)
    assert root / "a" / "b" / "two.py" not in recorder.changed | recorder.deleted
    (root / "c").rename(tmp_path / "gone")
    recorder.wait_for(lambda: root / "c" in recorder.deleted)
    (tmp_path / "gone" / "b" / "three.py").write_text("x = 3\n")
    (root / "last.py").write_text("z = 1\n")
    recorder.wait_for(lambda: root / "last.py" in recorder.changed)
    assert not any(path.name == "three.py" for path in recorder.changed | recorder.deleted)


@needs_git
def test_rules_outside_of_the_folder_are_followed(watched, recorder, tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    (tmp_path / "config" / "git").mkdir(parents=True)
    git = GitRepository(tmp_path / "repository")
    watched(git.folder / "w")
    for number, file in enumerate(
        [
            tmp_path / "config/git/ignore",
            git.folder / ".git/info/exclude",
            git.folder / ".gitignore",
        ]
    ):
        file.write_text(f"x{number}.py\n")
        recorder.wait_for(lambda number=number: recorder.rescans == number + 1)


def test_a_watch_that_ends_is_begun_again_and_all_is_compared(
    watched, recorder, tmp_path, monkeypatch
):
    watcher = watched()
    read = Inotify.read
    failures = [OSError(errno.EIO, "Input/output error", "/secret"), MissedError(0, "lost"), None]

    def fail(self, timeout_s):
        if failures and (failure := failures.pop(0)) is not None:
            raise failure
        return read(self, timeout_s)

    monkeypatch.setattr(Inotify, "read", fail)
    recorder.wait_for(lambda: recorder.rescans == 2)
    assert (watcher.report.restarts, watcher.report.reason) == (2, "lost")
    (tmp_path / "w" / "last.py").write_text("z = 1\n")
    recorder.wait_for(lambda: tmp_path / "w" / "last.py" in recorder.changed)


def test_a_folder_that_is_made_anew_is_watched_again(watched, recorder, tmp_path):
    watcher = watched()
    root = tmp_path / "w"
    for path in root.iterdir():
        path.unlink()
    root.rmdir()
    recorder.wait_for(lambda: watcher.report.restarts)
    assert watcher.report.reason == "the folder is gone"
    root.mkdir()
    recorder.wait_for(lambda: recorder.rescans)
    (root / "new.py").write_text("x = 1\n")
    recorder.wait_for(lambda: root / "new.py" in recorder.changed)


def test_pauses_grow_while_it_cannot_be_begun(tmp_path, recorder, monkeypatch):
    monkeypatch.setattr(watch, "_SHORTEST_PAUSE_S", 0.01)
    monkeypatch.setattr(watch, "_LONGEST_PAUSE_S", 0.08)
    tries = []

    def fail(*_):
        tries.append(time.monotonic())
        raise OSError(errno.EMFILE, "Too many open files")

    monkeypatch.setattr(watch, "watch_changes", fail)
    with FileWatcher(Workspace(tmp_path), recorder.on_change, recorder.on_rescan) as watcher:
        assert watcher.wait(PATIENCE_S)
        recorder.wait_for(lambda: recorder.rescans >= 2)  # compared while nothing tells of changes
    gaps = [later - earlier for earlier, later in itertools.pairwise(tries)]
    assert gaps[-1] >= 0.08 > gaps[0]
    assert watcher.report.reason == "Too many open files"


def test_more_folders_than_may_be_watched_are_compared(tmp_path, recorder, monkeypatch, caplog):
    monkeypatch.setattr(changes, "_MOST_FOLDERS", 3)
    monkeypatch.setattr(changes, "_COMPARE_EVERY_S", 0.1)
    monkeypatch.setattr(changes, "_COMPARING_COSTS", 0)
    for number in range(5):
        (tmp_path / f"f{number}").mkdir()
    with FileWatcher(Workspace(tmp_path), recorder.on_change, recorder.on_rescan) as watcher:
        recorder.wait_for(lambda: recorder.rescans >= 2)
    assert watcher.report.restarts == 0
    assert "more than 3 folders" in watcher.report.compared
    assert "are compared" in caplog.text


def test_no_watches_left_is_told_and_files_are_compared(tmp_path, monkeypatch):
    add = Inotify.add

    def refuse(self, folder):
        if len(self):
            raise OSError(errno.ENOSPC, "No space left on device")
        add(self, folder)

    monkeypatch.setattr(Inotify, "add", refuse)
    (tmp_path / "a").mkdir()
    source = FolderChanges(Workspace(tmp_path), threading.Event())
    assert "max_user_watches" in source.compared
    source.close()


def test_other_machines_file_systems_are_compared(tmp_path, monkeypatch):
    read = Path.read_text
    mounts = f"/dev/a / ext4 rw 0 0\nserver:/x {tmp_path} nfs4 rw 0 0\n"
    monkeypatch.setattr(
        Path,
        "read_text",
        lambda self, *a, **k: mounts if str(self) == "/proc/mounts" else read(self, *a, **k),
    )
    (tmp_path / "w").mkdir()
    source = FolderChanges(Workspace(tmp_path / "w"), threading.Event())
    assert "nfs4" in source.compared
    source.close()


def test_a_flood_of_changes_is_a_comparison(tmp_path, monkeypatch):
    monkeypatch.setattr(changes, "_MOST_PATHS", 20)
    source = FolderChanges(Workspace(tmp_path), threading.Event())
    events = [Event(tmp_path / f"{number}.py", False, True) for number in range(20)]
    assert source._follow(events) is None
    assert source._follow(events[:19]) == {event.path for event in events[:19]}
    source.close()


@pytest.mark.slow
def test_ten_thousand_folders_are_watched(tmp_path):
    for number in range(100):
        for inner in range(100):
            (tmp_path / str(number) / str(inner)).mkdir(parents=True)
    began = time.process_time()
    assert len(folders_of(Workspace(tmp_path))) >= 10_101
    assert time.process_time() - began < 10
