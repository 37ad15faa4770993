"""The service in this process: context -> prompt -> engine -> postprocess."""

import asyncio
import time
import uuid
from collections import OrderedDict
from collections.abc import AsyncGenerator, Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import aclosing
from dataclasses import dataclass, replace
from pathlib import Path

from completer.context.blocks import BlockEnd
from completer.context.languages import language_of_name
from completer.context.prompt import Prompt, PromptBuilder
from completer.engine.engine import Engine
from completer.engine.sequence import Drafting, GenerationRequest, GenerationResult, Ticket
from completer.errors import BadRequestError, CompleterError
from completer.interface import ServiceInfo
from completer.postprocess import TextContext, postprocess
from completer.repositories import Repositories
from completer.repository import Repository
from completer.request import (
    Choice,
    Completion,
    CompletionRequest,
    DecodeStats,
    Snippet,
    TextDelta,
)
from completer.result_cache import ResultCache
from completer.settings import Settings
from completer.text_policy import TextPolicy, block_end, line_end, loop_end
from models.loading import BUNDLED, LoadedModel

MAX_CHOICES = 8
REMEMBERED_ANSWERS = 2000
REPOSITORY_WEIGHT = 0.6  # for the embedded model, whose exact match it multiplies by five
ROOM_FOR_OTHER_FILES = 768  # tokens of prompt below which the file itself needs them all
PROMPT_TOKENS = {"cpu": 1024, "cuda": 4096}  # a prompt of 1,024 costs a CPU about 250 ms


@dataclass(frozen=True, slots=True)
class _Job:
    """A request on its way, with what it was prepared into."""

    request: CompletionRequest
    repository: Repository | None
    prompt: Prompt
    started: float
    context_ms: float
    may_draft: bool


@dataclass(frozen=True, slots=True)
class _Alternative:
    """One choice while it is generated."""

    policy: TextPolicy
    ticket: Ticket


@dataclass(frozen=True, slots=True)
class _Step:
    """News of one choice: the text that became certain, and whether that was all."""

    index: int
    text: str
    done: bool


