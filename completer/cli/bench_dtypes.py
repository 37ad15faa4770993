"""`completer bench dtypes`: the dtypes of one model beside each other."""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from completer.bench.quiet import suspended_training
from completer.cli.bench import CorpusFlag, HeldOutFlag, SeedFlag, progress, show
from completer.cli.options import ConfigFlag, DeviceFlag, JsonFlag, ModelFlag, load
from completer.settings import Settings

if TYPE_CHECKING:
    from rich.console import Group
    from rich.table import Table

    from completer.bench.spans import Split
    from completer.context.prompt import Prompt
    from completer.engine.runner import Runner
    from completer.engine.tuning import Tuning
    from models.decoder import Model
    from models.loading import LoadedModel

    Built = Mapping[str, tuple[LoadedModel, Tuning, Settings]]

ASKED = ("bfloat16", "int8")


def dtypes(
    dtype: Annotated[
        list[str] | None,
        typer.Option(help="May be repeated. Default: bfloat16 and int8.", metavar="DTYPE"),
    ] = None,
    shape: Annotated[
        str | None,
        typer.Option(
            help="Time passes of random weights of a shape: a name, or JSON as in config.json.",
            metavar="NAME|JSON",
        ),
    ] = None,
    corpus: CorpusFlag = None,
    prompts: Annotated[int, typer.Option("--prompts", min=1, help="How many carets.")] = 60,
    rounds: Annotated[int, typer.Option(min=1, help="How often each pass is timed.")] = 20,
    held_out: HeldOutFlag = 24,
    seed: SeedFlag = 0,
    model: ModelFlag = None,
    device: DeviceFlag = None,
    config: ConfigFlag = None,
    as_json: JsonFlag = False,
) -> None:
    """Compare dtypes of one model: agreement with float32, and what passes and completions take.

    Predictions are compared at the last 256 positions of prompts from held-out files; completions
    are drafted from the other files. All dtypes take turns, with the same number of threads.
    """
    names = list(dict.fromkeys(dtype or ASKED))
    with suspended_training():
        if shape is not None:
            result = _shape(shape, names, device or "auto", rounds)
        else:
            from completer.bench.dtypes import REFERENCE
            from completer.bench.spans import default_corpus, split

            built = _build(config, model, device, dict.fromkeys((REFERENCE, *names)))
            files = split(corpus or default_corpus(), held_out=held_out, seed=seed)
            result = _model(built, files, prompts, rounds, seed)
    show(result, as_json, _tables)


def _shape(shape: str, names: Sequence[str], device: str, rounds: int) -> dict[str, Any]:
    from completer.bench.dtypes import CAPACITY, runner_of
    from completer.bench.shapes import find_shape, random_model
    from models.loading import choose_device

    chosen = choose_device(device)
    models = {n: random_model(find_shape(shape), chosen, n, CAPACITY) for n in names}
    passes = _passes({name: runner_of(each) for name, each in models.items()}, rounds)
    return _result(shape, models, passes)


def _model(built: "Built", files: "Split", count: int, rounds: int, seed: int) -> dict[str, Any]:
    from completer.bench.dtypes import compare_predictions, runner_of
    from completer.bench.spans import one_line_spans
    from completer.generation import prompt_builder
    from completer.request import CompletionRequest

    loaded, _, settings = next(iter(built.values()))
    builder = prompt_builder(loaded, settings)
    prompts = [
        builder.build(CompletionRequest(prefix=span.prefix, suffix=span.suffix))
        for span in one_line_spans(files.held_out, count, seed)
    ]
    runners = {name: runner_of(each.own_code) for name, (each, _, _) in built.items()}
    with progress("prompts") as advance:
        texts = [prompt.ids for prompt in prompts]
        agreements = compare_predictions(runners, texts, advance)
    passes = _passes(runners, rounds)
    runners.clear()  # what they have stacked would be held twice
    result = _result(loaded.name, {n: each.own_code for n, (each, _, _) in built.items()}, passes)
    for name, completions in _completions(built, files, prompts).items():
        result["dtypes"][name]["completions"] = completions
    for name, agreement in agreements.items():
        result["dtypes"][name]["agreement"] = agreement.figures
        result["positions"] = agreement.positions
    return {**result, "prompts": count}


