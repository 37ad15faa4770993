"""Keeps a server's mirror of one workspace up to date, on threads of its own.

The files are those that an engine here would read, found, judged and cleaned by the same code.
"""

import logging
import queue
import threading
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path

from completer.context.content import opened_beneath, read_up_to
from completer.context.feed import WorkspaceFeed
from completer.context.workspace import Workspace
from completer.engine_process.messages import Asked, ListFiles, SendTexts
from completer.place import Place
from completer.remote.names import MirroredFile, is_name, mirrored
from completer.remote.origin import origin_of
from completer.settings import LARGEST_REPOSITORY_FILE, REPOSITORY_FILE

log = logging.getLogger(__name__)
LOOKS_EVERY_S = 0.5
Send = Callable[[Asked], None]
"""Sends a message, from any thread."""


class Sending:
    """Knows the files of the workspace `root`, and tells one server at a time of them."""

    def __init__(self, root: Place) -> None:
        self._root = root
        self._workspace = Workspace(root)
        self._feed = WorkspaceFeed(self._workspace, [self._update])
        self._files: dict[str, MirroredFile] = {}
        self._changed: set[str] = set()
        self._settings = ""
        self._send: Send | None = None
        self._told = False
        self._lock = threading.Lock()
        self._wanted: queue.SimpleQueue[Sequence[str]] = queue.SimpleQueue()
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="mirror", daemon=True)
        self._thread.start()

    def begin(self, send: Send) -> None:
        """Tell a server of all files, and from now on of what changes."""
        with self._lock:
            self._send, self._told = send, False
        self._wanted.put(())

    def end(self, send: Send) -> None:
        """The connection to that server is lost; another one may have begun."""
        with self._lock:
            if self._send == send:
                self._send = None

    def wanted(self, digests: Sequence[str]) -> None:
        """Have the texts of these digests sent soon."""
        self._wanted.put(digests)

    def may_send(self, path: Path) -> bool:
        """Whether an open document may be sent, as far as its name goes."""
        return self._workspace.check_name(path).ok

    def close(self) -> None:
        """Stop; what reads ends soon."""
        self._stopping.set()
        self._wanted.put(())
        self._feed.stop()
        self._thread.join(2.0)

    def _run(self) -> None:
        self._feed.start()
        while not self._stopping.is_set() and not self._feed.wait(LOOKS_EVERY_S):
            pass
        while not self._stopping.is_set():
            digests: Sequence[str] = ()
            with suppress(queue.Empty):
                digests = self._wanted.get(timeout=LOOKS_EVERY_S)
            try:
                self._tell(digests)
            except Exception:
                log.exception("the files of %s are not sent", self._root)

    def _tell(self, digests: Sequence[str]) -> None:
        """Send the texts that are wanted, and what has changed since it was told."""
        settings = self._workspace.cleaned(_settings_of(self._root))
        with self._lock:
            send, all_of_it = self._send, not self._told
            changed, self._changed = self._changed, set[str]()
            if send is None:
                return
            self._told = True
            names = self._files.keys() if all_of_it else changed
            files = tuple(self._files[name] for name in names if name in self._files)
            gone = () if all_of_it else tuple(changed - self._files.keys())
        if digests:
            send(SendTexts(self._root, tuple(self._texts(digests))))
        if all_of_it or changed or settings != self._settings:
            self._settings = settings
            send(
                ListFiles(
                    self._root,
                    files,
                    gone,
                    complete=all_of_it,
                    settings=settings,
                    origin=origin_of(self._root),
                )
            )

    def _texts(self, digests: Sequence[str]) -> list[str]:
        """The texts that are still what they were when they were listed."""
        with self._lock:
            names = {file.digest: name for name, file in self._files.items()}
        found = []
        for digest in digests:
            name = names.get(digest)
            text = self._workspace.read(self._root / name) if name is not None else None
            if name and text is not None and mirrored(name, text, whole=True).digest == digest:
                found.append(text)
        return found

    def _update(self, path: Path, text: str | None, *, edited: bool) -> None:
        """Take over what the feed says of a file: see `Sink`. Open documents travel by themselves.

        What is gone may be a folder; then the feed names each file in it.
        """
        name = self._workspace.relative(path)
        if edited or not is_name(name):
            return
        whole = text is not None and self._workspace.read(path, whole=True) == text
        file = None if text is None else mirrored(name, text, whole=whole)
        with self._lock:
            self._changed.add(name)
            self._files.pop(name, None)
            if file is not None:
                self._files[name] = file


def _settings_of(root: Place) -> str:
    """What the workspace's own file of settings says."""
    try:
        with opened_beneath(root, [REPOSITORY_FILE]) as descriptor:
            return (read_up_to(descriptor, LARGEST_REPOSITORY_FILE) or b"").decode()
    except (OSError, ValueError):
        return ""
