"""Real lines typed key by key, with a request after each pause.

The same four contestants as in `decode`, but the engine is asked through the whole service,
as an editor asks it: prompts are built anew for each request, keys and values of the one before
are reused, and typing what was answered needs no model.

Two more show what saving work changes in answers: `unclosed`, for which no bracket has closed by
itself, and `kept`, which keeps the rows of suffixes behind a prefix.
"""

import asyncio
import copy
import itertools
import random
import time
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from statistics import median
from typing import Annotated, Any

import typer
from rich.console import Group

from benchmarks import decode
from benchmarks.accepting import measure_accepting
from benchmarks.command import Given
from benchmarks.contest import Run, Timed, line_break_ids, peers, percentiles, summary
from benchmarks.spans import Span, whole_line_spans
from completer.cli.assembly import build_engine, build_model
from completer.cli.options import PureFlag
from completer.cli.printing import progress
from completer.context.brackets import closers_of, unmatched
from completer.context.languages import language_of_name
from completer.context.lexical import open_token, without_text
from completer.context.prompt import PromptBuilder, blind_to_marks
from completer.context.workspace import Workspace
from completer.engine.tuning import Tuning
from completer.evaluation.isolation import waiting_for_names
from completer.evaluation.speculation import MAX_TOKENS
from completer.evaluation.turns import turns
from completer.request import CompletionRequest, DecodeStats
from completer.request_settings import CompletionSettings
from completer.serving.generation import prompt_builder
from completer.serving.known_names import KnownNames
from completer.serving.service import LocalService
from completer.settings import Settings
from completer.workspaces.repositories import Repositories
from completer.workspaces.repository import Repository
from models.loading import LoadedModel

MEAN_INTERVAL_S, INTERVAL_SPREAD = 0.17, 0.6  # a fast typist; lognormal
DEBOUNCE_S = 0.15


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer(Timed):
    """One answer, and what of it needed no computing."""

    prompt_tokens: int
    reused_tokens: int = 0
    cached: bool = False
    first: bool = False
    """Whether it is the first of its line: nothing of the prompt is there yet."""
    text: str = ""
    line: str = ""
    """The line with it."""

    @property
    def computed(self) -> int:
        """Prompt tokens that had to be run through the model."""
        return self.prompt_tokens - self.reused_tokens

    def is_like(self, other: "Answer") -> bool:
        """Whether both say the same, or make the same line of what stood there differently."""
        return self.text == other.text or self.line == other.line


Typist = Callable[[CompletionRequest], Awaitable[Answer]]


def run(
    given: Given,
    *,
    lines: Annotated[int, typer.Option(min=1, help="How many lines are typed.")] = 20,
    auto_close: Annotated[
        bool, typer.Option("--auto-close", help="Brackets and quotes close by themselves.")
    ] = False,
    with_peers: Annotated[
        bool, typer.Option("--peers/--no-peers", help="Whether `generate` takes part.")
    ] = True,
    pure: PureFlag = None,
) -> dict[str, Any]:
    """Type real lines key by key and complete after each pause, as editors do.

    The engine answers through the whole service, with and without drafts; `generate` and prompt
    lookup get the same prompts.
    """
    settings = waiting_for_names(given.settings(pure=pure))
    files = given.split()
    spans = whole_line_spans(files.held_out, lines, given.seed)
    model, tuning = build_model(settings)
    tuning = replace(tuning, threads=1)  # of several engines and peers: see `peers`
    settings = _changed(settings, repository_weight=0.0, decode_ahead=False)  # as `generate`
    undrafted = settings.drafting.model_copy(update={"enabled": False})
    kinds = {
        "engine": settings,
        "engine_no_draft": settings.model_copy(update={"drafting": undrafted}),
        "ahead": _changed(settings, decode_ahead=True),
        **({"unclosed": settings} if auto_close else {}),
    }
    if model.layout.layout.order == "psm":
        kinds["kept"] = _changed(settings, suffix_rows="kept")
    names = KnownNames(model, settings)
    services = {
        name: _service_over(files.workspace(given.root), model, tuning, each, names)
        for name, each in kinds.items()
    }
    ends = model.layout.stop_ids | line_break_ids(model)
    builder = prompt_builder(model, settings)
    typists = {name: _served(service) for name, service in services.items() if name != "ahead"}
    if with_peers:
        others = peers(copy.deepcopy(model.own_code), ends)
        typists |= {name: _generated(peer, builder) for name, peer in others.items()}
    with progress("lines") as advance:
        answers, ahead = asyncio.run(
            _measure(typists, services, spans, given.seed, auto_close, advance)
        )
    for service in services.values():
        service.close()
    return {
        "device": str(model.device),
        "dtype": model.dtype_name,
        "model": model.name,
        "prompts": len(answers["engine"]),
        "lines": len(spans),
        "runs": {name: _summary(each) for name, each in answers.items()},
        "keystrokes": {
            name: keystrokes(answers[name])
            for name in ("engine", "engine_no_draft", "kept")
            if name in answers
        },
        "first_lines_alike": {
            name: _alike(answers["engine"], answers[name])
            for name in ("unclosed", "kept")
            if name in answers
        },
        "decode_ahead": ahead,
    }


