"""Git repositories for tests, made by git itself."""

import os
import shutil
import subprocess

import pytest

needs_git = pytest.mark.skipif(shutil.which("git") is None, reason="git is not installed")
_NOBODY = {
    "GIT_CONFIG_GLOBAL": os.devnull,
    "GIT_CONFIG_SYSTEM": os.devnull,
    **{f"GIT_{who}_{what}": "a@b" for who in ("AUTHOR", "COMMITTER") for what in ("NAME", "EMAIL")},
}


class GitRepository:
    """A repository whose files a test writes and commits."""

    def __init__(self, folder, *options):
        folder.mkdir(parents=True, exist_ok=True)
        self.folder = folder.resolve()
        self("init", "--quiet", "--initial-branch=main", *options)

    def __call__(self, *arguments):
        """Run git; returns what it prints."""
        done = subprocess.run(
            ["git", *map(str, arguments)],
            cwd=self.folder,
            env=os.environ | _NOBODY,
            capture_output=True,
            text=True,
            check=True,
        )
        return done.stdout.strip()

    def commit(self, files, *options):
        """Write files and commit everything; returns the commit's id."""
        for name, text in files.items():
            path = self.folder / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(text if isinstance(text, bytes) else text.encode())
        self("add", "--all")
        self("commit", "--quiet", "--message", "a message: with a colon", *options)
        return self("rev-parse", "HEAD")

    def add_submodule(self, source, name):
        """Put a clone of another repository into this one."""
        self("-c", "protocol.file.allow=always", "submodule", "--quiet", "add", str(source), name)
