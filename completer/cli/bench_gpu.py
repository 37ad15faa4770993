"""`completer bench gpu` and `bench tune`: what a device can do, and how it is used best."""

from typing import TYPE_CHECKING, Annotated, Any

import typer

from completer.bench.quiet import suspended_training
from completer.cli.bench import progress, show
from completer.cli.options import (
    ConfigFlag,
    DeviceFlag,
    DtypeFlag,
    JsonFlag,
    ModelFlag,
    PureFlag,
    load,
)

if TYPE_CHECKING:
    from completer.engine.tuning import Tuning
    from models.loading import LoadedModel


def gpu(
    shape: Annotated[
        str | None, typer.Option(help="A name, or JSON as in config.json.", metavar="NAME|JSON")
    ] = None,
    device: DeviceFlag = None,
    dtype: DtypeFlag = None,
    context: Annotated[int, typer.Option(min=16, help="Tokens that a step looks back on.")] = 1024,
    sequences: Annotated[int, typer.Option(min=1, help="Sequences in a step.")] = 1,
    rounds: Annotated[int, typer.Option(min=1, help="How often each step is timed.")] = 20,
    texts: Annotated[int, typer.Option(min=0, help="Texts written beside `generate`.")] = 4,
    max_tokens: Annotated[int, typer.Option(min=2, help="Tokens of each text.")] = 64,
    as_json: JsonFlag = False,
) -> None:
    """Time steps over 1 to 64 tokens of a model with random weights, and the floor below them.

    Packed steps, steps of static shapes (on a GPU: captured graphs) and a big copy, whose rate
    gives the floor, take turns. Then the engine and `generate` write the same number of tokens.
    """
    from completer.bench.gpu import Plan, bench_gpu
    from completer.bench.shapes import DEFAULT, find_shape
    from models.loading import choose_device

    chosen = choose_device(device or "auto")
    plan = Plan(
        shape=find_shape(shape or DEFAULT),
        device=chosen,
        dtype=dtype or "auto",
        context=context,
        sequences=sequences,
        rounds=rounds,
        texts=texts,
        max_tokens=max_tokens,
    )
    with suspended_training(), progress("rounds") as advance:
        result = bench_gpu(plan, advance)
    show(result, as_json, _gpu_tables)


def _gpu_tables(result: dict[str, Any]) -> Any:  # noqa: ANN401  rich is loaded late
    from rich.console import Group
    from rich.table import Table

    static = "graphs" if result["captured"] else "static"
    steps = Table(
        title=f"{result['parameters'] / 1e6:.3g} M parameters in {result['dtype']} on"
        f" {result['device']} ({result['bandwidth_gb_per_s']:.0f} GB/s), ms a step of"
        f" {result['sequences']} x {result['context']} tokens of context"
    )
    for column in ("tokens", "floor", "packed", static, "packed / floor", f"{static} / floor"):
        steps.add_column(column, justify="right")
    for row in result["steps"]:
        times = (row["floor_ms"], row["packed_ms"], row["static_ms"])
        ratios = (row["packed_over_floor"], row["static_over_floor"])
        steps.add_row(
            str(row["tokens"]), *(f"{t:.3f}" for t in times), *(f"{r:.1f}x" for r in ratios)
        )
    texts = Table(title="whole texts")
    for column in ("", "prefill", "ms/token", "ms/step", "tokens/step"):
        texts.add_column(column, justify="right")
    for name, run in result["texts"].items():
        texts.add_row(name.replace("_", " "), *(f"{value:.2f}" for value in run.values()))
    return Group(steps, texts) if result["texts"] else steps


def tune(
    model: ModelFlag = None,
    device: DeviceFlag = None,
    pure: PureFlag = None,
    config: ConfigFlag = None,
    as_json: JsonFlag = False,
) -> None:
    """Measure anew how the model runs best on this device, and keep the choice.

    What is tried: dtypes, thread counts, on a GPU captured graphs. A candidate that says something
    else than the model's own code in its own dtype is never chosen.
    """
    from completer.cli.assembly import build_model

    settings = load(config, model=model, device=device, pure=pure).settings
    with suspended_training():
        loaded, tuning = build_model(settings, tune_again=True)
    show(_choice(loaded, tuning), as_json, _tune_table)


def _choice(loaded: "LoadedModel", tuning: "Tuning") -> dict[str, Any]:
    from dataclasses import asdict

    tried = [{**asdict(each), "completion_ms": each.completion_ms} for each in tuning.trials]
    choice = {key: value for key, value in asdict(tuning).items() if key != "trials"}
    return {"model": loaded.name, "device": str(loaded.device), "choice": choice, "tried": tried}


def _tune_table(result: dict[str, Any]) -> Any:  # noqa: ANN401  rich is loaded late
    from rich.table import Table

    choice = result["choice"]
    table = Table(title=f"{result['model']} on {result['device']}: ms, and what is chosen")
    names = ("dtype", "threads", "graphs", "prefill", "verify", "completion", "agrees", "")
    for column in names:
        table.add_column(column, justify="right")
    for each in result["tried"]:
        own = {name: each[name] for name in ("dtype", "threads", "graphs")}
        times = (each[f"{part}_ms"] for part in ("prefill", "verify", "completion"))
        chosen = all(choice[name] == value for name, value in own.items())
        table.add_row(
            *map(str, own.values()),
            *(f"{value:.2f}" for value in times),
            "yes" if each["agrees"] else "no",
            "chosen" if chosen else "",
        )
    lean = "the lean forward pass" if choice["lean"] else "the model's own code"
    curve = zip(choice["costs"]["lengths"], choice["costs"]["milliseconds"], strict=True)
    costs = ", ".join(f"{tokens}: {cost:.2f}" for tokens, cost in curve)
    table.caption = f"{lean}; ms of a step over so many tokens: {costs}"
    return table
