"""The editors of one engine: what each has open and asks, so that they share it and nothing else.

A request sees the workspaces that its own editor has open. A workspace stays as long as any has;
one whose editor went without a word stays a while, for that may come back.
"""

from __future__ import annotations

import asyncio
import logging
from collections import Counter
from collections.abc import Callable, Iterable
from contextlib import aclosing
from dataclasses import replace

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
    Moved,
    NextEditsFound,
    OpenWorkspace,
    Piece,
    Question,
    Said,
    Stream,
)
from completer.errors import CompleterError
from completer.interface import CompletionService
from completer.place import Place, innermost
from completer.request import TextDelta

log = logging.getLogger(__name__)
Send = Callable[[Said], None]


class Editors:
    """All editors that are connected; `own` workspaces are open whether or not an editor is.

    What an editor had open stays for `stays_s` seconds when it is gone.
    """

    def __init__(
        self, service: CompletionService, own: Iterable[Place] = (), *, stays_s: float = 600.0
    ) -> None:
        self.service = service
        self._stays_s = stays_s
        self._open = Counter(own)
        self._texts: dict[tuple[Place, Place], dict[Editor, str]] = {}
        self._connected: set[Editor] = set()
        self._last_left = asyncio.get_running_loop().time()

    def __len__(self) -> int:
        return len(self._connected)

    @property
    def running(self) -> int:
        """How many requests are being answered."""
        return sum(len(editor.tasks) for editor in self._connected)

    @property
    def alone_s(self) -> float:
        """For how many seconds no editor has been connected; 0 while one is."""
        return 0.0 if self._connected else asyncio.get_running_loop().time() - self._last_left

    def connected(self, send: Send) -> Editor:
        """An editor has come; `send` takes what is said to it, at once."""
        editor = Editor(self, send)
        self._connected.add(editor)
        return editor

    def gone(self, editor: Editor, roots: Iterable[Place]) -> None:
        """An editor has gone, and had these workspaces open."""
        self._connected.discard(editor)
        loop = asyncio.get_running_loop()
        self._last_left = loop.time()
        for root, path in [key for key, texts in self._texts.items() if editor in texts]:
            self.document_changed(editor, root, path, None)
        for root in roots:
            loop.call_later(self._stays_s, self.close, root)

    def move(self) -> None:
        """Send all editors to the engine that has taken over."""
        for editor in self._connected:
            editor.send(Moved())

    def open(self, root: Place) -> None:
        """One editor more has a workspace open."""
        self._open[root] += 1
        if self._open[root] == 1:
            try:
                self.service.open_workspace(root)
            except CompleterError as error:
                log.warning("workspace left out: %s", error)

    def close(self, root: Place) -> None:
        """One editor less has a workspace open."""
        self._open[root] -= 1
        if not self._open[root]:
            del self._open[root]
            self.service.close_workspace(root)

    def close_all(self) -> None:
        """Close all workspaces, whoever has them open."""
        for root in list(self._open):
            self.service.close_workspace(root)
        self._open.clear()
        self._texts.clear()

    def document_changed(self, editor: Editor, root: Place, path: Place, text: str | None) -> None:
        """An editor's text of a document; of several editors' texts, the last that came counts."""
        texts = self._texts.setdefault((root, path), {})
        texts.pop(editor, None)
        if text is not None:
            texts[editor] = text
        elif texts:
            text = next(reversed(texts.values()))
        else:
            del self._texts[root, path]
        self.service.document_changed(path, text, root)


class Editor:
    """One connected editor: takes what it sends, in order, and answers what it asks."""

    def __init__(self, editors: Editors, send: Send) -> None:
        self._editors = editors
        self.send = send
        self.tasks: dict[int, asyncio.Task[None]] = {}
        self._roots: dict[Place, None] = {}

    @property
    def roots(self) -> tuple[Place, ...]:
        """The workspaces that it has open."""
        return tuple(self._roots)

    def take(self, message: Asked) -> None:
        """Act on a message; requests are answered later."""
        match message:
            case Complete() | Stream() | FindNextEdits():
                self._start(message)
            case Cancel(number):
                if (task := self.tasks.get(number)) is not None:
                    task.cancel()
            case OpenWorkspace(root) if root not in self._roots:
                self._roots[root] = None
                self._editors.open(root)
            case CloseWorkspace(root) if root in self._roots:
                del self._roots[root]
                self._editors.close(root)
            case DocumentChanged(path, text):
                if (around := innermost(path, self._roots)) is not None:
                    self._editors.document_changed(self, around, path, text)
            case Accepted(completion_id, text):
                self._editors.service.accepted(completion_id, text)

    def gone(self) -> None:
        """The connection has ended."""
        for task in self.tasks.values():
            task.cancel()
        self._editors.gone(self, self._roots)

    def _start(self, message: Question) -> None:
        asked, roots = message.request.may_use, frozenset(self._roots)
        request = replace(message.request, may_use=roots if asked is None else roots & asked)
        task = asyncio.create_task(self._answer(replace(message, request=request)))  # type: ignore[arg-type]
        self.tasks[message.id] = task
        task.add_done_callback(lambda done: self._ended(message.id, done))

    def _ended(self, number: int, task: asyncio.Task[None]) -> None:
        self.tasks.pop(number, None)
        if not task.cancelled() and isinstance(error := task.exception(), Exception):
            if not hasattr(error, "hint"):  # what was not made on purpose
                log.error("a request failed", exc_info=error)
            self.send(failure(number, error))

    async def _answer(self, message: Question) -> None:
        match message:
            case Complete():
                await self._complete(message)
            case Stream():
                await self._stream(message)
            case FindNextEdits(number, request):
                edits = await self._editors.service.next_edits(request)
                self.send(NextEditsFound(number, edits))

    async def _complete(self, message: Complete) -> None:
        self.send(Completed(message.id, await self._editors.service.complete(message.request)))

    async def _stream(self, message: Stream) -> None:
        async with aclosing(self._editors.service.stream(message.request)) as parts:
            async for part in parts:
                if isinstance(part, TextDelta):
                    self.send(Piece(message.id, part.index, part.text))
                else:
                    self.send(Completed(message.id, part))
