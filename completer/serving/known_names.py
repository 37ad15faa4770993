"""What static analysis knows of the names at a request's caret, and the guide made of it."""

import math
import time
from functools import cached_property, partial
from pathlib import Path

from completer.answer.names_check import not_known
from completer.answer.postprocess import TextContext
from completer.context.encoding import encode_one, token_pieces
from completer.context.prompt import blind_to_marks
from completer.names.evidence import NameEvidence, NameWeights
from completer.names.finder import NameFinder
from completer.names.guide import NameGuide
from completer.names.vocabulary import NameTokens
from completer.place import Place, name_in
from completer.private_files import private_folder
from completer.request import CompletionRequest
from completer.settings import Settings
from completer.workspaces.repository import Repository
from models.loading import LoadedModel

_RENEWED_EVERY_S = 5.0  # an editor may save with every key, a build write many files
_LONGEST_LINE = 1_000  # characters before a caret, in lines that people write


class KnownNames:
    """Asks for evidence of names, and guides a model's generations by it. For any thread."""

    def __init__(self, model: LoadedModel, settings: Settings) -> None:
        self._model = model
        self._cache = settings.cache_folder / "names"
        self._renewed: dict[Place, tuple[int, float]] = {}
        """Of each workspace, at which of its changes and when it was asked anew."""

    def around(
        self,
        request: CompletionRequest,
        settings: Settings,
        repository: Repository | None,
        *,
        whole: bool,
    ) -> NameEvidence | None:
        """Return what is known around the caret of a request, whose text may be `whole`.

        The request waits for it as long as the settings say, and with a seed of the caller's for
        half of the time that it has, so that the text hardly ever depends on the clock.
        """
        wanted = settings.completion.guide_names or settings.completion.check_names
        if repository is None or not wanted or settings.pure or request.raw or request.as_is:
            return None
        if len(request.prefix) - request.prefix.rfind("\n") > _LONGEST_LINE:
            return None
        self._renew(repository)
        return self._finder.evidence(
            *_document(request, repository),
            whole=whole,
            wait_s=_wait_s(request, settings),
            cache="" if repository.on_disk else _cache_of(repository),
        )

    def named(
        self, text: str, context: TextContext, request: CompletionRequest, settings: Settings,
        repository: Repository | None,
    ) -> NameEvidence | None:  # fmt: skip
        """Return what is known of names in an answer about which `around` says nothing."""
        if repository is None or context.evidence is None:
            return None
        named = not_known(text, context.around, context.evidence)
        if named is None:
            return None
        return self._finder.named(
            *_document(request, repository),
            *named,
            wait_s=_wait_s(request, settings),
            cache="" if repository.on_disk else _cache_of(repository),
        )

    def guide(self, text: TextContext, weights: NameWeights) -> NameGuide | None:
        """Make the guide of one choice; `None` without evidence, or in a comment or string."""
        if text.evidence is None or not weights or text.around.where != "code":
            return None
        around = text.around
        return NameGuide(text.evidence, weights, self._tokens, around.lead, around.language)

    def forget(self, repository: Repository) -> None:
        """Keep nothing of a workspace."""
        self._renewed.pop(repository.root, None)
        self._finder.forget(repository.modules)

    def close(self) -> None:
        """End what analyses."""
        self._finder.close()

    def _renew(self, repository: Repository) -> None:
        """Have evidence asked for anew where files have changed, but not time and again."""
        changes, now = repository.changes, time.monotonic()
        seen, when = self._renewed.get(repository.root, (0, -math.inf))
        if changes != seen and now - when > _RENEWED_EVERY_S:
            self._renewed[repository.root] = (changes, now)
            self._finder.renew(repository.modules)

    @cached_property
    def _finder(self) -> NameFinder:
        private_folder(self._cache)
        return NameFinder(str(self._cache))

    @cached_property
    def _tokens(self) -> NameTokens:
        tokenizer = blind_to_marks(self._model.tokenizer.backend_tokenizer)
        rows = int(self._model.model.config.vocab_size)
        return NameTokens(token_pieces(tokenizer, rows), partial(encode_one, tokenizer))


def _wait_s(request: CompletionRequest, settings: Settings) -> float | None:
    """How long a request waits for evidence; `None`: as long as that takes."""
    wait_s = settings.completion.names_wait_ms / 1000
    if request.sampling.seeded:
        deadline_ms = request.deadline_ms or settings.completion.deadline_ms
        wait_s = max(wait_s, deadline_ms / 2000)
    return None if math.isinf(wait_s) else wait_s


def _document(
    request: CompletionRequest, repository: Repository
) -> tuple[str, str, str | None, Path | None, Place]:
    """What is asked about: texts, language, where the file is found as a module, and its root."""
    path = _module_of(request.path, repository)
    return request.prefix, request.suffix, request.language, path, repository.modules


def _module_of(path: Path | None, repository: Repository) -> Path | None:
    """Where a file of a workspace is found as a module, or would be."""
    if path is None or repository.on_disk:
        return path
    return repository.modules / name_in(path, repository.root)


def _cache_of(repository: Repository) -> str:
    """The folder for what is kept of a mirror, which goes with it."""
    cache = repository.root / "cache" / "names"
    private_folder(cache)
    return str(cache)
