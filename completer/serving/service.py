"""The service in this process: the workspaces of a request, and the model that answers it."""

import asyncio
import logging
import uuid
from collections import OrderedDict
from collections.abc import AsyncGenerator
from contextlib import aclosing
from dataclasses import replace
from typing import TYPE_CHECKING
from weakref import WeakKeyDictionary

from completer.context.languages import language_of_name
from completer.context.surroundings import Surroundings
from completer.errors import WorkspaceClosedError
from completer.interface import ServiceInfo
from completer.next_edit.edits import NextEdit, NextEditRequest
from completer.place import Place
from completer.request import Choice, Completion, CompletionRequest, DecodeStats, TextDelta
from completer.serving.disabled import Disabled
from completer.serving.model_host import ModelHost
from completer.settings import Settings
from completer.workspaces.repositories import Repositories
from completer.workspaces.repository import Repository

if TYPE_CHECKING:  # these import torch, for which a front door does not wait
    from completer.calibration import CalibrationOf
    from completer.engine.engine import Engine
    from completer.serving.known_names import KnownNames
    from models.loading import LoadedModel

log = logging.getLogger(__name__)
REMEMBERED_ANSWERS = 2000
HELD_S, LOOKS_EVERY_S = 1.5, 0.02


class Service:
    """Implements `CompletionService`: requests wait until `host` has the model.

    `described` is what can be told before that has been loaded; where it is `disabled`, the
    model is not asked.
    """

    def __init__(
        self,
        host: ModelHost,
        repositories: Repositories,
        described: ServiceInfo,
        disabled: Disabled | None = None,
    ) -> None:
        self._disabled = disabled or Disabled(Settings())
        self._host = host
        self._repositories = repositories
        self._described = described
        self._answered: OrderedDict[str, Repository] = OrderedDict()
        self._held_until: WeakKeyDictionary[Repository, float] = WeakKeyDictionary()

    @property
    def model(self) -> str:
        """See `CompletionService`."""
        return self._described.model

    @property
    def workspaces(self) -> tuple[Place, ...]:
        """See `CompletionService`."""
        return self._repositories.roots

    async def complete(self, request: CompletionRequest) -> Completion:
        """See `CompletionService`. Raises `OverloadedError` if the model is not there in time."""
        if why := self._why_disabled(request):
            return self._nothing(request, why)
        async with self._host.use(request.deadline_ms) as model:
            repository = self._repositories.of(request)
            if repository and request.polish and request.trigger == "automatic":
                await self._until_indexed(repository)
            try:
                return self._named(await model.complete(request, repository), repository)
            except WorkspaceClosedError:
                return await self.complete(request)

    async def stream(self, request: CompletionRequest) -> AsyncGenerator[TextDelta | Completion]:
        """See `CompletionService`. Raises `OverloadedError` if the model is not there in time."""
        if why := self._why_disabled(request):
            yield self._nothing(request, why)
            return
        async with self._host.use(request.deadline_ms) as model:
            repository = self._repositories.of(request)
            async with aclosing(model.stream(request, repository)) as parts:
                async for part in parts:
                    yield self._named(part, repository) if isinstance(part, Completion) else part

    def open_workspace(self, root: Place) -> None:
        """See `CompletionService`."""
        self._repositories.open(root)

    def close_workspace(self, root: Place) -> None:
        """See `CompletionService`. A request that is being answered in it is asked again."""
        model = self._host.now

        def drop_rows(repository: Repository) -> None:
            if model is not None:
                model.drop_rows(repository)

        repository = self._repositories.dismiss(root, drop_rows)
        if repository is None:
            return
        if model is not None:
            model.forget_answers_in(repository)
        answered = self._answered.items()
        self._answered = OrderedDict(each for each in answered if each[1] is not repository)

    def wait_until_loaded(self) -> None:
        """Wait until the model is there; raises why it cannot be loaded."""
        self._host.wait()

    def wait_until_indexed(self, root: Place, timeout_s: float) -> bool:
        """Wait until the code of an open workspace can be used; say whether it can."""
        return self._repositories.open(root).wait_until_indexed(timeout_s)

    def document_changed(
        self, path: Place, text: str | None, workspace: Place | None = None
    ) -> None:
        """See `CompletionService`."""
        self._repositories.document_changed(path, text, workspace)

    async def next_edits(self, request: NextEditRequest) -> tuple[NextEdit, ...]:
        """See `CompletionService`."""
        repository = self._repositories.of(request)
        if repository is None or self._why_disabled(request):
            return ()
        found = await asyncio.to_thread(repository.next_edits, request)
        if found or self._host.now is None:
            return found
        async with self._host.use(None) as model:
            try:
                written = await model.next_edit(request, repository)
            except WorkspaceClosedError:
                return ()
        return () if written is None else (written,)

    def accepted(self, completion_id: str, text: str) -> None:
        """See `CompletionService`; nothing is learned from it while there is no model."""
        repository, model = self._answered.get(completion_id), self._host.now
        if repository is not None and model is not None:
            model.aside(_learn, repository, text)

    def info(self) -> ServiceInfo:
        """See `CompletionService`; without a model, what is known."""
        model = self._host.now
        if model is not None:
            self._described = model.info()
        memory = self._described.memory_bytes
        memory = {part: held if model is not None else 0 for part, held in memory.items()}
        return replace(
            self._described,
            state=self._host.state,
            workspaces=self.workspaces,
            memory_bytes={**memory, "draft_indexes": self._repositories.index_bytes},
            health=self._repositories.health,
            failure=self._host.failure,
        )

    def forget(self) -> None:
        """Keep no answer, text, key or value of the requests so far."""
        self._repositories.forget_requests()
        if (model := self._host.now) is not None:
            model.forget()

    def close(self) -> None:
        """Stop the model and everything that watches files."""
        self._host.close()
        self._repositories.close()

    def _why_disabled(self, request: CompletionRequest | NextEditRequest) -> str:
        """Why nothing is completed for a request, by the user, the workspace or who asks."""
        repository = self._repositories.of(request)
        root, settings = (repository.root, repository.settings) if repository else (None, None)
        own = settings.completion.disabled_in if settings else ()
        more = request.disabled_in if own == self._disabled.at_start else own + request.disabled_in
        return self._disabled.why(
            request.path, request.language, root, more, lambda: _scope_of(request)
        )

    def _nothing(self, request: CompletionRequest, why: str) -> Completion:
        """The answer where nothing is completed."""
        choices = (Choice(text="", finish_reason="disabled"),) * request.n
        nothing = Completion(
            id="", model=self.model, choices=choices, stats=DecodeStats(), disabled=why
        )
        return self._named(nothing, None)

    async def _until_indexed(self, repository: Repository) -> None:
        """Hold ghost text back that nobody asked for by hand, until the workspace's code was read.

        Without, it would be worse. But not for long: an index that takes its time is not awaited.
        """
        loop = asyncio.get_running_loop()
        until = self._held_until.setdefault(repository, loop.time() + HELD_S)
        while not repository.is_indexed and loop.time() < until:
            await asyncio.sleep(LOOKS_EVERY_S)

    def _named(self, completion: Completion, repository: Repository | None) -> Completion:
        """Name an answer, and remember whose it is in case it is accepted."""
        indexed = repository is None or repository.is_indexed
        completion = replace(completion, id=f"cmpl-{uuid.uuid4().hex}", indexed=indexed)
        if repository is not None:
            self._answered[completion.id] = repository
        if len(self._answered) > REMEMBERED_ANSWERS:
            self._answered.popitem(last=False)
        return completion


class LocalService(Service):
    """A service whose model was loaded before, and stays."""

    def __init__(
        self,
        model: "LoadedModel",
        engine: "Engine",
        settings: Settings,
        repositories: Repositories,
        calibration_of: "CalibrationOf | None" = None,
        names: "KnownNames | None" = None,
    ) -> None:
        from completer.serving.running_model import RunningModel

        running = RunningModel(model, engine, settings, calibration_of, names)
        host = ModelHost(lambda: running)
        host.wait()
        super().__init__(host, repositories, running.info(), Disabled(settings))


def _learn(repository: Repository, text: str) -> None:
    """Take in an accepted text; nobody waits for it."""
    try:
        repository.accepted(text)
    except Exception:
        log.exception("an accepted completion was not learned from")


def _scope_of(request: CompletionRequest | NextEditRequest) -> str:
    """Return what a caret stands in: `code`, `comment` or `string`."""
    language = request.language or (request.path and language_of_name(request.path.name))
    return Surroundings.of(*request.around_caret, language or None).where
