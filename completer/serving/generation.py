"""What the engine is asked for a request: prompt, drafts, limits, and where its text ends."""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from hashlib import blake2b

from completer.answer.postprocess import TextContext
from completer.answer.text_policy import TextPolicy, block_end, line_end, repetition_end
from completer.calibration import Calibration, CalibrationOf
from completer.context.auto_closed import auto_closed
from completer.context.encoding import encode_one
from completer.context.languages import language_of_name, language_of_shebang
from completer.context.lexed_texts import LexedTexts
from completer.context.prompt import CHARACTERS_PER_TOKEN, Prompt, PromptBuilder
from completer.context.reach import is_long, is_whole, within_reach
from completer.context.surroundings import Surroundings
from completer.drafting.predicted import PredictedDrafts
from completer.engine.sequence import Drafting, GenerationRequest, Ticket
from completer.errors import BadRequestError
from completer.names.evidence import NameEvidence, NameWeights
from completer.names.guide import WEIGHTS
from completer.request import CompletionRequest, Snippet
from completer.request_settings import in_arm
from completer.secrets.answer_guard import AnswerGuard
from completer.secrets.cleaning import RequestCleaner
from completer.serving.known_names import KnownNames
from completer.serving.leavings import Leaving, leavings
from completer.serving.raw_prompts import in_parts
from completer.serving.unplaced_drafts import UnplacedDrafts
from completer.settings import Settings
from completer.stopping.controller import Rule, StopController
from completer.stopping.features import CaretFeatures
from completer.workspaces.repository import Repository
from models.loading import LoadedModel

MAX_CHOICES = 8
_LOSSY, _KEPT = "lossy ", "kept "
_LONGEST_LINE = 256  # characters of a script's first line that are looked at
ROOM_FOR_OTHER_FILES = 768  # tokens of prompt below which the file itself needs them all
PROMPT_TOKENS = {"cpu": 1024, "cuda": 4096}  # a prompt of 1,024 costs two cores about 100 ms


@dataclass(frozen=True, slots=True)
class Job:
    """A request on its way, with what it was prepared into."""

    request: CompletionRequest
    repository: Repository | None
    text: TextContext
    """What rules about the answer's text look at."""
    prompt: Prompt
    started: float
    context_ms: float
    settings: Settings
    """The user's, with those of the workspace."""
    has_index: bool
    repository_weight: float
    """How much of the repository's distribution is blended into the model's, from 0 to 1."""
    name_weights: NameWeights
    """How much names that may stand there count, by their kind; empty: not at all."""
    rule: Rule | None
    """When to give up, if ever."""
    lossy: bool
    """Whether tokens may come from early layers."""

    @property
    def owner(self) -> str:
        """Whose keys and values may be used.

        What early exits leave is not the model's own, nor are kept rows.
        """
        owner = owner_of(self.request, self.repository)
        return f"{_LOSSY * self.lossy}{_KEPT * (self.kept_suffix is not None)}{owner}"

    @property
    def kept_suffix(self) -> range | None:
        """Where the prompt's suffix is, if its rows may be kept when what is before it changes."""
        wanted = self.settings.completion.suffix_rows == "kept" and not self.settings.pure
        return self.prompt.suffix_place if wanted else None


