"""Where git keeps its files, in repositories that git has made and in ones that lie."""

import os

import pytest

from completer.context.git_folders import GitFolders, git_folders, read_config
from tests.completer.context.repositories import GitRepository, needs_git


@pytest.fixture
def git(tmp_path):
    git = GitRepository(tmp_path / "w")
    git.commit({"sub/a.py": "one\n"})
    return git


@needs_git
def test_a_folder_knows_its_repository(git, tmp_path):
    own = git.folder / ".git"
    assert git_folders(git.folder / "sub") == GitFolders(git.folder, own, own)
    assert git_folders(tmp_path) is None


@needs_git
def test_a_worktree(git, tmp_path):
    git("worktree", "add", "--quiet", "-b", "other", "../v")
    common = git.folder / ".git"
    assert git_folders(tmp_path / "v" / "sub") == GitFolders(
        tmp_path / "v", common / "worktrees" / "v", common
    )


@needs_git
def test_a_submodule(git, tmp_path):
    outer = GitRepository(tmp_path / "outer")
    outer.add_submodule(git.folder, "inner")
    own = outer.folder / ".git" / "modules" / "inner"
    assert git_folders(outer.folder / "inner" / "sub") == GitFolders(
        outer.folder / "inner", own, own
    )


@needs_git
@pytest.mark.parametrize(
    "pointer", ["gitdir: {}", "gitdir: {}/worktrees/v", "gitdir: ", "{}", "\0"]
)
def test_a_file_that_names_another_repository_leads_nowhere(git, tmp_path, pointer):
    git("worktree", "add", "--quiet", "-b", "other", "../v")
    hostile = tmp_path / "hostile"
    hostile.mkdir()
    (hostile / ".git").write_text(pointer.format(git.folder / ".git"))
    assert git_folders(hostile) == GitFolders(hostile)


@needs_git
def test_a_link_is_not_followed(git, tmp_path):
    hostile = tmp_path / "hostile"
    hostile.mkdir()
    (hostile / ".git").symlink_to(git.folder / ".git")
    assert git_folders(hostile) == GitFolders(hostile)


@needs_git
def test_a_common_folder_elsewhere_is_not_used(git, tmp_path):
    hostile = tmp_path / "hostile"
    own = hostile / "real"
    own.mkdir(parents=True)
    (hostile / ".git").write_text("gitdir: real")
    (own / "gitdir").write_text(str(hostile / ".git"))
    (own / "commondir").write_text(str(git.folder / ".git"))
    assert git_folders(hostile) == GitFolders(hostile)


@pytest.mark.parametrize(
    "make",
    [
        lambda path: os.mkfifo(path),
        lambda path: path.symlink_to("/dev/zero"),
        lambda path: path.mkdir(),
        lambda path: path.write_bytes(b"[core" * 100_000),
        lambda path: path.write_bytes(b'[core]\n\tworktree = "x\n'),
        lambda path: path.write_bytes(b"[include]\n\tpath = /dev/zero\n"),
    ],
    ids=["fifo", "device", "folder", "huge", "malformed", "include"],
)
def test_a_configuration_that_is_none_says_nothing(tmp_path, make):
    make(tmp_path / "config")
    with pytest.raises(KeyError):
        read_config(tmp_path).get((b"core",), b"worktree")
