"""The service for a language server, answered by an engine in another process.

It knows what is open, so that an engine that takes another's place is told all of it before it is
asked again. Nothing here waits for an engine but the request that asks it.
"""

from __future__ import annotations

import asyncio
import itertools
import logging
from collections.abc import AsyncGenerator, Awaitable, Callable, Coroutine, Hashable
from contextlib import aclosing, suppress
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from completer.engine_process.failures import error_of
from completer.engine_process.messages import (
    Accepted,
    Asked,
    Cancel,
    CloseWorkspace,
    Complete,
    Completed,
    DocumentChanged,
    Failed,
    FindNextEdits,
    Moved,
    NextEditsFound,
    OpenWorkspace,
    Piece,
    Question,
    Said,
    Stream,
)
from completer.errors import CompleterError, WorkspaceError
from completer.interface import ServiceInfo
from completer.next_edit.edits import NextEdit, NextEditRequest
from completer.place import Place, innermost
from completer.request import Completion, CompletionRequest, TextDelta
from completer.serving.result_cache import ResultCache

if TYPE_CHECKING:
    from completer.engine_process.connection import Connection

log = logging.getLogger(__name__)
MOST_TRIES = 3
"""A request that ended so many engines is not asked again."""
RETRIES_AFTER_S = 2.0  # where no engine could be started
CACHE_BYTES = 4 << 20
UNKNOWN = ServiceInfo(
    model="", device="", dtype="", context_tokens=0, workspaces=(), state="loading"
)
REPOSITORY_FILE = ".completer.toml"
Answer = Completion | NextEditsFound


@dataclass(slots=True, eq=False)
class _Question:
    """A request that waits for its answer, and where it was asked last."""

    message: Question
    news: asyncio.Queue[Piece | Answer | Exception] = field(default_factory=asyncio.Queue)
    connection: Connection | None = None
    tries: int = 0
    begun: bool = False


