"""Moves of HEAD as git makes them: commits with their lines, and everything else."""

import os
import threading
import time

import pytest

from completer.context.git_heads import GitHeads
from tests.completer.context.repositories import GitRepository, needs_git

pytestmark = needs_git
PATIENCE_S = 10


class Seen:
    """What was reported, and a way to wait for it."""

    def __init__(self):
        self.commits = []
        self.moves = []

    def on_commit(self, folder, lines):
        self.commits.append((folder, lines))

    def on_move(self, folder):
        self.moves.append(folder)

    def wait_for(self, commits=0, moves=0):
        deadline = time.monotonic() + PATIENCE_S
        while (len(self.commits), len(self.moves)) != (commits, moves):
            assert time.monotonic() < deadline, (self.commits, self.moves)
            time.sleep(0.01)


@pytest.fixture
def git(tmp_path):
    git = GitRepository(tmp_path / "w")
    git.commit({"a.py": "one\n", "sub/b.py": "two\n"})
    return git


@pytest.fixture
def seen():
    return Seen()


@pytest.fixture
def heads(seen):
    heads = GitHeads(seen.on_commit, seen.on_move)
    yield heads
    heads.stop()


def test_a_commit_comes_with_its_lines(git, heads, seen):
    heads.watch([git.folder])
    commit = git.commit({"a.py": "one\nthree\n"})
    seen.wait_for(commits=1)
    ((folder, lines),) = seen.commits
    assert folder == git.folder
    assert (lines.id, lines.amends) == (commit, None)
    assert lines.added == {git.folder / "a.py": ["three"]}


def test_an_amended_commit_names_the_one_it_replaces(git, heads, seen):
    heads.watch([git.folder])
    first = git.commit({"a.py": "one\nthree\n"})
    second = git.commit({"a.py": "one\nfour\n"}, "--amend")
    seen.wait_for(commits=2)
    assert [(lines.id, lines.amends) for _, lines in seen.commits] == [
        (first, None),
        (second, first),
    ]


def test_another_branch_moves_the_files_and_a_new_one_does_not(git, heads, seen):
    heads.watch([git.folder])
    git("checkout", "--quiet", "-b", "new")  # the same commit: no file changes
    git.commit({"a.py": "other\n"})
    git("checkout", "--quiet", "main")
    git("reset", "--quiet", "--hard", "new")
    seen.wait_for(commits=1, moves=2)
    assert seen.moves == [git.folder] * 2


def test_folders_of_one_repository_share_a_watch(git, heads, seen):
    heads.watch([git.folder / "sub", git.folder])
    git.commit({"a.py": "three\n"})
    git("checkout", "--quiet", "HEAD~1")
    seen.wait_for(commits=1, moves=2)
    assert seen.moves == [git.folder / "sub", git.folder]


def test_a_folder_that_was_closed_is_not_reported(git, heads, seen, tmp_path):
    other = GitRepository(tmp_path / "v")
    heads.watch([git.folder, other.folder, tmp_path])
    heads.watch([other.folder])
    git.commit({"a.py": "three\n"})
    other.commit({"c.py": "four\n"})  # its first: there was no reflog before
    seen.wait_for(commits=1)
    assert seen.commits[0][0] == other.folder


def test_a_callback_that_fails_does_not_end_the_watch(git, heads, seen, monkeypatch, caplog):
    def fail(folder, lines):
        monkeypatch.setattr(heads, "_on_commit", seen.on_commit)
        raise RuntimeError("on purpose")

    monkeypatch.setattr(heads, "_on_commit", fail)
    heads.watch([git.folder])
    git.commit({"a.py": "three\n"})
    until = time.monotonic() + 10
    while "on purpose" not in caplog.text:  # two commits may be seen as one
        assert time.monotonic() < until
        time.sleep(0.02)
    git.commit({"a.py": "four\n"})
    seen.wait_for(commits=1)


def test_lines_by_the_thousand_are_passed_over(git, heads, seen):
    heads.watch([git.folder])
    reflog = git.folder / ".git" / "logs" / "HEAD"
    line = reflog.read_bytes().splitlines(keepends=True)[-1]
    with reflog.open("ab") as file:
        file.write(line * 10_000)
    time.sleep(0.5)
    git.commit({"a.py": "three\n"})
    seen.wait_for(commits=1)


def test_lines_that_mean_nothing_are_told_once(git, heads, seen, caplog):
    heads.watch([git.folder])
    with (git.folder / ".git" / "logs" / "HEAD").open("ab") as file:
        file.write(b"nonsense\n\xff\n" * 1000)
    time.sleep(0.5)
    git.commit({"a.py": "three\n"})
    seen.wait_for(commits=1)
    assert len(caplog.records) == 1


def test_a_log_that_is_no_file_is_not_read(git, heads, seen):
    reflog = git.folder / ".git" / "logs" / "HEAD"
    reflog.unlink()
    os.mkfifo(reflog)
    heads.watch([git.folder])
    time.sleep(0.5)
    reflog.unlink()
    git.commit({"a.py": "three\n"})
    seen.wait_for(commits=1)


def test_files_with_any_name_may_lie_beside_it(git, heads, seen):
    heads.watch([git.folder])
    (git.folder / ".git" / os.fsdecode(b"\xff")).touch()
    git.commit({"a.py": "three\n"})
    seen.wait_for(commits=1)


def test_stopping_ends_the_thread(git, heads):
    heads.watch([git.folder])
    assert "head-watcher" in {thread.name for thread in threading.enumerate()}
    heads.stop()
    deadline = time.monotonic() + PATIENCE_S
    while "head-watcher" in {thread.name for thread in threading.enumerate()}:
        assert time.monotonic() < deadline
        time.sleep(0.01)
