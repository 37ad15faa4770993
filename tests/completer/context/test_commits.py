"""What a commit adds, in repositories that git has made."""

import os
import shutil

import pytest

from completer.context.commits import MOST_FILES, committed_lines
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


def test_a_packed_repository(git):
    git.commit({"a.py": "one\n"})
    commit = git.commit({"a.py": "one\ntwo\n"})
    git("gc", "--quiet", "--aggressive")
    assert added(git, commit) == {"a.py": ["two"]}


def test_a_repository_of_the_longer_names(tmp_path):
    git = GitRepository(tmp_path / "w", "--object-format=sha256")
    git.commit({"a.py": "one\n"})
    assert added(git, git.commit({"a.py": "one\ntwo\n"})) == {"a.py": ["two"]}


def test_another_repositorys_objects_are_not_read(git, tmp_path):
    commit = git.commit({"a.py": "one\n"})
    other = GitRepository(tmp_path / "other")
    alternates = other.folder / ".git" / "objects" / "info" / "alternates"
    alternates.write_text(f"{git.folder}/.git/objects\n")
    assert other("cat-file", "-t", commit) == "commit"
    with pytest.raises(KeyError):
        committed_lines(other.folder, commit)


def test_configuration_is_not_read(git):
    commit = git.commit({"a.py": "one\n"})
    for name in ("config", "HEAD", "packed-refs"):
        (git.folder / ".git" / name).unlink(missing_ok=True)
        os.mkfifo(git.folder / ".git" / name)
    assert added(git, commit) == {"a.py": ["one"]}


@pytest.mark.parametrize("make", [os.mkfifo, lambda path: path.symlink_to("/dev/zero")])
def test_special_files_are_not_read(git, make):
    commit = git.commit({"a.py": "one\n"})
    loose = git.folder / ".git" / "objects" / commit[:2] / commit[2:]
    loose.unlink()
    make(loose)
    with pytest.raises(OSError, match="a link"):
        committed_lines(git.folder, commit)
    loose.unlink()
    for name in ("pack-1.pack", "pack-1.idx"):
        make(git.folder / ".git" / "objects" / "pack" / name)
    with pytest.raises(OSError, match="a link"):
        committed_lines(git.folder, commit)


def test_objects_behind_a_link_are_not_read(git, tmp_path):
    commit = git.commit({"a.py": "one\n"})
    objects = git.folder / ".git" / "objects"
    shutil.move(objects, tmp_path / "elsewhere")
    objects.symlink_to(tmp_path / "elsewhere")
    with pytest.raises(OSError, match="a link"):
        committed_lines(git.folder, commit)