class LocalService:
    """Implements `CompletionService` with an engine in this process."""

    def __init__(
        self, model: LoadedModel, engine: Engine, settings: Settings, repositories: Repositories
    ) -> None:
        self._model = model
        self._engine = engine
        self._settings = settings
        self._repositories = repositories
        self._max_tokens = default_max_tokens(model, settings)
        self._prompts = prompt_builder(model, settings)
        self._results = ResultCache(settings.engine.result_cache_mb << 20)
        self._answered: OrderedDict[str, Repository] = OrderedDict()
        self._threads = ThreadPoolExecutor(max_workers=2, thread_name_prefix="prepare")

    async def complete(self, request: CompletionRequest) -> Completion:
        """See `CompletionService`. Typing through the last answer needs no model."""
        repository = self._repositories.of(request)
        owner = _owner(request, repository)
        if (known := self._results.get(request, owner)) is not None:
            return replace(known, id=self._new_id(repository))
        async with aclosing(self._run(request, repository)) as parts:
            async for part in parts:
                if isinstance(part, Completion):
                    self._results.put(request, owner, part)
                    return part
        raise AssertionError("a run ends with its completion")

    async def stream(self, request: CompletionRequest) -> AsyncGenerator[TextDelta | Completion]:
        """See `CompletionService`. What is streamed cannot be taken back, so it is not polished."""
        repository = self._repositories.of(request)
        async with aclosing(self._run(replace(request, polish=False), repository)) as parts:
            async for part in parts:
                yield part

    def open_workspace(self, root: Path) -> None:
        """See `CompletionService`."""
        self._repositories.open(root)

    def wait_until_indexed(self, root: Path, timeout_s: float) -> bool:
        """Wait until the code of an open workspace can be used; say whether it can."""
        return self._repositories.open(root).wait_until_indexed(timeout_s)

    def document_changed(self, path: Path, text: str | None) -> None:
        """See `CompletionService`."""
        self._repositories.document_changed(path, text)

    def accepted(self, completion_id: str, text: str) -> None:
        """See `CompletionService`."""
        repository = self._answered.get(completion_id)
        if repository is not None:
            repository.accepted(text)

    def info(self) -> ServiceInfo:
        """See `CompletionService`."""
        return ServiceInfo(
            model=self._model.name,
            device=str(self._model.device),
            dtype=self._model.dtype_name,
            context_tokens=self._model.context_tokens,
            workspaces=self._repositories.roots,
            memory_bytes={
                "weights": sum(each.nbytes for each in self._model.model.parameters()),
                "kv_pool": self._engine.kv_bytes,
                "draft_indexes": self._repositories.index_bytes,
                "result_cache": self._results.nbytes,
            },
        )

    def close(self) -> None:
        """Stop the engine and everything that watches files."""
        self._engine.close()
        self._repositories.close()
        self._threads.shutdown(cancel_futures=True)

    async def _run(
        self, request: CompletionRequest, repository: Repository | None
    ) -> AsyncGenerator[TextDelta | Completion]:
        """Generate all choices; the second and later ones start when the first has its prompt."""
        job = await self._prepare(request, repository)
        news: asyncio.Queue[_Step] = asyncio.Queue()
        alternatives = [self._start(job, 0, news)]
        unfinished = request.n
        try:
            while unfinished:
                step = await news.get()
                waiting = range(len(alternatives), request.n)
                alternatives += [self._start(job, index, news) for index in waiting]
                if step.text:
                    yield TextDelta(step.index, step.text)
                unfinished -= step.done
        finally:
            for each in alternatives:
                each.ticket.cancel()
        yield self._finish(job, alternatives)

    async def _prepare(self, request: CompletionRequest, repository: Repository | None) -> _Job:
        _check(request)
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(self._threads, self._prepare_now, request, repository)

    def _prepare_now(self, request: CompletionRequest, repository: Repository | None) -> _Job:
        started = time.perf_counter()
        if repository is not None:
            request = replace(request, workspace=repository.root)
        if request.language is None and request.path is not None:
            request = replace(request, language=language_of_name(request.path.name))
        snippets = self._snippets(request, repository)
        prompt = self._prompts.build(request, snippets)
        may_draft = self._may_draft(request, repository)
        return _Job(request, repository, prompt, started, _milliseconds_since(started), may_draft)

    def _snippets(
        self, request: CompletionRequest, repository: Repository | None
    ) -> Sequence[Snippet]:
        share = self._settings.completion.repository_share
        budget = int(self._prompts.budget * share)
        if repository is None or request.raw or self._prompts.budget < ROOM_FOR_OTHER_FILES:
            return request.snippets
        return (*request.snippets, *repository.snippets(request, budget))

    def _start(self, job: _Job, index: int, news: asyncio.Queue[_Step]) -> _Alternative:
        loop = asyncio.get_running_loop()
        policy = TextPolicy(self._decode, job.request.stop, self._ends(job.request))

        def tell(*, done: bool) -> None:
            step = _Step(index, policy.release(final=done), done)
            loop.call_soon_threadsafe(news.put_nowait, step)

        generation = self._generation(job, index, policy)
        try:
            ticket = self._engine.submit(generation, on_step=lambda _: tell(done=False))
        except CompleterError:
            if generation.drafts is not None:
                generation.drafts.stop()
            raise
        ticket.future.add_done_callback(lambda _: tell(done=True))
        return _Alternative(policy, ticket)

    def _generation(self, job: _Job, index: int, policy: TextPolicy) -> GenerationRequest:
        request, settings = job.request, self._settings
        room = self._model.context_tokens - len(job.prompt.ids)
        deadline_ms = request.deadline_ms or settings.completion.deadline_ms
        return GenerationRequest(
            prompt=job.prompt.ids,
            max_tokens=min(request.max_tokens or self._max_tokens, room),
            stop_ids=self._model.layout.stop_ids,
            sampling=request.sampling,
            policy=policy,
            drafts=self._drafts(job),
            deadline=job.started + deadline_ms / 1000,
            owner=_owner(request, job.repository),
            choice=index,
            mixture=self._repository_weight(job),
        )

    def _drafts(self, job: _Job) -> Drafting | None:
        if job.repository is None or not job.may_draft:
            return None
        return job.repository.drafts(job.request, job.prompt)

    def _may_draft(self, request: CompletionRequest, repository: Repository | None) -> bool:
        if repository is None or request.raw or not self._settings.drafting.enabled:
            return False
        return repository.can_draft

    def _repository_weight(self, job: _Job) -> float:
        """How much of the repository's distribution goes into the model's, if anything."""
        if self._settings.pure or not job.may_draft:
            return 0.0
        wanted = self._settings.completion.repository_weight
        if wanted == "auto":
            return REPOSITORY_WEIGHT if self._model.name == BUNDLED else 0.0
        return wanted

    def _ends(self, request: CompletionRequest) -> list[Callable[[str], int | None]]:
        """Choose the rules that end ghost text; a client that asks for plain text gets none."""
        if self._settings.pure or not request.polish:
            return []
        if not _wants_block(request, self._settings.completion.multiline):
            return [line_end, loop_end]
        block = BlockEnd(request.prefix, request.suffix, request.language)
        return [block_end(block, self._settings.completion.max_lines), loop_end]

    def _decode(self, ids: Sequence[int]) -> str:
        text: str = self._model.tokenizer.backend_tokenizer.decode(ids, skip_special_tokens=True)
        return text

    def _finish(self, job: _Job, alternatives: Sequence[_Alternative]) -> Completion:
        results = [each.ticket.future.result() for each in alternatives]
        choices = [
            Choice(
                text=self._polish(each.policy.text, job.request),
                finish_reason=result.finish_reason,
                token_ids=result.token_ids,
            )
            for each, result in zip(alternatives, results, strict=True)
        ]
        stats = replace(
            _summed(results),
            context_ms=job.context_ms,
            total_ms=_milliseconds_since(job.started),
        )
        return Completion(
            id=self._new_id(job.repository),
            model=self._model.name,
            choices=tuple(choices),
            stats=stats,
            distribution="model+repository" if self._repository_weight(job) else "model",
        )

    def _new_id(self, repository: Repository | None) -> str:
        """Name an answer, and remember whose it is in case it is accepted."""
        completion_id = f"cmpl-{uuid.uuid4().hex}"
        if repository is not None:
            self._answered[completion_id] = repository
        if len(self._answered) > REMEMBERED_ANSWERS:
            self._answered.popitem(last=False)
        return completion_id

    def _polish(self, text: str, request: CompletionRequest) -> str:
        if self._settings.pure or not request.polish:
            return text
        context = TextContext(
            prefix=request.prefix,
            suffix=request.suffix,
            language=request.language,
            multiline=_wants_block(request, self._settings.completion.multiline),
            marks=tuple(self._model.layout.mark_ids),
        )
        return postprocess(text, context)


