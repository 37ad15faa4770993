"""A request on its way through a loaded model: context -> prompt -> engine -> postprocess."""

import asyncio
from collections import Counter
from collections.abc import AsyncGenerator, Callable, Hashable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import aclosing
from dataclasses import replace
from typing import ParamSpec, TypeVar

from completer.answer.checking import Checked, check
from completer.answer.postprocess import postprocess
from completer.answer.text_policy import TextPolicy
from completer.calibration import CalibrationOf, Calibrations
from completer.engine.engine import Engine
from completer.engine.sequence import GenerationResult
from completer.errors import WorkspaceClosedError
from completer.interface import ServiceInfo
from completer.next_edit.edits import NextEdit, NextEditRequest
from completer.power import on_battery
from completer.request import (
    Choice,
    Completion,
    CompletionRequest,
    Confidence,
    DecodeStats,
    Distribution,
    FinishReason,
    TextDelta,
)
from completer.serving.ahead import Ahead, once_accepted
from completer.serving.choices import SPARE, Alternative, Choices, Step, by_worth
from completer.serving.edit_model import EditModel
from completer.serving.generation import (
    Generations,
    Job,
    check_request,
    milliseconds_since,
    owner_of,
    owns,
)
from completer.serving.known_names import KnownNames
from completer.serving.raw_prompts import what_became
from completer.serving.result_cache import ResultCache
from completer.serving.unplaced_drafts import UnplacedDrafts
from completer.settings import Settings
from completer.stopping.controller import StopController
from completer.workspaces.repository import Repository
from models.loading import LoadedModel

P = ParamSpec("P")
T = TypeVar("T")


