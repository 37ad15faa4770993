"""One branch of a git repository, fetched into a folder by the `git` program, which may do no more.

What is fetched may be a stranger's, and whoever answers at its address may be one: so git knows
neither this machine's settings nor its environment, asks nobody for anything, follows no redirect,
runs nothing of the repository's, makes no links, and is ended where it takes too long or too much.
"""

import base64
import os
import shlex
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryFile
from typing import Any, BinaryIO

from filelock import FileLock, Timeout

from completer.errors import CompleterError
from completer.place import Place, local_place
from completer.private_files import FILE_MODE, private_folder, read_secret

PROTOCOLS = "https:ssh"
WITHIN_S = 600.0
_MOST_MEMORY = 4 << 30
_LONGEST_MESSAGE = 2_000
_SERVED, _FETCHED = "refs/heads/served", "refs/heads/fetched"
_SSH = (
    "ssh", "-F", os.devnull, "-o", "BatchMode=yes", "-o", "StrictHostKeyChecking=yes",
    "-o", "IdentitiesOnly=yes", "-o", "ClearAllForwardings=yes", "-o", "ControlPath=none", "-i",
)  # fmt: skip
_CONFIG = {
    "core.hooksPath": os.devnull,
    "core.symlinks": "false",
    "core.fsmonitor": "false",
    "core.protectHFS": "true",
    "core.protectNTFS": "true",
    "core.logAllRefUpdates": "false",
    "core.packedGitLimit": "256m",
    "core.packedGitWindowSize": "32m",
    "credential.helper": "",
    "http.followRedirects": "false",
    "submodule.recurse": "false",
    "transfer.bundleURI": "false",
    "init.defaultRefFormat": "files",
    "gc.packRefs": "false",
    "gc.auto": "0",
    "maintenance.auto": "false",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """What is fetched: an address, a branch (empty: the usual one), and with which key.

    `key` is for ssh a private key, for https `user:password`; `ca_file` has the certificates by
    which a server is known, if the system's do not do.
    """

    url: str
    branch: str = ""
    key: Path | None = None
    ca_file: Path | None = None


class Checkout:
    """The files of a branch in `folder / name`, all that git keeps of it beside them in `.git`.

    Both may take `max_bytes` together, and each of git's commands `within_s` seconds.
    """

    def __init__(
        self, folder: Path, source: Source, *, max_bytes: int, within_s: float = WITHIN_S
    ) -> None:
        self.tree = local_place(folder)
        self._git_folder = self.tree.with_name(f"{self.tree.name}.git")
        self._source = source
        self._max_bytes = max_bytes
        self._within_s = within_s
        self._stopping = threading.Event()

    @property
    def is_there(self) -> bool:
        """Whether all of its files were there once."""
        return (self._git_folder / _SERVED).exists()

    def update(self) -> bool:
        """Fetch what the branch is now; return whether it is another one.

        Raises `CompleterError` where that cannot be; the files are then what they were, unless
        they could not be written.
        """
        if self.tree.exists() and not self._git_folder.exists():
            raise CompleterError(f"{self.tree} is in the way.", hint="Move it elsewhere.")
        private_folder(self._git_folder)
        try:
            with FileLock(self._git_folder / "lock", timeout=0, mode=FILE_MODE):
                return self._update()
        except Timeout:
            return False  # another server looks after it

    def stop(self) -> None:
        """End what is under way, and do nothing more."""
        self._stopping.set()

    def _update(self) -> bool:
        self._remove_leftovers()
        private_folder(self.tree)
        self._run("init", "--quiet", "--bare", "--template=", str(self._git_folder))
        branch = f"refs/heads/{self._source.branch}" if self._source.branch else "HEAD"
        self._git(
            "fetch", "--quiet", "--depth=1", "--no-tags", "--no-recurse-submodules", "--force",
            "--no-write-fetch-head", "--", self._source.url, f"+{branch}:{_FETCHED}",
        )  # fmt: skip
        if self._commit(_FETCHED) == self._commit(_SERVED):
            return False
        self._git("checkout", "--quiet", "--force", "--detach", _FETCHED)
        self._git("clean", "--quiet", "-ffdx")
        self._git("update-ref", _SERVED, _FETCHED)
        with suppress(CompleterError):  # the files are there; what is left over is bounded, too
            self._git("gc", "--quiet", "--prune=now")
        return True

    def _commit(self, ref: str) -> str:
        file = self._git_folder / ref
        return file.read_text() if file.exists() else ""

    def _remove_leftovers(self) -> None:
        """What git left when it was ended."""
        for pattern in ("*.lock", "refs/heads/*.lock", "objects/pack/tmp_*", "objects/??/tmp_*"):
            for left in self._git_folder.glob(pattern):
                left.unlink(missing_ok=True)

    def _git(self, *arguments: str) -> None:
        """Do something in the repository and its files."""
        self._run(f"--git-dir={self._git_folder}", f"--work-tree={self.tree}", *arguments)

    def _run(self, *arguments: str) -> None:
        with TemporaryFile() as said:
            process = self._start(("git", *arguments), said)
            try:
                self._watch(process)
            finally:
                _end(process)
            if process.returncode:
                said.seek(0)
                why = said.read(_LONGEST_MESSAGE).decode("utf-8", "replace").strip()
                doing = next(each for each in arguments if not each.startswith("-"))
                raise CompleterError(f"git {doing} failed: {why}")

    def _start(self, command: tuple[str, ...], said: BinaryIO) -> "subprocess.Popen[bytes]":
        own_group: dict[str, Any] = {}
        if sys.platform != "win32":
            own_group = {"start_new_session": True, "umask": 0o077}
        try:
            process = subprocess.Popen(  # noqa: S603  no shell; the address comes behind `--`
                command,
                env=self._environment(),
                cwd=self._git_folder,
                stdin=subprocess.DEVNULL,
                stdout=said,
                stderr=said,
                **own_group,
            )
        except OSError as error:
            raise CompleterError(f"git cannot be started: {error}", hint="Install it.") from error
        _limit_memory(process.pid)
        return process

    def _watch(self, process: "subprocess.Popen[bytes]") -> None:
        """Wait for its end. Raises `CompleterError` if that must come before its time."""
        until, pause_s, running = time.monotonic() + self._within_s, 0.02, True
        while running:
            with suppress(subprocess.TimeoutExpired):
                process.wait(pause_s)
                running = False
            began = time.monotonic()
            if _size(self.tree) + _size(self._git_folder) > self._max_bytes:
                raise CompleterError(f"It has more than {self._max_bytes >> 20} MB.")
            if self._stopping.is_set():
                raise CompleterError("The server ends.")
            if running and began > until:
                raise CompleterError(f"It took more than {self._within_s:g} s.")
            pause_s = max(0.2, 10 * (time.monotonic() - began))

    def _environment(self) -> Mapping[str, str]:
        """All that git and what it starts see of an environment."""
        config, source = dict(_CONFIG), self._source
        key = source.key and source.key.expanduser()
        if source.ca_file is not None:
            config["http.sslCAInfo"] = str(source.ca_file.expanduser())
        if key is not None:
            secret = read_secret(key, "deploy_key").strip()
            if source.url.startswith("https:"):
                encoded = base64.b64encode(secret.encode()).decode()
                config["http.extraHeader"] = f"Authorization: Basic {encoded}"
        settings = {"GIT_CONFIG_COUNT": str(len(config))}
        for number, (name, value) in enumerate(config.items()):
            settings |= {f"GIT_CONFIG_KEY_{number}": name, f"GIT_CONFIG_VALUE_{number}": value}
        kept = {name: os.environ[name] for name in ("PATH", "SYSTEMROOT") if name in os.environ}
        return (
            kept
            | settings
            | {
                "HOME": str(self._git_folder),
                "LC_ALL": "C",
                "GIT_ALLOW_PROTOCOL": PROTOCOLS,
                "GIT_ASKPASS": "",
                "GIT_ATTR_NOSYSTEM": "1",
                "GIT_CONFIG_GLOBAL": os.devnull,
                "GIT_CONFIG_NOSYSTEM": "1",
                "GIT_SSH_COMMAND": shlex.join([*_SSH, str(key)]),
                "GIT_TERMINAL_PROMPT": "0",
            }
        )


def _end(process: "subprocess.Popen[bytes]") -> None:
    """End a process that still runs, and all that it has started."""
    if process.poll() is None:
        if sys.platform == "win32":
            process.kill()
        else:
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()


def _limit_memory(process: int) -> None:
    if sys.platform == "linux":
        import resource

        with suppress(OSError):  # it has ended
            resource.prlimit(process, resource.RLIMIT_AS, (_MOST_MEMORY, _MOST_MEMORY))


def _size(folder: Place | Path) -> int:
    """Bytes of the files in a folder."""
    found = 0
    for above, _, names in os.walk(folder):
        for name in names:
            with suppress(OSError):  # it is gone
                found += os.lstat(f"{above}/{name}").st_size
    return found