def _changed(settings: Settings, **changes: object) -> Settings:
    completion: CompletionSettings = settings.completion.model_copy(update=changes)
    return settings.model_copy(update={"completion": completion})


def _service_over(
    workspace: Workspace,
    model: LoadedModel,
    tuning: Tuning,
    settings: Settings,
    names: KnownNames,
) -> LocalService:
    """Build a service over a workspace that has been read to its end."""
    tokenizer = blind_to_marks(model.tokenizer.backend_tokenizer)
    repositories = Repositories(lambda _: Repository(workspace, tokenizer))
    repositories.open(workspace.root).wait()
    engine = build_engine(model, tuning, settings)
    return LocalService(model, engine, settings, repositories, names=names)


def requests_while_typing(
    span: Span, rng: random.Random, *, auto_close: bool = False
) -> Iterator[CompletionRequest]:
    """Type the span's middle; yield what an editor would ask after each pause.

    With `auto_close` it has closed what the middle has opened so far.
    """
    for typed in range(len(span.middle) + 1):
        pause = rng.lognormvariate(0.0, INTERVAL_SPREAD) * MEAN_INTERVAL_S
        if pause >= DEBOUNCE_S or typed == len(span.middle):
            closers = closing(span.middle[:typed], span.path) if auto_close else ""
            yield CompletionRequest(
                prefix=span.prefix + span.middle[:typed],
                suffix=closers + span.suffix,
                path=span.path,
                max_tokens=MAX_TOKENS,
                multiline=False,
                polish=True,
            )


def closing(text: str, path: Path) -> str:
    """Return the quote and the brackets that close what `text` has opened."""
    language = language_of_name(path.name)
    inside = open_token(text, language)
    quote = inside.opening if inside is not None and inside.kind == "string" else ""
    opened = unmatched(without_text(text, language))[0]
    return quote + closers_of(opened)


async def _measure(
    typists: Mapping[str, Typist],
    services: Mapping[str, LocalService],
    spans: Sequence[Span],
    seed: int,
    auto_close: bool,
    progress: Callable[[int, int], None],
) -> tuple[dict[str, list[Answer]], dict[str, Any]]:
    """Let everyone type every span, then accept at each with and without decoding ahead.

    Whose turn it is goes on from one span to the next.
    """
    answers: dict[str, list[Answer]] = {name: [] for name in typists}
    rng = random.Random(seed)
    asked = itertools.count()
    for number, span in enumerate(spans):
        for keystroke, request in enumerate(
            requests_while_typing(span, rng, auto_close=auto_close)
        ):
            for name in turns(next(asked), tuple(typists)):
                unclosed = replace(request, suffix=span.suffix)
                answer = await typists[name](unclosed if name == "unclosed" else request)
                answers[name].append(replace(answer, first=keystroke == 0))
        progress(number + 1, len(spans))
    pair = {"without": services["engine"], "with": services["ahead"]}
    return answers, await measure_accepting(pair, spans)