class RunningModel:
    """A loaded model and its engine: one request in one workspace, from text to text."""

    def __init__(
        self,
        model: LoadedModel,
        engine: Engine,
        settings: Settings,
        calibration_of: CalibrationOf | None = None,
        names: KnownNames | None = None,
        unplaced: UnplacedDrafts | None = None,
    ) -> None:
        self._model = model
        self._weights = sum(each.nbytes for each in model.model.parameters())
        self._engine = engine
        self._settings = settings
        if calibration_of is None:
            calibration_of = Calibrations(model, settings.calibration_folder).of
        self._names = names or KnownNames(model, settings)
        self._unplaced = unplaced
        self._generations = Generations(model, settings, calibration_of, self._names, unplaced)
        # Under PSM the whole suffix would have to be computed again for what may never be asked.
        self._suffix_first = model.layout.layout.order == "spm"
        self._results = ResultCache(settings.engine.result_cache_mb << 20)
        self._ahead = Ahead()
        self._threads = ThreadPoolExecutor(max_workers=2, thread_name_prefix="prepare")
        self._edits: EditModel | None = None
        if model.edit_format is not None:
            self._edits = EditModel(model.edit_format, model.tokenizer, model.context_tokens)

    async def complete(
        self, request: CompletionRequest, repository: Repository | None
    ) -> Completion:
        """See `CompletionService`. Typing through the last answer needs no forward pass.

        Raises `WorkspaceClosedError` where `repository` was closed meanwhile.
        """
        request = await self._within_reach(request, repository)
        completion = self._results.get(request, _remembered_for(request, repository))
        if completion is None:
            self._ahead.give_way()
            completion = await self._answer(request, repository)
        self._look_ahead(request, repository, completion)
        return replace(completion, raw_prompt=what_became(request))

    async def next_edit(self, request: NextEditRequest, repository: Repository) -> NextEdit | None:
        """Return what a model that writes edits would edit at the caret; `None` from any other."""
        if self._edits is None:
            return None
        question = await asyncio.to_thread(self._edits.question, request, repository)
        if question is None:
            return None
        completion = await self.complete(question.completion, repository)
        return await asyncio.to_thread(self._edits.edit, question, completion.choices[0])

    async def stream(
        self, request: CompletionRequest, repository: Repository | None
    ) -> AsyncGenerator[TextDelta | Completion]:
        """See `CompletionService`. What is streamed cannot be taken back, so it is not polished."""
        request = await self._within_reach(request, repository)
        self._ahead.give_way()
        async with aclosing(self._run(replace(request, polish=False), repository)) as parts:
            async for part in parts:
                yield part

    async def _within_reach(
        self, request: CompletionRequest, repository: Repository | None
    ) -> CompletionRequest:
        """Cut a request down to what is read of it."""
        if not self._generations.is_long(request, repository):
            return self._generations.within_reach(request, repository)
        cut = self.aside(self._generations.within_reach, request, repository)
        return await asyncio.wrap_future(cut)

    def aside(self, work: Callable[P, T], *of: P.args, **named: P.kwargs) -> Future[T]:
        """Have work done on one of the model's threads."""
        return self._threads.submit(work, *of, **named)

    def info(self) -> ServiceInfo:
        """Describe the model, without workspaces."""
        return ServiceInfo(
            model=self._model.name,
            device=str(self._model.device),
            dtype=self._model.dtype_name,
            context_tokens=self._model.context_tokens,
            workspaces=(),
            memory_bytes={
                "weights": self._weights,
                "kv_pool": self._engine.kv_bytes,
                "result_cache": self._results.nbytes,
            },
            graphs_given_up=self._engine.graphs_given_up,
        )

    def drop_rows(self, repository: Repository) -> None:
        """End what is generated in a workspace, and keep no keys and values of it; may wait."""
        self._engine.drop(lambda owner: owns(owner, repository))

    def forget_answers_in(self, repository: Repository) -> None:
        """Keep no answer and no text of a workspace."""
        self._ahead.give_way()
        self._results.forget(lambda of: isinstance(of, tuple) and owns(of[0], repository))
        self._names.forget(repository)
        self._generations.prompts.forget()

    def forget(self) -> None:
        """Keep no answer, text, key or value of the requests so far."""
        self._ahead.give_way()
        self._results.clear()
        self._generations.forget()
        self._engine.forget()

    def close(self) -> None:
        """Stop the engine, and end what it was asked for as cancelled."""
        self._engine.close()
        if self._unplaced is not None:
            self._unplaced.close()
        self._names.close()
        self._threads.shutdown(cancel_futures=True)

    async def _answer(
        self, request: CompletionRequest, repository: Repository | None
    ) -> Completion:
        """Ask the model, and remember what it says."""
        async with aclosing(self._run(request, repository)) as parts:
            async for part in parts:
                if isinstance(part, Completion):
                    self._results.put(request, _remembered_for(request, repository), part)
                    return part
        raise AssertionError("a run ends with its completion")

    def _look_ahead(
        self, request: CompletionRequest, repository: Repository | None, completion: Completion
    ) -> None:
        """While the model has nothing to do: what will be asked if the person accepts?"""
        settings = self._generations.settings_of(request, repository)
        if not self._suffix_first or not settings.completion.decode_ahead or any(self._engine.load):
            return
        if settings.engine.on_battery == "quiet" and on_battery():
            return
        coming = once_accepted(request, completion)
        if coming and not self._results.get(coming, _remembered_for(request, repository)):
            self._ahead.start(coming, lambda request: self._answer(request, repository))

    async def _run(
        self, request: CompletionRequest, repository: Repository | None
    ) -> AsyncGenerator[TextDelta | Completion]:
        """Generate all choices; others than the first start when it has its prompt, or later.

        What reads text, or may wait for a lock, runs on threads.
        """
        check_request(request)
        loop, news = asyncio.get_running_loop(), asyncio.Queue[Step]()
        choices = Choices(
            self._generations,
            self._engine,
            tell=lambda step: loop.call_soon_threadsafe(news.put_nowait, step),
        )
        try:
            job = await asyncio.wrap_future(self.aside(self._begin, request, repository, choices))
            unfinished = 1
            while unfinished:
                step = await news.get()
                if step.text:
                    yield TextDelta(step.index, step.text)
                unfinished -= step.done
                if len(choices.started) < request.n or (request.n > 1 and not unfinished):
                    more = self.aside(self._start_more, job, choices, ended=not unfinished)
                    unfinished += await asyncio.wrap_future(more)
        finally:
            choices.give_up()
        yield await asyncio.wrap_future(self.aside(self._finish, job, choices.started))

    def _begin(
        self, request: CompletionRequest, repository: Repository | None, choices: Choices
    ) -> Job:
        """Prepare a request and start its first choice."""
        job = self._generations.prepare(request, repository)
        self._check_open(job)
        choices.start(job, 1)
        return job

    def _start_more(self, job: Job, choices: Choices, *, ended: bool) -> int:
        """Start the other choices, or more for those that have ended and are no other texts."""
        wanted = job.request.n - len(choices.started)
        if wanted <= 0 and ended and _may_replace(job.request):
            worth = by_worth(self._checked(job, choices.started))[1]
            wanted = min(job.request.n - worth, wanted + SPARE)
        return choices.start(job, wanted) if wanted > 0 else 0

    def _check_open(self, job: Job) -> None:
        """Raise `WorkspaceClosedError` where that has happened since the request came."""
        if job.repository is not None and not job.repository.is_open:
            self._generations.prompts.forget()
            raise WorkspaceClosedError(f"The workspace {job.repository.root} was closed.")

    def _checked(self, job: Job, ended: Sequence[Alternative]) -> Sequence[Alternative]:
        """Fill in what is shown of choices that have ended."""
        for each in ended:
            if each.checked is None:
                ending = each.ticket.future.result().finish_reason
                each.checked = self._polish(each.policy.text, ending, job)
        return ended

    def _finish(self, job: Job, started: Sequence[Alternative]) -> Completion:
        self._check_open(job)
        shown = started = self._checked(job, started)
        if _may_replace(job.request):
            shown = by_worth(started)[0]
        results = [each.ticket.future.result() for each in started]
        choices = [_choice(shown[number % len(shown)]) for number in range(job.request.n)]
        stats = replace(
            _summed(results),
            self_speculation=str(self._engine.self_speculation_report),
            context_ms=job.context_ms,
            total_ms=milliseconds_since(job.started),
        )
        return Completion(
            id="",
            model=self._model.name,
            choices=tuple(choices),
            stats=stats,
            distribution=self._distribution(job, stats),
            exit_mode="lossy" if self._exits_early(job) else "lossless",
            identity=self._model.identity,
            raw_prompt=what_became(job.request),
        )

    def _exits_early(self, job: Job) -> bool:
        return job.lossy and self._engine.lossy is not None

    def _distribution(self, job: Job, stats: DecodeStats) -> Distribution:
        if self._exits_early(job):
            return "early-exit"
        if stats.kept_tokens:
            return "kept-suffix"
        if job.text.evidence is not None and job.name_weights:
            return "model+repository+names" if job.repository_weight else "model+names"
        return "model+repository" if job.repository_weight else "model"

    def _polish(self, text: str, ended: FinishReason, job: Job) -> Checked:
        if self._settings.pure or not job.request.polish:
            return Checked(text)
        settings = job.settings.completion
        text = postprocess(text, job.text)
        named = None
        if settings.check_names:
            asked = job.request, job.settings, job.repository
            named = self._names.named(text, job.text, *asked)
        return check(
            text,
            job.text,
            syntax=settings.check_syntax,
            names=settings.check_names,
            named=named,
            keep=job.request.trigger == "manual",
            unfinished=ended == "length" and not job.request.withhold,
        )


