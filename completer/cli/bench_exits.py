"""`completer bench exits`: what the model's own early layers are worth."""

from typing import TYPE_CHECKING, Annotated, Any

import typer

from completer.bench.quiet import suspended_training
from completer.cli.bench import CorpusFlag, HeldOutFlag, SeedFlag, progress, show
from completer.cli.options import ConfigFlag, DeviceFlag, JsonFlag, ModelFlag, PureFlag, load

if TYPE_CHECKING:
    from completer.bench.exits import Pair
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
    """
    from completer.bench.exits import bench_exits, nearly_identity
    from completer.bench.spans import default_corpus, one_line_spans, split
    from completer.cli.assembly import build_model
    from completer.generation import prompt_builder

    settings = load(config, model=model, device=device, pure=pure).settings
    loaded, tuning = build_model(settings)
    if synthetic:
        loaded = nearly_identity(loaded)
    files = split(corpus or default_corpus(), held_out=held_out, seed=seed)
    spans = one_line_spans(files.held_out, prompts, seed)
    with suspended_training(), progress("prompts") as advance:
        pair = build_pair(loaded, tuning, settings, files.indexed if index else [])
        result = bench_exits(pair, loaded, prompt_builder(loaded, settings), spans, advance)
    pair.without.close()
    pair.speculating.close()
    show(result, as_json, _table)


def build_pair(
    loaded: "LoadedModel", tuning: "Tuning", settings: "Settings", indexed: list[str]
) -> "Pair":
    """Two engines over the same weights that differ in self-speculation alone."""
    from completer.bench.exits import Pair
    from completer.cli.assembly import build_drafter, build_engine
    from completer.engine.tuning import measured_again

    tuning = measured_again(loaded.model, tuning)
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