def keystrokes(given: Sequence[Answer]) -> dict[str, Any]:
    """What a key costs the model after a request in the same line, against the line's first one.

    `first_token_ratio` compares medians of the time to the first token.
    """
    after = [each for each in given if not each.first and not each.cached]
    cold = [each for each in given if each.first]
    if not after:
        return {"n": 0}
    ratio = median(e.prefill_ms for e in after) / median(e.prefill_ms for e in cold)
    return {
        "n": len(after),
        "prefilled_tokens": percentiles([each.computed for each in after], 50, 95),
        "at_most_64_share": round(sum(each.computed <= 64 for each in after) / len(after), 4),
        "first_token_ms": percentiles([each.prefill_ms for each in after], 50, 95),
        "cold_first_token_ms": percentiles([each.prefill_ms for each in cold], 50, 95),
        "first_token_ratio": round(ratio, 4),
    }


def _alike(ours: Sequence[Answer], theirs: Sequence[Answer]) -> float:
    """Share of requests that are answered alike."""
    alike = [one.is_like(other) for one, other in zip(ours, theirs, strict=True)]
    return round(sum(alike) / len(alike), 4)


def _served(service: LocalService) -> Typist:
    async def ask(request: CompletionRequest) -> Answer:
        started = time.perf_counter()
        completion = await service.complete(request)
        stats: DecodeStats = completion.stats
        total = (time.perf_counter() - started) * 1000
        before, after = request.prefix.rpartition("\n")[2], request.suffix.partition("\n")[0]
        return Answer(
            total - stats.decode_ms,
            stats.decode_ms,
            0 if stats.cached else stats.steps + 1,
            0 if stats.cached else stats.generated_tokens + 1,
            prompt_tokens=stats.prompt_tokens,
            reused_tokens=stats.reused_tokens,
            cached=stats.cached,
            text=completion.text,
            line=f"{before}{completion.text}{after}",
        )

    return ask


def _generated(peer: Run, prompts: PromptBuilder) -> Typist:
    async def ask(request: CompletionRequest) -> Answer:
        started = time.perf_counter()
        prompt = prompts.build(request)
        timed = await asyncio.to_thread(peer, prompt)
        total = (time.perf_counter() - started) * 1000
        prefill, decode = total - timed.decode_ms, timed.decode_ms
        return Answer(prefill, decode, timed.steps, timed.tokens, prompt_tokens=len(prompt.ids))

    return ask


def _summary(given: Sequence[Answer]) -> dict[str, Any]:
    prompt_tokens = sum(each.prompt_tokens for each in given)
    return {
        **summary(given),
        "reused_share": round(sum(each.reused_tokens for each in given) / max(1, prompt_tokens), 4),
        "prefilled_tokens": percentiles([e.computed for e in given if not e.cached], 50, 95),
        "answered_without_model_share": round(sum(each.cached for each in given) / len(given), 4),
    }


def table(result: dict[str, Any]) -> Group:
    """Lay contestants out, and say what a key costs and what decoding ahead brings."""
    keys = [
        f"{name}: a key prefills {each['prefilled_tokens']['p50']:.0f} tokens"
        f" (p95 {each['prefilled_tokens']['p95']:.0f}; {each['at_most_64_share']:.0%} at most 64);"
        f" first token after {each['first_token_ms']['p50']:.0f} ms,"
        f" {each['first_token_ratio']:.0%} of a cold request's"
        for name, each in result["keystrokes"].items()
        if each["n"]
    ]
    ahead = result["decode_ahead"]
    accepting = [
        f"{name} decoding ahead: the next completion after {ahead[name]['next_ms']['p50']:.0f} ms"
        f" (p95 {ahead[name]['next_ms']['p95']:.0f}), {ahead[name]['at_hand_share']:.0%} at hand;"
        f" {ahead[name]['cpu_ms_while_reading']['p50']:.0f} ms of processor while a person reads"
        for name in ("without", "with")
    ]
    others = f"others wait {ahead['others_median_ratio']:.2f} times as long with it"
    alike = [
        f"{name}: {share:.1%} of answers alike"
        for name, share in result["first_lines_alike"].items()
    ]
    return Group(decode.table(result), *keys, *alike, *accepting, others)
