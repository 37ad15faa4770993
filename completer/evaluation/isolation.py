"""A service as users have it, except that no request finds a trace of another or of its answer.

One span shows what another one masks, so nothing that a request brings along may outlive it:
answers, keys and values are forgotten; the text of its document is seen by itself alone anyway. The
files that spans are from are left out when their repository is opened.
"""

import math
from collections.abc import Mapping
from types import TracebackType
from typing import Self

from completer.calibration import Calibration, Calibrations
from completer.context.prompt import blind_to_marks
from completer.context.workspace import Workspace, WorkspaceOptions
from completer.engine.engine import Engine
from completer.evaluation.forcing import Evidence, evidence
from completer.evaluation.naming import Found, names_found
from completer.names.guide import WEIGHTS
from completer.place import Place
from completer.request import Completion, CompletionRequest
from completer.serving.generation import Generations
from completer.serving.known_names import KnownNames
from completer.serving.service import LocalService
from completer.settings import Settings
from completer.workspaces.repositories import Repositories
from completer.workspaces.repository import Repository
from models.loading import LoadedModel


class IsolatedService:
    """Answers one request at a time over `workspaces`, folders with what of them may be read.

    `calibration` is used in place of what was saved, and may be changed between requests. A context
    manager: leaving it stops the engine.
    """

    def __init__(
        self,
        model: LoadedModel,
        engine: Engine,
        settings: Settings,
        workspaces: Mapping[Place, WorkspaceOptions],
        calibration: Calibration | None = None,
    ) -> None:
        saved = Calibrations(model, settings.calibration_folder)
        self.calibration = calibration
        self._tokenizer = tokenizer = blind_to_marks(model.tokenizer.backend_tokenizer)
        self.repositories = Repositories(
            lambda root: Repository(Workspace(root, options=workspaces[root]), tokenizer)
        )
        for root in workspaces:
            self.repositories.open(root).wait()
        self._engine = engine

        def calibration_of(repository: Place | None) -> Calibration:
            return self.calibration or saved.of(repository)

        settings = waiting_for_names(settings)
        self._names = KnownNames(model, settings)
        self._generations = Generations(model, settings, calibration_of, self._names)
        self._service = LocalService(
            model, engine, settings, self.repositories, calibration_of, self._names
        )

    async def complete(self, request: CompletionRequest) -> Completion:
        """Answer a request, then forget it."""
        try:
            return await self._service.complete(request)
        finally:
            self._service.forget()

    def evidence(self, request: CompletionRequest, truth: str) -> list[Evidence]:
        """Say what model and repository make of the true answer to a request."""
        repository = self.repositories.of(request)
        job = self._generations.prepare(request, repository)
        drafts = self._generations.drafts(job)
        tokens = self._tokenizer.encode(truth, add_special_tokens=False).ids
        if drafts is None or not tokens:
            return []
        try:
            return evidence(self._engine, job.prompt.ids, tokens, drafts, job.owner)
        finally:
            self._service.forget()

    def names(self, request: CompletionRequest, truth: str) -> list[Found]:
        """Say which names of the true answer to a request were known to be possible there."""
        job = self._generations.prepare(request, self.repositories.of(request))
        guide = self._names.guide(job.text, WEIGHTS)
        return [] if guide is None else list(names_found(guide, truth))

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._service.close()


def waiting_for_names(settings: Settings) -> Settings:
    """Let no answer depend on how fast evidence of names comes."""
    completion = settings.completion.model_copy(update={"names_wait_ms": math.inf})
    return settings.model_copy(update={"completion": completion})
