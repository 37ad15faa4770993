"""`completer bench`: speeds, each compared with a peer in the same run."""

import copy
import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from completer.bench.quiet import suspended_training
from completer.cli.options import ConfigFlag, DeviceFlag, JsonFlag, ModelFlag, PureFlag, load
from completer.place import local_place
from completer.settings import DraftSettings

if TYPE_CHECKING:
    from models.loading import LoadedModel

bench = typer.Typer(no_args_is_help=True, help="Measure speeds, each beside a peer in one run.")
CorpusFlag = Annotated[
    Path | None,
    typer.Option("--corpus", help="Folder of code; default: the standard library.", metavar="PATH"),
]
COLUMNS = (
    "",
    "completions/s",
    "prefill p50",
    "decode p50",
    "total p95",
    "tokens/step",
    "reused",
    "engine is",
)
HeldOutFlag = Annotated[int, typer.Option(min=1, help="Files that are not indexed.")]
SeedFlag = Annotated[int, typer.Option(help="Draws files and carets.")]


@bench.command("decode")
def decode(
    corpus: CorpusFlag = None,
    prompts: Annotated[int, typer.Option("--prompts", min=1, help="How many carets.")] = 120,
    unseen: Annotated[
        bool, typer.Option("--unseen", help="Give all names random ones: nothing can be drafted.")
    ] = False,
    peers_too: Annotated[
        bool, typer.Option("--peers/--no-peers", help="Whether `generate` takes part.")
    ] = True,
    held_out: HeldOutFlag = 24,
    seed: SeedFlag = 0,
    model: ModelFlag = None,
    device: DeviceFlag = None,
    pure: PureFlag = None,
    config: ConfigFlag = None,
    as_json: JsonFlag = False,
) -> None:
    """Complete one-line spans of held-out files with this engine and with `generate`.

    Four take turns on each prompt: the engine with drafts from the other files, without drafts,
    `generate`, and `generate` with prompt lookup.
    """
    from completer.bench.decode import RUNS, Contestants, bench_decode
    from completer.bench.spans import default_corpus, one_line_spans, split, with_unseen_names
    from completer.cli.assembly import build_drafter, build_engine, build_model
    from completer.context.prompt import PromptBuilder
    from completer.generation import prompt_builder

    settings = load(config, model=model, device=device, pure=pure).settings
    loaded, tuning = build_model(settings)
    files = split(corpus or default_corpus(), held_out=held_out, seed=seed)
    texts = with_unseen_names(files.held_out, seed) if unseen else files.held_out
    spans = one_line_spans(texts, prompts, seed)
    plain, lookup = peers(loaded)
    engine = build_engine(loaded, tuning, settings)
    drafter = build_drafter(loaded, files.indexed)
    builder: PromptBuilder = prompt_builder(loaded, settings)
    with suspended_training(), progress("prompts") as advance:
        contestants = Contestants(engine, drafter, plain, lookup)
        names = RUNS if peers_too else RUNS[:2]
        result = bench_decode(contestants, builder, spans, advance, names)
    engine.close()
    show(result, as_json, _table)


@bench.command("type")
def type_(
    corpus: CorpusFlag = None,
    lines: Annotated[int, typer.Option("--lines", min=1, help="How many lines are typed.")] = 20,
    held_out: HeldOutFlag = 10,
    seed: SeedFlag = 0,
    model: ModelFlag = None,
    device: DeviceFlag = None,
    pure: PureFlag = None,
    config: ConfigFlag = None,
    as_json: JsonFlag = False,
) -> None:
    """Type real lines key by key and complete after each pause, as editors do.

    The engine answers through the whole service, with and without drafts; `generate` and prompt
    lookup get the same prompts.
    """
    import asyncio

    from completer.bench.spans import default_corpus, split, whole_line_spans
    from completer.bench.typing import Typists, bench_type
    from completer.cli.assembly import build_model, build_service_over
    from completer.generation import prompt_builder

    settings = load(config, model=model, device=device, pure=pure).settings
    root = local_place(corpus or default_corpus())
    files = split(root, held_out=held_out, seed=seed)
    loaded, tuning = build_model(settings)
    own_law = settings.completion.model_copy(
        update={"repository_weight": 0.0, "decode_ahead": False}
    )
    settings = settings.model_copy(update={"completion": own_law})  # as `generate` has it
    undrafted = settings.model_copy(update={"drafting": DraftSettings(enabled=False)})
    looks_ahead = settings.completion.model_copy(update={"decode_ahead": True})
    ahead = settings.model_copy(update={"completion": looks_ahead})
    services = [
        build_service_over(files.workspace(root), loaded, tuning, each)
        for each in (settings, undrafted, ahead)
    ]
    typists = Typists(services[0], services[1], services[2], *peers(loaded))
    with suspended_training(), progress("lines") as advance:
        result = asyncio.run(
            bench_type(
                typists,
                prompt_builder(loaded, settings),
                whole_line_spans(files.held_out, lines, seed),
                seed,
                advance,
            )
        )
    for service in services:
        service.close()
    show(result, as_json, _typing_tables)