def _remembered_for(request: CompletionRequest, repository: Repository | None) -> Hashable:
    """Who may be given an answer again: whose caches it is from, while the settings stay."""
    return owner_of(request, repository), repository and repository.settings


def _may_replace(request: CompletionRequest) -> bool:
    """Whether one choice may come in place of another: not where they are drawn or streamed."""
    return request.polish and request.sampling.greedy


def _choice(ended: Alternative) -> Choice:
    policy, result = ended.policy, ended.ticket.future.result()
    checked = ended.checked or Checked("")
    return Choice(
        text=checked.text,
        problem=checked.problem,
        finish_reason="secret" if policy.withheld else result.finish_reason,
        token_ids=() if policy.withheld else result.token_ids,
        token_probabilities=_probabilities(policy),
        confidence=_confidence(policy),
        beginnings=_beginnings(policy, result),
    )


def _confidence(policy: TextPolicy | StopController) -> tuple[Confidence, ...]:
    return tuple(policy.judged) if isinstance(policy, StopController) else ()


def _probabilities(policy: TextPolicy | StopController) -> tuple[float, ...]:
    rules = policy.rules if isinstance(policy, StopController) else policy
    return () if rules.withheld else tuple(rules.probabilities)


def _beginnings(
    policy: TextPolicy | StopController, result: GenerationResult
) -> tuple[Confidence, ...]:
    """Where the text could be cut back to, if that is recorded."""
    if isinstance(policy, StopController) and policy.rule.card is None:
        return policy.beginnings(result.token_ids)
    return ()


def _summed(results: Sequence[GenerationResult]) -> DecodeStats:
    """Add up what several choices cost; the prompt and its times are the first one's."""
    first, sources = results[0].stats, Counter[str]()
    for each in results:
        sources.update(dict(each.stats.draft_sources))
    return replace(
        first,
        draft_sources=tuple(sources.most_common()),
        generated_tokens=sum(each.stats.generated_tokens for each in results),
        steps=sum(each.stats.steps for each in results),
        drafted=sum(each.stats.drafted for each in results),
        predicted=sum(each.stats.predicted for each in results),
        accepted=sum(each.stats.accepted for each in results),
        skipped_layers=sum(each.stats.skipped_layers for each in results),
        decode_ms=max(each.stats.decode_ms for each in results),
    )