def _build(
    config: Path | None, model: str | None, device: str | None, names: Mapping[str, None]
) -> "Built":
    from completer.cli.assembly import build_model

    settings = {n: load(config, model=model, device=device, dtype=n).settings for n in names}
    return {name: (*build_model(each), each) for name, each in settings.items()}


def _passes(runners: "Mapping[str, Runner]", rounds: int) -> dict[str, Any]:
    from completer.bench.dtypes import time_passes

    with progress("rounds") as advance:
        return time_passes(runners, rounds, advance)


def _completions(built: "Built", files: "Split", prompts: "Sequence[Prompt]") -> dict[str, Any]:
    from completer.bench.decode import engine_run, line_break_ids
    from completer.bench.dtypes import time_completions
    from completer.cli.assembly import build_drafter, build_engine

    model = next(iter(built.values()))[0]
    ends = model.layout.stop_ids | line_break_ids(model)
    drafter = build_drafter(model, files.indexed)
    engines = {name: build_engine(*each) for name, each in built.items()}
    runs = {name: engine_run(engine, ends, drafter) for name, engine in engines.items()}
    with progress("completions") as advance:
        found = time_completions(runs, prompts, advance)
    for engine in engines.values():
        engine.close()
    return found


def _result(name: str, models: "Mapping[str, Model]", passes: Mapping[str, Any]) -> dict[str, Any]:
    import torch

    return {
        "model": name,
        "device": str(next(iter(models.values())).device),
        "threads": torch.get_num_threads(),
        "dtypes": {
            dtype: {
                "weights_mb": round(sum(each.nbytes for each in model.parameters()) / 1e6, 3),
                "passes_ms": passes[dtype],
            }
            for dtype, model in models.items()
        },
    }


def _tables(result: dict[str, Any]) -> "Group":
    from rich.console import Group

    dtypes: dict[str, dict[str, Any]] = result["dtypes"]
    where = f"{result['model']} on {result['device']}, {result['threads']} threads"
    tables = [_table(f"{where}; median ms of passes", dtypes, _passes_cells)]
    if "positions" in result:
        told = f"{result['positions']:,} positions, {result['prompts']} completions; median ms"
        tables.append(_table(told, dtypes, _completion_cells))
    return Group(*tables)


def _table(
    title: str,
    dtypes: Mapping[str, dict[str, Any]],
    cells_of: Callable[[dict[str, Any]], dict[str, str]],
) -> "Table":
    from rich.table import Table

    rows = {name: cells_of(figures) for name, figures in dtypes.items()}
    table = Table("", title=title)
    for column in next(iter(rows.values())):
        table.add_column(column, justify="right")
    for name, cells in rows.items():
        table.add_row(name, *cells.values())
    return table


def _passes_cells(figures: dict[str, Any]) -> dict[str, str]:
    times = {
        kind.replace("_", " "): f"{taken['p50']:.2f}"
        for kind, taken in figures["passes_ms"].items()
    }
    return {"weights": f"{figures['weights_mb']:.0f} MB", **times}


def _completion_cells(figures: dict[str, Any]) -> dict[str, str]:
    """Agreement, which float32 has with itself, and what completions took."""
    said, completions = figures.get("agreement"), figures["completions"]
    return {
        "agrees": f"{said['share']:.2%}" if said else "",
        "clearly other": str(said["clearly_other"]) if said else "",
        "KL": f"{said['kl']:.5f}" if said else "",
        "prefill": f"{completions['prefill_ms']['p50']:.1f}",
        "decode": f"{completions['decode_ms']['p50']:.1f}",
        "tokens/step": f"{completions['tokens_per_step']:.2f}",
    }