def peers(loaded: "LoadedModel") -> "Iterator[LoadedModel]":
    """Two copies of a model with transformers' own attention, for `generate` with two options."""
    for _ in range(2):
        peer = replace(loaded, model=copy.deepcopy(loaded.own_code))
        peer.own_code.set_attn_implementation("sdpa")
        yield peer


@contextmanager
def progress(what: str) -> Iterator[Callable[[int, int], None]]:
    """Show on standard error how far it is."""
    from rich.console import Console
    from rich.progress import Progress

    with Progress(console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task(what, total=None)
        yield lambda done, total: bar.update(task, completed=done, total=total)


def show(result: dict[str, Any], as_json: bool, table: Callable[[dict[str, Any]], Any]) -> None:
    """Print a result for a program or for a person."""
    from rich.console import Console

    if as_json:
        typer.echo(json.dumps(result))
    else:
        Console().print(table(result))


def _table(result: dict[str, Any]) -> Any:  # noqa: ANN401  rich is loaded late
    from rich.table import Table

    table = Table(
        title=f"{result['model']} on {result['device']} ({result['dtype']}),"
        f" {result['prompts']} prompts"
        + (f", {result['identical']} answered alike by all" if "identical" in result else "")
    )
    for column in COLUMNS:
        table.add_column(column, justify="right")
    for name, run in result["runs"].items():
        table.add_row(
            name,
            f"{run['completions_per_s']:.2f}",
            f"{run['prefill_ms']['p50']:.1f} ms",
            f"{run['decode_ms']['p50']:.1f} ms",
            f"{run['total_ms']['p95']:.1f} ms",
            f"{run['tokens_per_step']:.2f}",
            f"{run['reused_share']:.0%}" if "reused_share" in run else "",
            _gain(result.get("gains", {}).get(name)),
        )
    return table


def _typing_tables(result: dict[str, Any]) -> Any:  # noqa: ANN401  rich is loaded late
    from rich.console import Group

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
        f"{name} decoding ahead: the next completion after {each['next_ms']['p50']:.0f} ms"
        f" (p95 {each['next_ms']['p95']:.0f}), {each['at_hand_share']:.0%} at hand;"
        f" {each['cpu_ms_while_reading']['p50']:.0f} ms of processor while a person reads"
        for name, each in ((name, ahead[name]) for name in ("without", "with"))
    ]
    others = f"others wait {ahead['others_median_ratio']:.2f} times as long with it"
    return Group(_table(result), *keys, *accepting, others)


def _gain(gain: dict[str, float] | None) -> str:
    if gain is None:
        return ""
    return f"{gain['total_median']:.2f}x [{gain['low']:.2f}, {gain['high']:.2f}]"


@bench.command("telemetry")
def telemetry(
    folder: Annotated[
        Path | None, typer.Option(help="On the disk to measure; default: a temporary folder.")
    ] = None,
    kills: Annotated[int, typer.Option(min=0, help="How often a writer is killed.")] = 300,
    as_json: JsonFlag = False,
) -> None:
    """Measure durable events a second, what a stalled store costs, and survival of kill -9."""
    import tempfile

    from completer.bench.telemetry import bench_telemetry

    with tempfile.TemporaryDirectory(dir=folder) as scratch, progress("steps") as advance:
        result = bench_telemetry(Path(scratch), kills=kills, progress=advance)
    typer.echo(json.dumps(result, indent=None if as_json else 2))


@bench.command("draft")
def draft(
    corpus: CorpusFlag = None,
    cases: Annotated[
        Path | None, typer.Option("--cases", help="Files and spans to walk.", metavar="FILE")
    ] = None,
    tokenizer: Annotated[
        Path | None, typer.Option("--tokenizer", help="A tokenizer.json.", metavar="FILE")
    ] = None,
    with_peers: Annotated[bool, typer.Option("--peers/--no-peers")] = True,
    seed: SeedFlag = 0,
    as_json: JsonFlag = False,
) -> None:
    """Time the drafting index, and walk held-out files with it and its peers.

    The true text plays the model: what it would have accepted counts as tokens per step.
    """
    from rich.console import Console

    from completer.bench.draft import run, table
    from completer.bench.spans import default_corpus
    from models.loading import BUNDLED_FOLDER

    console = Console(stderr=True)
    with suspended_training():
        result = run(
            corpus if cases else corpus or default_corpus(),
            cases,
            tokenizer or BUNDLED_FOLDER / "tokenizer.json",
            seed=seed,
            peers=with_peers,
            say=console.print,
        )
    show(result, as_json, table)
