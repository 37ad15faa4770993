"""What a commit adds, in repositories that git has made."""

import pytest

from completer.context.commits import MOST_FILES, committed_lines, git_folder
from tests.completer.context.repositories import GitRepository, needs_git

pytestmark = needs_git


@pytest.fixture
def git(tmp_path):
    return GitRepository(tmp_path / "w")


def added(git, commit):
    lines = committed_lines(git.folder, commit).added
    return {path.relative_to(git.folder).as_posix(): sorted(new) for path, new in lines.items()}


def test_the_first_commit_adds_everything(git):
    commit = git.commit({"a.py": "one\ntwo\n", "sub/b.py": "three\n"})
    assert added(git, commit) == {"a.py": ["one", "two"], "sub/b.py": ["three"]}


def test_moved_lines_and_deletions_add_nothing(git):
    git.commit({"a.py": "one\ntwo\nthree\n", "b.py": "x\n"})
    commit = git.commit({"a.py": "three\none\nfour\none\n", "b.py": ""})
    assert added(git, commit) == {"a.py": ["four", "one"]}


def test_a_renamed_file_adds_what_is_new_in_it(git):
    git.commit({"a.py": "".join(f"line {i}\n" for i in range(40))})
    git("mv", "a.py", "b.py")
    commit = git.commit({"b.py": (git.folder / "b.py").read_text() + "new\n"})
    assert added(git, commit) == {"b.py": ["new"]}


def test_what_is_no_text_is_left_out(git):
    commit = git.commit({"a.bin": b"\0\1\2\n", "b.py": b"caf\xe9\n"})
    assert added(git, commit) == {"b.py": ["caf\ufffd"]}


def test_a_commit_of_too_many_files_is_nobodys_writing(git):
    commit = git.commit({f"{i}.py": "x\n" for i in range(MOST_FILES + 1)})
    assert added(git, commit) == {}


def test_a_commit_that_is_not_there(git):
    git.commit({"a.py": "one\n"})
    with pytest.raises(KeyError):
        committed_lines(git.folder, "0" * 40)


def test_a_folder_knows_its_repository(git, tmp_path):
    git.commit({"sub/a.py": "one\n"})
    assert git_folder(git.folder / "sub") == git.folder / ".git"
    git("worktree", "add", "--quiet", "-b", "other", "../v")
    assert git_folder(tmp_path / "v") == git.folder / ".git" / "worktrees" / "v"
    assert git_folder(tmp_path) is None
