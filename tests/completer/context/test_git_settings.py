"""What git leaves out, compared with git itself: the user's excludes, worktrees, submodules."""

import os
import subprocess

import pytest

from completer.context.git_settings import excludes_files
from completer.context.workspace import Workspace
from tests.completer.context.repositories import GitRepository, needs_git

NAMES = ["a", "scratch", "mine", "theirs", "cfg"]


@pytest.fixture
def home(tmp_path, monkeypatch):
    """A user's home folder, with nothing in it."""
    folder = tmp_path / "home"
    folder.mkdir()
    monkeypatch.setenv("HOME", str(folder))
    for name in ("GIT_CONFIG_GLOBAL", "XDG_CONFIG_HOME"):
        monkeypatch.delenv(name, raising=False)
    return folder


@pytest.fixture
def git(home, tmp_path):
    git = GitRepository(tmp_path / "w")
    git.commit({"README": "text\n"})
    fill(git.folder)
    return git


def fill(folder):
    for name in NAMES:
        for path in (folder / f"{name}.py", folder / "sub" / f"{name}.py"):
            path.parent.mkdir(exist_ok=True)
            path.write_text("x = 1\n")


def write(path, text):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)


def as_git_lists(folder):
    """The files that git does not ignore, with the configuration that a user has."""
    done = subprocess.run(
        ["git", "ls-files", "--others", "--exclude-standard", "*.py"],
        cwd=folder,
        env={**os.environ, "GIT_CONFIG_NOSYSTEM": "1"},
        capture_output=True,
        text=True,
        check=True,
    )
    return sorted(done.stdout.split())


def as_we_list(folder):
    workspace = Workspace(folder)
    names = (workspace.relative(file.path) for file in workspace.iter_files())
    return sorted(name for name in names if name.endswith(".py"))


def agree(folder, *, without):
    listed = as_git_lists(folder)
    assert as_we_list(folder) == listed
    assert listed == sorted(f"{at}{n}.py" for n in NAMES for at in ("", "sub/") if n not in without)


@needs_git
def test_the_users_excludes_file(git, home):
    write(home / ".gitconfig", "[core]\n\texcludesFile = ~/ignored\n")
    write(home / "ignored", "scratch*\n")
    agree(git.folder, without=["scratch"])


@needs_git
def test_the_default_excludes_file(git, home, monkeypatch):
    write(home / ".config" / "git" / "ignore", "scratch*\n")
    agree(git.folder, without=["scratch"])
    monkeypatch.setenv("XDG_CONFIG_HOME", str(home / "xdg"))
    agree(git.folder, without=[])
    write(home / "xdg" / "git" / "ignore", "mine*\n")
    agree(git.folder, without=["mine"])
    write(home / "xdg" / "git" / "config", f"[core]\n\texcludesfile = {home}/other\n")
    write(home / "other", "theirs*\n")
    agree(git.folder, without=["theirs"])
    write(home / ".gitconfig", "[core]\n\texcludesFile =\n")
    agree(git.folder, without=[])


@needs_git
def test_what_the_user_includes_counts(git, home):
    write(home / ".gitconfig", '[include]\n\tpath = more\n[includeIf "gitdir:**/w/"]\n\tpath = w\n')
    write(home / "more", "[core]\n\texcludesFile = ~/one\n")
    write(home / "w", "[core]\n\texcludesFile = ~/two\n")
    write(home / "one", "mine*\n")
    write(home / "two", "scratch*\n")
    agree(git.folder, without=["scratch"])
    write(home / ".gitconfig", '[includeIf "gitdir:~/elsewhere/"]\n\tpath = w\n')
    agree(git.folder, without=[])


@needs_git
def test_the_weaker_and_the_stronger_files(git, home):
    write(home / ".config" / "git" / "ignore", "*.py\n!a.py\n")
    write(git.folder / ".git" / "info" / "exclude", "!mine.py\na.py\n")
    write(git.folder / ".gitignore", "!cfg.py\n")
    agree(git.folder, without=["scratch", "theirs", "a"])


@needs_git
def test_a_file_inside_that_the_repository_names(git):
    write(git.folder / "patterns", "cfg*\n")
    git("config", "core.excludesFile", "patterns")
    agree(git.folder, without=["cfg"])


@needs_git
def test_a_repository_cannot_name_a_file_outside(git, home, tmp_path):
    write(tmp_path / "outside", "a.py\n")
    write(home / ".config" / "git" / "ignore", "mine*\n")
    for path in (tmp_path / "outside", "../outside", "/dev/zero"):
        git("config", "core.excludesFile", path)
        assert [name for name in NAMES if f"{name}.py" not in as_we_list(git.folder)] == ["mine"]
    git("config", "--unset", "core.excludesFile")
    write(home / "included", f"[core]\n\texcludesFile = {tmp_path}/outside\n")
    git("config", "include.path", home / "included")
    assert "a.py" in as_we_list(git.folder)


@needs_git
def test_a_worktree_has_the_exclude_file_of_all(git, tmp_path):
    git("worktree", "add", "--quiet", "-b", "other", "../v")
    fill(tmp_path / "v")
    write(git.folder / ".git" / "info" / "exclude", "theirs*\n")
    write(git.folder / ".git" / "worktrees" / "v" / "info" / "exclude", "a.py\n")
    agree(tmp_path / "v", without=["theirs"])


@needs_git
def test_a_submodule_has_its_own_exclude_file(git, home, tmp_path):
    outer = GitRepository(tmp_path / "outer")
    outer.add_submodule(git.folder, "inner")
    fill(outer.folder / "inner")
    write(home / ".config" / "git" / "ignore", "scratch*\n")
    write(outer.folder / ".git" / "info" / "exclude", "a.py\n")
    write(outer.folder / ".git" / "modules" / "inner" / "info" / "exclude", "mine*\n")
    write(outer.folder / ".gitignore", "cfg*\n")
    agree(outer.folder / "inner", without=["scratch", "mine"])
    # From the outer repository, too, each file is judged by the repository that it is in.
    inner = [name.removeprefix("inner/") for name in as_we_list(outer.folder)]
    assert inner == as_git_lists(outer.folder / "inner")


@needs_git
def test_without_a_repository_the_user_is_heard(home, tmp_path):
    write(home / ".config" / "git" / "ignore", "scratch*\n")
    folder = tmp_path / "plain"
    folder.mkdir()
    fill(folder)
    assert [name for name in NAMES if f"{name}.py" not in as_we_list(folder)] == ["scratch"]


def test_a_broken_configuration_of_the_user_is_passed_over(home, caplog):
    write(home / ".gitconfig", "[core\n")
    write(home / ".config" / "git" / "config", "[core]\n\texcludesFile = /x\n")
    assert [str(folder / path) for folder, path in excludes_files(None)] == ["/x"]
    assert "is not read" in caplog.text


@needs_git
def test_what_only_looks_like_a_repository_changes_nothing(git):
    write(git.folder / ".gitignore", "mine*\n")
    (git.folder / "sub" / ".git").mkdir()
    agree(git.folder, without=["mine"])
    (git.folder / "sub" / ".git").rmdir()
    write(git.folder / "sub" / ".git", "gitdir: ../.git\n")
    assert "sub/mine.py" not in as_we_list(git.folder)