class RemoteService:
    """Implements `CompletionService`, for one event loop. `connect` finds an engine or starts one.

    What typing leads to is answered here, from `cache_bytes` of answers.
    """

    def __init__(
        self,
        connect: Callable[[], Awaitable[Connection]],
        *,
        cache_bytes: int = CACHE_BYTES,
    ) -> None:
        self._connect = connect
        self._described = UNKNOWN
        self._results = ResultCache(cache_bytes)
        self._ids = itertools.count(1)
        self._roots: dict[Place, None] = {}
        self._documents: dict[Place, str] = {}
        self._waiting: dict[int, _Question] = {}
        self._connection: Connection | None = None
        self._connecting: asyncio.Task[None] | None = None
        self._not_before = 0.0
        self._tasks: set[asyncio.Task[None]] = set()

    @property
    def model(self) -> str:
        """See `CompletionService`."""
        return self._described.model

    @property
    def workspaces(self) -> tuple[Place, ...]:
        """See `CompletionService`: those that this service has opened, whatever else is open."""
        return tuple(self._roots)

    def info(self) -> ServiceInfo:
        """See `CompletionService`: as it was when the engine was found."""
        return replace(self._described, workspaces=self.workspaces)

    async def complete(self, request: CompletionRequest) -> Completion:
        """See `CompletionService`. Raises `CompleterError` if no engine can be started."""
        owner = self._answers_hold_for(request)
        completion = self._results.get(request, owner)
        if completion is not None:  # whoever reports of it names it, not the one that it is from
            return replace(completion, id=f"{completion.id}.{next(self._ids)}")
        async with aclosing(self._ask(Complete(next(self._ids), request))) as answers:
            async for answer in answers:
                if isinstance(answer, Completion):
                    self._results.put(request, owner, answer)
                    return answer
        raise AssertionError("an answer ends with its completion")

    async def stream(self, request: CompletionRequest) -> AsyncGenerator[TextDelta | Completion]:
        """See `CompletionService`."""
        async with aclosing(self._ask(Stream(next(self._ids), request))) as answers:
            async for answer in answers:
                if isinstance(answer, Completion):
                    yield answer
                elif isinstance(answer, Piece):
                    yield TextDelta(answer.index, answer.text)

    async def next_edits(self, request: NextEditRequest) -> tuple[NextEdit, ...]:
        """See `CompletionService`. Raises `CompleterError` if no engine can be started."""
        async with aclosing(self._ask(FindNextEdits(next(self._ids), request))) as answers:
            async for answer in answers:
                if isinstance(answer, NextEditsFound):
                    return answer.edits
        raise AssertionError("an answer ends with what was found")

    def open_workspace(self, root: Place) -> None:
        """See `CompletionService`; the engine is looked for, so that it has read it when asked."""
        if not root.is_dir():
            raise WorkspaceError(f"{root} is not a folder.")
        if root not in self._roots:
            self._roots[root] = None
            self._tell(OpenWorkspace(root))
        self._find_engine()

    def close_workspace(self, root: Place) -> None:
        """See `CompletionService`."""
        if root in self._roots:
            del self._roots[root]
            self._results.clear()
            self._tell(CloseWorkspace(root))

    def document_changed(
        self, path: Place, text: str | None, workspace: Place | None = None
    ) -> None:
        """See `CompletionService`; the innermost that this service has opened is the engine's."""
        if text is not None:
            self._documents[path] = text
        elif self._documents.pop(path, None) is None:
            return
        self._tell(DocumentChanged(path, text))

    def accepted(self, completion_id: str, text: str) -> None:
        """See `CompletionService`; nothing is learned from it while there is no engine."""
        self._tell(Accepted(completion_id.partition(".")[0], text))

    async def close(self) -> None:
        """End all connections; whoever waits is told so."""
        tasks = [*self._tasks, *filter(None, [self._connecting])]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        if self._connection is not None:
            await self._connection.close()
        self._fail(CompleterError("The language server ends."))

    async def _ask(self, message: Question) -> AsyncGenerator[Piece | Answer]:
        """Ask an engine, and another if it ends; yields what it answers."""
        question = self._waiting[message.id] = _Question(message)
        try:
            self._put(question)
            while isinstance(answer := await question.news.get(), Piece):
                yield answer
        except (asyncio.CancelledError, GeneratorExit):
            if question.connection is not None:
                question.connection.send(Cancel(message.id))
            raise
        finally:
            self._waiting.pop(message.id, None)
            self._leave(question.connection)
        if isinstance(answer, Exception):
            raise answer
        yield answer

    def _put(self, question: _Question) -> None:
        """Send a question to the engine, or look for one."""
        if self._connection is None:
            self._find_engine()
            return
        if question.begun or question.tries == MOST_TRIES:
            question.news.put_nowait(CompleterError("The engine ended while it answered."))
            return
        try:
            self._connection.send(question.message)
        except CompleterError as error:
            question.news.put_nowait(error)
        question.connection = self._connection
        question.tries += 1

    def _tell(self, message: Asked) -> None:
        """Tell the engine, if there is one; another is told all that is open when it is found."""
        if self._connection is not None:
            with suppress(CompleterError):
                self._connection.send(message)

    def _find_engine(self) -> None:
        """Have an engine looked for, unless there is one or that is being done."""
        if self._connection is None and self._connecting is None:
            self._connecting = asyncio.create_task(self._take_engine())

    async def _take_engine(self) -> None:
        """Find an engine, tell it what is open, and ask it what was not answered."""
        await asyncio.sleep(max(0.0, self._not_before - asyncio.get_running_loop().time()))
        try:
            connection = await self._connect()
        except Exception as error:  # noqa: BLE001  whoever waits is told; who asks next tries again
            log.warning("no engine: %s", error)
            self._not_before = asyncio.get_running_loop().time() + RETRIES_AFTER_S
            self._fail(error)
            return
        finally:
            self._connecting = None
        self._described = connection.welcome.info
        former, self._connection = self._connection, connection
        for message in self._all_that_is_open():
            self._tell(message)
        for question in self._asked_there(None):
            self._put(question)
        self._spawn(self._listen(connection))
        self._leave(former)

    def _all_that_is_open(self) -> list[Asked]:
        documents = [DocumentChanged(path, text) for path, text in self._documents.items()]
        return [*map(OpenWorkspace, self._roots), *documents]

    async def _listen(self, connection: Connection) -> None:
        """Hand on what an engine says. One that is gone leaves its questions to the next."""
        async for message in connection:
            self._take(message)
            if isinstance(message, Moved) and self._connection is connection:
                self._connecting = self._connecting or asyncio.create_task(self._take_engine())
        if self._connection is connection:
            self._connection = None
        for question in self._asked_there(connection):
            question.connection = None
            self._put(question)
        await connection.close()

    def _leave(self, connection: Connection | None) -> None:
        """End a connection to an engine whose place was taken, once nothing is awaited of it."""
        if connection is None or connection is self._connection:
            return
        if not self._asked_there(connection):
            self._spawn(connection.close())

    def _spawn(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    def _asked_there(self, connection: Connection | None) -> list[_Question]:
        return [each for each in self._waiting.values() if each.connection is connection]

    def _take(self, message: Said) -> None:
        question = self._waiting.get(getattr(message, "id", 0))
        if question is None:
            return
        match message:
            case Piece():
                question.begun = True
                question.news.put_nowait(message)
            case Completed():
                del self._waiting[message.id]
                question.news.put_nowait(message.completion)
            case NextEditsFound():
                del self._waiting[message.id]
                question.news.put_nowait(message)
            case Failed():
                del self._waiting[message.id]
                question.news.put_nowait(error_of(message))

    def _fail(self, error: Exception) -> None:
        """Tell those who wait for an engine that there is none."""
        for question in self._asked_there(None):
            question.news.put_nowait(error)

    def _answers_hold_for(self, request: CompletionRequest) -> Hashable:
        """What an answer holds for: the folders that are open, and the repository's settings."""
        root = request.workspace or innermost(request.path, self._roots)
        return tuple(self._roots), None if root is None else _stamp_of_settings(root)


def _stamp_of_settings(root: Place) -> Hashable:
    """Something that a repository's settings do not have in common with others."""
    try:
        found = (root / REPOSITORY_FILE).stat()
    except OSError:
        return None
    return found.st_ino, found.st_mtime_ns, found.st_size