class Generations:
    """Prepares requests for the engine, as the settings want it. May be used from any thread."""

    def __init__(
        self,
        model: LoadedModel,
        settings: Settings,
        calibration_of: CalibrationOf,
        names: KnownNames,
        unplaced: UnplacedDrafts | None = None,
    ) -> None:
        self._model = model
        self._unplaced = unplaced
        self._names = names
        self._calibration_of = calibration_of
        self._settings = settings
        self.prompts = prompt_builder(model, settings)
        self._cleaner = RequestCleaner()
        self._lexed = LexedTexts()

    def prepare(self, request: CompletionRequest, repository: Repository | None) -> Job:
        """Gather a request's context and lay out its prompt."""
        started = time.perf_counter()
        settings = self.settings_of(request, repository)
        if repository is not None:
            request = replace(request, workspace=repository.root)
        prompts = self._prompts_of(settings)
        whole = is_whole(request, prompts.budget_of(request))
        evidence = self._names.around(request, settings, repository, whole=whole)
        text = self._text_context(request, settings, evidence)
        share = settings.completion.repository_share
        others = _of_other_files(request, text.around, repository, prompts.budget, share)
        asked = request
        if self._model.layout.layout.order == "spm" and not request.raw:
            asked = replace(request, suffix=request.suffix[auto_closed(text.around) :])
        if settings.secrets == "cut":
            reach = prompts.budget_of(request) * CHARACTERS_PER_TOKEN
            asked = self._cleaner.clean(asked, reach)
        prompt = prompts.build(asked, (*asked.snippets, *others))
        has_index = repository is not None and repository.can_draft
        calibration = self._calibration_of(repository.root if repository else None)
        weight = _repository_weight(request, calibration, settings) if has_index else 0.0
        return Job(
            request=request,
            repository=repository,
            text=text,
            prompt=prompt,
            started=started,
            context_ms=milliseconds_since(started),
            settings=settings,
            has_index=has_index,
            repository_weight=weight,
            name_weights=_name_weights(calibration, settings),
            rule=_rule(request, calibration, weight, settings),
            lossy=settings.completion.exit_mode == "lossy" and not settings.pure,
        )

    def within_reach(
        self, request: CompletionRequest, repository: Repository | None
    ) -> CompletionRequest:
        """Leave out of a request what nothing reads, so that its size does not count any more.

        A raw prompt is in its parts from now on, if it has any. It says its language from now on,
        where its path or first line tells, or the workspace does.
        """
        root = repository.root if repository else None
        request = in_parts(request, root, pure=self._settings.pure)
        if request.language is None and not request.raw:
            request = replace(request, language=_language(request, repository))
        document = request.path, owner_of(request, repository)
        budget = self._prompts_for(request, repository).budget_of(request)
        return within_reach(request, budget, self._lexed, document)

    def is_long(self, request: CompletionRequest, repository: Repository | None) -> bool:
        """Whether `within_reach` takes time, so that it is no work for an event loop."""
        return is_long(request, self._prompts_for(request, repository).budget)

    def settings_of(self, request: CompletionRequest, repository: Repository | None) -> Settings:
        """The user's settings, with those of the workspace and of the person's arm on top."""
        settings = (repository and repository.settings) or self._settings
        return settings if request.arm is None else in_arm(settings, request.arm)

    def policy(self, job: Job) -> TextPolicy | StopController:
        """Make the rules that one choice ends by."""
        bare = job.settings.pure or job.request.as_is
        rules = TextPolicy(
            self._decode,
            job.request.stop if bare else (*job.request.stop, *self._model.layout.layout.end_texts),
            ends=() if bare else self._ends(job),
            guard=_guard(job),
            overlap=None if bare or job.request.raw else job.text.overlap,
            notes=job.request.with_probabilities,
        )
        if job.rule is None:
            return rules
        exploration = job.settings.completion.exploration
        return StopController(
            rules,
            CaretFeatures.of(job.text.around, several_lines=job.text.multiline),
            job.rule,
            language=job.request.language,
            explores=_draw(job) < exploration,
            exploration=exploration,
        )

    def generation(
        self,
        job: Job,
        choice: int,
        policy: TextPolicy | StopController,
        leaving: Leaving | None = None,
        first: Ticket | None = None,
    ) -> GenerationRequest:
        """Make what the engine is asked for one choice; its drafts have been started.

        A greedy alternative has a place where it leaves the `first` choice.
        """
        request = job.request
        room = self._model.context_tokens - len(job.prompt.ids)
        deadline_ms = request.deadline_ms or job.settings.completion.deadline_ms
        max_tokens = request.max_tokens or default_max_tokens(self._model, job.settings)
        return GenerationRequest(
            prompt=job.prompt.ids,
            max_tokens=min(max_tokens, room),
            stop_ids=self._model.layout.stop_ids,
            sampling=request.sampling,
            policy=policy,
            drafts=self._drafts_of(job, leaving, first),
            deadline=job.started + deadline_ms / 1000,
            owner=job.owner,
            choice=choice,
            repository_weight=job.repository_weight,
            guide=self._names.guide(job.text, job.name_weights),
            lossy=job.lossy,
            leaves=None if leaving is None else (leaving.position, leaving.token),
            ranks=choice == 0 and request.n > 1 and request.sampling.greedy,
            may_propose=job.settings.drafting.enabled,
            suffix=job.kept_suffix,
        )

    def leavings(self, request: CompletionRequest, first: Ticket) -> list[Leaving]:
        """Where greedy alternatives leave the first choice; none while that is not known yet."""
        ended = first.future.done()
        likeliest = [each.tokens[0] for each in first.rankings]
        ids = first.future.result().token_ids if ended else likeliest
        return leavings(ids, first.rankings, self._decode, request.n - 1, ended=ended)

    def _drafts_of(
        self, job: Job, leaving: Leaving | None, first: Ticket | None
    ) -> Drafting | None:
        """Drafts of one choice; an alternative's are the first one's text, but for one token."""
        drafts = self.drafts(job)
        if leaving is None or first is None or not job.settings.drafting.enabled:
            return drafts
        known = [each.tokens[0] for each in first.rankings]
        known[leaving.position] = leaving.token
        return PredictedDrafts(known, drafts)

    def drafts(self, job: Job) -> Drafting | None:
        """Start what knows the workspace's text, or the request's own, on an answer.

        Where there is any use of it.
        """
        wanted = job.settings.drafting.enabled or job.repository_weight > 0
        drafts = None
        if job.repository is not None and job.has_index and wanted:
            drafts = job.repository.drafts(job.request, job.prompt)
        elif job.repository is None and self._unplaced and job.settings.drafting.enabled:
            drafts = self._unplaced.start(job.request, job.prompt, job.owner)
        if not job.request.prediction or not job.settings.drafting.enabled:
            return drafts
        tokenizer = self._model.tokenizer.backend_tokenizer
        return PredictedDrafts(encode_one(tokenizer, job.request.prediction), drafts)

    def forget(self) -> None:
        """Keep no text of the requests so far."""
        if self._unplaced is not None:
            self._unplaced.forget()
        self.prompts.forget()
        self._cleaner.forget()
        self._lexed.forget()

    def _prompts_for(
        self, request: CompletionRequest, repository: Repository | None
    ) -> PromptBuilder:
        return self._prompts_of(self.settings_of(request, repository))

    def _prompts_of(self, settings: Settings) -> PromptBuilder:
        if settings is self._settings:
            return self.prompts
        return self.prompts.sized(*_prompt_size(self._model, settings))

    def _ends(self, job: Job) -> list[Callable[[str], int | None]]:
        """Choose the rules that end a text: ghost text with its line or block as well."""
        if not job.request.polish:
            return [repetition_end]
        if not job.text.multiline:
            return [repetition_end, line_end]
        return [repetition_end, block_end(job.text.block, job.settings.completion.max_lines)]

    def _text_context(
        self, request: CompletionRequest, settings: Settings, evidence: NameEvidence | None
    ) -> TextContext:
        return TextContext(
            prefix=request.prefix,
            suffix=request.suffix,
            language=request.language,
            multiline=_wants_block(request, settings.completion.multiline),
            marks=tuple(self._model.layout.mark_ids),
            evidence=evidence,
            indent=request.indent,
        )

    def _decode(self, ids: Sequence[int]) -> str:
        text: str = self._model.tokenizer.backend_tokenizer.decode(ids, skip_special_tokens=True)
        return text