def default_max_tokens(model: LoadedModel, settings: Settings) -> int:
    """Tokens of an answer whose request does not say: at most a quarter of the context."""
    return min(settings.completion.max_tokens, model.context_tokens // 4)


def prompt_builder(model: LoadedModel, settings: Settings) -> PromptBuilder:
    """Size the prompt: what the settings or the device allow, less what the answer needs."""
    wanted = settings.completion.prompt_tokens or PROMPT_TOKENS[model.device.type]
    return PromptBuilder(
        model.tokenizer.backend_tokenizer,
        model.layout,
        budget=min(wanted, model.context_tokens - default_max_tokens(model, settings)),
        suffix_share=settings.completion.suffix_share,
    )


def _owner(request: CompletionRequest, repository: Repository | None) -> str:
    """Whose caches a request may use: those of all who work on its workspace, or one person's."""
    return f"workspace {repository.root}" if repository else f"user {request.user}"


def _check(request: CompletionRequest) -> None:
    if not 1 <= request.n <= MAX_CHOICES:
        raise BadRequestError(f"n is {request.n}, but must be from 1 to {MAX_CHOICES}.")
    if request.max_tokens is not None and request.max_tokens < 1:
        raise BadRequestError(f"max_tokens is {request.max_tokens}, but must be at least 1.")
    if request.raw and not request.prefix:
        raise BadRequestError("The prompt is empty.")


def _wants_block(request: CompletionRequest, multiline: str) -> bool:
    """Complete several lines when asked to, or when the caret stands on an empty line."""
    if request.multiline is not None:
        return request.multiline
    if multiline != "auto":
        return multiline == "always"
    line = request.prefix[request.prefix.rfind("\n") + 1 :]
    return not line.strip() and not request.suffix.partition("\n")[0].strip()


def _summed(results: Sequence[GenerationResult]) -> DecodeStats:
    """Add up what several choices cost; the prompt and its times are the first one's."""
    first = results[0].stats
    return replace(
        first,
        generated_tokens=sum(each.stats.generated_tokens for each in results),
        steps=sum(each.stats.steps for each in results),
        drafted=sum(each.stats.drafted for each in results),
        accepted=sum(each.stats.accepted for each in results),
        decode_ms=max(each.stats.decode_ms for each in results),
    )


def _milliseconds_since(started: float) -> float:
    return (time.perf_counter() - started) * 1000
