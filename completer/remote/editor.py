"""One editor on another machine: what it sends, in words of this machine, and its mirrors.

Its workspaces are folders of mirrors here, and each path in a message is turned into one in there,
or into a mere name: nothing that it names is ever a path of this machine.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Coroutine
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from completer.engine_process.editors import Editors
from completer.engine_process.failures import failure
from completer.engine_process.messages import (
    Accepted,
    Asked,
    Cancel,
    CloseWorkspace,
    Complete,
    Completed,
    DocumentChanged,
    FindNextEdits,
    ListFiles,
    NextEditsFound,
    NotMirrored,
    OpenWorkspace,
    Question,
    Said,
    SendTexts,
    Stream,
    Synchronising,
)
from completer.errors import BadRequestError, CompleterError, OverloadedError
from completer.place import Place, innermost, name_in
from completer.remote.mirror import is_mirrored
from completer.remote.mirrors import PersonsMirrors
from completer.remote.names import is_name, place_there
from completer.remote.receiving import LARGEST, Receiving

log = logging.getLogger(__name__)
LONGEST_FOLDER = 255  # characters of its name
MOST_DOCUMENTS = 1_000  # that one editor has open


@dataclass(frozen=True, slots=True)
class Person:
    """Whose an editor is, and on which of their machines: names there are its own."""

    name: str
    machine: str = ""


class RemoteEditor:
    """Takes what one connection brings.

    `editors` and `mirrors` are this person's; more than `most_running` requests at once are
    refused.
    """

    def __init__(
        self,
        editors: Editors,
        mirrors: PersonsMirrors,
        send: Callable[[Said], None],
        person: Person,
        *,
        most_running: int = 32,
    ) -> None:
        self._editors = editors
        self._mirrors = mirrors
        self._send = send
        self._person = person
        self._most_running = most_running
        self._editor = editors.connected(self._say)
        self._there: dict[Place, Place] = {}
        self._here: dict[Place, Place] = {}
        self._receiving: dict[Place, Receiving] = {}
        self._documents: dict[Place, str] = {}
        self._in_turn = asyncio.Lock()
        self._tasks: set[asyncio.Task[None]] = set()

    @property
    def roots(self) -> tuple[Place, ...]:
        """The folders of the mirrors that are in use."""
        return tuple(self._there.values())

    def send(self, message: Said) -> None:
        """Say something as it is."""
        self._send(message)

    def take(self, message: Asked) -> None:
        """Act on a message; requests are answered later, files are received on a thread."""
        try:
            self._take(message)
        except CompleterError as error:
            if isinstance(message, Question):
                self._send(failure(message.id, error))
            else:
                log.info("a message was left out: %s", error)

    def gone(self) -> None:
        """The connection has ended."""
        for task in self._tasks:
            task.cancel()
        self._editor.gone()

    def _take(self, message: Asked) -> None:
        match message:
            case Complete() | Stream() | FindNextEdits():
                self._ask(message)
            case OpenWorkspace(root):
                self._open(place_there(root))
            case CloseWorkspace(root):
                self._close(place_there(root))
            case ListFiles() | SendTexts():
                self._spawn(self._receive(replace(message, root=place_there(message.root))))
            case DocumentChanged(path, text):
                self._document_changed(self._mapped(path), text)
            case Accepted() | Cancel():
                self._editor.take(message)

    def _ask(self, message: Question) -> None:
        if self._editors.running >= self._most_running:
            most = f"More than {self._most_running} requests of one person at once."
            raise OverloadedError(most, retry_after_s=1.0)
        request = message.request
        workspace = request.workspace and place_there(request.workspace)
        root = self._there.get(workspace) if workspace else None
        if root is not None and not is_mirrored(root):
            root = None  # the model alone, until the files are there
        more: dict[str, Any] = {"workspace": root}
        if isinstance(message, FindNextEdits):
            hunks = message.request.history
            more["history"] = hunks and tuple(
                replace(each, path=self._mapped(each.path)) for each in hunks
            )
        else:
            more["user"] = self._person.name
            path = request.path and place_there(request.path)
            named = workspace or innermost(path, self._there)
            more["workspace_name"] = named.name[:LONGEST_FOLDER] if named else ""
        path = request.path and self._mapped(request.path)
        request = replace(request, path=path, **more)  # type: ignore[arg-type]
        self._editor.take(replace(message, request=request))  # type: ignore[arg-type]

    def _mapped(self, path: Path) -> Place:
        """What a path of the client's is called here: a mere name where it lies in no workspace.

        Raises `BadRequestError` for what no file can be called.
        """
        path = place_there(path)
        root = innermost(path, self._there)
        name = name_in(path, root) if root else path.name
        if not is_name(name):
            raise BadRequestError("No file can be called so.")
        return Place(self._there[root] / name if root else Path(name))

    def _document_changed(self, path: Place, text: str | None) -> None:
        """Hand a document on, once the engine has its workspace."""
        if text is None:
            self._documents.pop(path, None)
        elif len(text) > LARGEST or len(self._documents.keys() | {path}) > MOST_DOCUMENTS:
            return
        else:
            self._documents[path] = text
        self._editor.take(DocumentChanged(path, text))

    def _open(self, root: Place) -> None:
        if root in self._there:
            return
        try:
            folder = self._mirrors.open(f"{self._person.machine}\0{root}")
        except CompleterError as error:
            self._send(NotMirrored(root, str(error), error.hint))
            return
        self._there[root], self._here[folder] = folder, root
        self._receiving[root] = Receiving(self._mirrors, folder, root)
        self._use(folder)

    def _close(self, root: Place) -> None:
        if root not in self._there:
            return
        folder = self._there.pop(root)
        del self._here[folder], self._receiving[root]
        self._editor.take(CloseWorkspace(folder))

    async def _receive(self, message: Synchronising) -> None:
        async with self._in_turn:
            receiving = self._receiving.get(message.root)
            if receiving is None:
                return
            try:
                said = await asyncio.to_thread(lambda: list(receiving.take(message)))
            except OSError as error:
                log.warning("a mirror cannot be kept: %s", error)
                why = "The server cannot keep its mirror; its log says why."
                said = [NotMirrored(message.root, why)]
            for each in said:
                self._send(each)
            if (folder := self._there.get(message.root)) is not None:
                self._use(folder)

    def _use(self, folder: Place) -> None:
        """Have the engine read a mirror, as soon as one is whole."""
        if folder not in self._editor.roots and is_mirrored(folder):
            self._editor.take(OpenWorkspace(folder))
            for path, text in self._documents.items():
                if innermost(path, (folder,)):
                    self._editor.take(DocumentChanged(path, text))

    def _say(self, message: Said) -> None:
        """Say what the engine says, in words of the client's machine."""
        if isinstance(message, NextEditsFound):
            edits = (replace(each, path=self._named(each.path)) for each in message.edits)
            message = replace(message, edits=tuple(edits))
        elif isinstance(message, Completed) and not self._is_whole:
            completion = replace(message.completion, indexed=False)
            message = replace(message, completion=completion)
        self._send(message)

    @property
    def _is_whole(self) -> bool:
        return all(folder in self._editor.roots for folder in self._here)

    def _named(self, path: Place) -> Place:
        """What the client calls a file in one of its mirrors."""
        folder = innermost(path, self._here)
        return Place(self._here[folder] / name_in(path, folder)) if folder else path

    def _spawn(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