def check_request(request: CompletionRequest) -> None:
    """Raise `BadRequestError` for what cannot be asked."""
    if not 1 <= request.n <= MAX_CHOICES:
        raise BadRequestError(f"n is {request.n}, but must be from 1 to {MAX_CHOICES}.")
    if request.max_tokens is not None and request.max_tokens < 1:
        raise BadRequestError(f"max_tokens is {request.max_tokens}, but must be at least 1.")
    if request.raw and not request.prefix:
        raise BadRequestError("The prompt is empty.")


def owner_of(request: CompletionRequest, repository: Repository | None) -> str:
    """Whose caches a request may use: one person's, for one workspace or without any."""
    return f"{_place(repository)}{request.user}"


def owns(owner: str, repository: Repository) -> bool:
    """Whether somebody's caches for this workspace are meant."""
    return owner.removeprefix(_LOSSY).removeprefix(_KEPT).startswith(_place(repository))


def _place(repository: Repository | None) -> str:
    return f"workspace {repository.root}\0" if repository else "\0"


def default_max_tokens(model: LoadedModel, settings: Settings) -> int:
    """Tokens of an answer whose request does not say: at most a quarter of the context."""
    return min(settings.completion.max_tokens, model.context_tokens // 4)


def prompt_builder(model: LoadedModel, settings: Settings) -> PromptBuilder:
    """Size the prompt: what the settings or the device allow, less what the answer needs."""
    budget, raw_budget, share = _prompt_size(model, settings)
    return PromptBuilder(
        model.tokenizer.backend_tokenizer,
        model.layout,
        budget=budget,
        raw_budget=raw_budget,
        suffix_share=share,
    )


def milliseconds_since(started: float) -> float:
    """Milliseconds since a reading of `time.perf_counter`."""
    return (time.perf_counter() - started) * 1000


def _prompt_size(model: LoadedModel, settings: Settings) -> tuple[int, int, float]:
    """Tokens of a prompt, of a raw one, which has the whole context, and the suffix's share."""
    wanted = settings.completion.prompt_tokens or PROMPT_TOKENS[model.device.type]
    whole = model.context_tokens - default_max_tokens(model, settings)
    return min(wanted, whole), whole, settings.completion.suffix_share


def _language(request: CompletionRequest, repository: Repository | None) -> str | None:
    """Tell a text's language; one without a path is probably in that of most of the workspace."""
    if request.path is not None and (named := language_of_name(request.path.name)):
        return named
    first_line = request.prefix[:_LONGEST_LINE].encode(errors="replace")
    if request.path is not None or repository is None:
        return language_of_shebang(first_line)
    return language_of_shebang(first_line) or repository.language


def _of_other_files(
    request: CompletionRequest,
    around: Surroundings,
    repository: Repository | None,
    prompt_budget: int,
    share: float,
) -> Sequence[Snippet]:
    if repository is None or request.raw or prompt_budget < ROOM_FOR_OTHER_FILES:
        return ()
    return repository.snippets(around, request.path, int(prompt_budget * share))


def _guard(job: Job) -> AnswerGuard | None:
    if job.settings.secrets == "keep":
        return None
    return AnswerGuard(job.request.prefix, job.request.suffix)


def _repository_weight(
    request: CompletionRequest, calibration: Calibration, settings: Settings
) -> float:
    wanted = settings.completion.repository_weight
    if settings.pure or request.raw:
        return 0.0
    return _calibrated_weight(request, calibration) if wanted == "auto" else wanted


def _calibrated_weight(request: CompletionRequest, calibration: Calibration) -> float:
    return calibration.mixture.weight(request.language) if calibration.mixture else 0.0


def _name_weights(calibration: Calibration, settings: Settings) -> NameWeights:
    if settings.pure or not settings.completion.guide_names:
        return {}
    return {**WEIGHTS, **calibration.names}


def _rule(
    request: CompletionRequest,
    calibration: Calibration,
    repository_weight: float,
    settings: Settings,
) -> Rule | None:
    """Choose when to give up: never where a person asked, or a client wants text as it comes.

    Nor where the text follows another distribution than the one that the calibration was fitted to:
    without a workspace, the embedded model's own.
    """
    rule, wanted = calibration.stopping, settings.completion.min_acceptance
    as_fitted = repository_weight == _calibrated_weight(request, calibration)
    if rule is None or not as_fitted or settings.pure or request.raw:
        return None
    if rule.card is None:
        return rule
    if request.trigger == "manual" or not (request.polish and request.withhold):
        return None
    return rule if wanted == "auto" else replace(rule, threshold=wanted)


def _draw(job: Job) -> float:
    """Draw a number from [0, 1) that is the same whenever the same is asked."""
    asked = repr((job.prompt.ids, job.request.sampling.seed)).encode()
    return int.from_bytes(blake2b(asked, digest_size=6).digest()) / 2**48


def _wants_block(request: CompletionRequest, multiline: str) -> bool:
    """Complete several lines when asked to, or when the caret stands on an empty line."""
    if request.multiline is not None:
        return request.multiline
    if multiline != "auto":
        return multiline == "always"
    line = request.prefix[request.prefix.rfind("\n") + 1 :]
    return not line.strip() and not request.suffix.partition("\n")[0].strip()
