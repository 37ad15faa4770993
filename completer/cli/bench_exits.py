"""`completer bench exits`: what the model's own early layers are worth."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any

import typer

from completer.bench.quiet import suspended_training
from completer.cli.bench import CorpusFlag, HeldOutFlag, SeedFlag, progress, show
from completer.cli.options import ConfigFlag, DeviceFlag, JsonFlag, ModelFlag, PureFlag, load

if TYPE_CHECKING:
    from completer.bench.exits import Pair
    from completer.bench.spans import Span
    from completer.engine.tuning import Tuning
    from completer.settings import Settings
    from models.loading import LoadedModel


def exits(
    corpus: CorpusFlag = None,
    prompts: Annotated[int, typer.Option("--prompts", min=2, help="How many carets.")] = 120,
    synthetic: Annotated[
        bool,
        typer.Option("--synthetic", help="A model of 24 layers, of which the last 18 do nothing."),
    ] = False,
    index: Annotated[
        bool, typer.Option("--index/--no-index", help="Whether the other files draft as well.")
    ] = True,
    lossy: Annotated[
        bool,
        typer.Option("--lossy", help="Measure exits that change the text instead."),
    ] = False,
    gate_tokens: Annotated[
        int, typer.Option("--gate-tokens", min=2000, help="Tokens that the gates are fitted on.")
    ] = 100_000,
    held_out: HeldOutFlag = 24,
    seed: SeedFlag = 0,
    model: ModelFlag = None,
    device: DeviceFlag = None,
    pure: PureFlag = None,
    config: ConfigFlag = None,
    as_json: JsonFlag = False,
) -> None:
    """Decode with and without drafts by the model's first layers, in turns.

    Says whether they draft or why not, how much faster that is, and that the answers are the same.
    With --lossy: layers skipped, speed, and edit similarity lost, where early layers may have the
    last word.
    """
    from completer.bench.exits import nearly_identity
    from completer.bench.spans import default_corpus, one_line_spans, split
    from completer.cli.assembly import build_model
    from completer.engine.tuning import measured_again

    settings = load(config, model=model, device=device, pure=pure).settings
    loaded, tuning = build_model(settings)
    if synthetic:
        loaded = nearly_identity(loaded)
        tuning = measured_again(loaded.model, tuning)
    files = split(corpus or default_corpus(), held_out=held_out, seed=seed)
    spans = one_line_spans(files.held_out, prompts, seed)
    measured = Measured(loaded, tuning, settings)
    with suspended_training():
        if lossy:
            result = _lossy(measured, spans, files.indexed, gate_tokens, seed)
        else:
            result = _lossless(measured, spans, files.indexed if index else [])
    show(result, as_json, _lossy_table if lossy else _table)


@dataclass(frozen=True, slots=True)
class Measured:
    """The model that is measured, how it runs here, and the settings."""

    loaded: "LoadedModel"
    tuning: "Tuning"
    settings: "Settings"


def _lossless(measured: Measured, spans: "Sequence[Span]", indexed: list[str]) -> dict[str, Any]:
    from completer.bench.exits import bench_exits
    from completer.generation import prompt_builder

    pair = build_pair(measured.loaded, measured.tuning, measured.settings, indexed)
    prompts = prompt_builder(measured.loaded, measured.settings)
    with progress("prompts") as advance:
        result = bench_exits(pair, measured.loaded, prompts, spans, advance)
    pair.without.close()
    pair.speculating.close()
    return result


def _lossy(
    measured: Measured, spans: "Sequence[Span]", indexed: list[str], tokens: int, seed: int
) -> dict[str, Any]:
    from completer.bench.lossy import Variants, bench_lossy, exits_only, fit_gates
    from completer.cli.assembly import build_engine
    from completer.errors import BadRequestError
    from completer.generation import prompt_builder
    from models.layers import why_not

    loaded, tuning, settings = measured.loaded, measured.tuning, measured.settings
    if reason := why_not(loaded.model):
        raise BadRequestError(f"{loaded.name} has no early exits: {reason}.")
    with progress("windows") as advance:
        fitted = fit_gates(loaded, indexed, tokens, seed, advance)
    variants = Variants(
        build_engine(loaded, tuning, settings, exit_gates=exits_only(fitted.gates)),
        build_engine(loaded, tuning, settings, exit_gates=fitted.gates),
    )
    prompts = prompt_builder(loaded, settings)
    with progress("prompts") as advance:
        result = bench_lossy(variants, loaded, prompts, spans, fitted, advance)
    variants.exiting.close()
    variants.stopping.close()
    return result


def build_pair(
    loaded: "LoadedModel", tuning: "Tuning", settings: "Settings", indexed: list[str]
) -> "Pair":
    """Two engines over the same weights that differ in self-speculation alone."""
    from completer.bench.exits import Pair
    from completer.cli.assembly import build_drafter, build_engine

    off = settings.drafting.model_copy(update={"self_speculation": False})
    return Pair(
        without=build_engine(loaded, tuning, settings.model_copy(update={"drafting": off})),
        speculating=build_engine(loaded, tuning, settings),
        drafter=build_drafter(loaded, indexed) if indexed else None,
    )


def _table(result: dict[str, Any]) -> Any:  # noqa: ANN401  rich is loaded late
    from rich.table import Table

    table = Table(
        title=f"{result['model']} on {result['device']} ({result['dtype']}),"
        f" {result['prompts']} prompts; {result['reason']}"
    )
    for column in ("first layers draft", "tokens/step", "decoding is faster by", "other answers"):
        table.add_column(column, justify="right")
    ratio = result["speed_ratio"]
    gain = f"{ratio['value']:.2f}x [{ratio['low']:.2f}, {ratio['high']:.2f}]"
    table.add_row("no", f"{result['tokens_per_step_without']:.2f}", "", "")
    table.add_row(
        "yes" if result["active"] else "off",
        f"{result['tokens_per_step_with']:.2f}",
        gain,
        str(result["differing"]),
    )
    return table


def _lossy_table(result: dict[str, Any]) -> Any:  # noqa: ANN401  rich is loaded late
    from rich.table import Table

    paper = result["paper"]
    table = Table(
        title=f"{result['model']} on {result['device']} ({result['dtype']}), {result['layers']}"
        f" layers, {result['prompts']} prompts; SEC: {paper['layers_skipped']} of"
        f" {paper['layers']} layers skipped, {paper['faster']:.1%} faster, ROUGE-L"
        f" -{paper['rouge_l_lost']:.1%}"
    )
    columns = ("", "layers skipped", "a step is faster by", "edit similarity", "as full", "stopped")
    for column in columns:
        table.add_column(column, justify="right")
    for name, run in result["runs"].items():
        ratio = run["step_speed_ratio"]
        table.add_row(
            name,
            f"{run['layers_skipped']:.2f}",
            f"{ratio['value']:.2f}x [{ratio['low']:.2f}, {ratio['high']:.2f}]",
            f"{run['edit_similarity']:.3f}",
            str(run["same_as_full"]),
            str(run["stopped"]),
        )
    return table
