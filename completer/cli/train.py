"""`completer train`: makes a small fill-in-the-middle model from source code."""

import json
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from completer.cli.options import JsonFlag
from completer.errors import BadRequestError

if TYPE_CHECKING:
    from models.training.config import Progress


def train(
    folder: Annotated[
        Path, typer.Argument(help="All that the run writes; a run that is there is continued.")
    ],
    source: Annotated[
        list[Path] | None,
        typer.Option(help="Folder of code; default: this Python and its packages.", metavar="PATH"),
    ] = None,
    start_from: Annotated[
        Path | None, typer.Option(help="A Llama checkpoint to continue from.", metavar="FOLDER")
    ] = None,
    width: Annotated[int | None, typer.Option(help="Size of a hidden state.")] = None,
    layers: Annotated[int | None, typer.Option(help="Decoder layers.")] = None,
    heads: Annotated[int | None, typer.Option(help="Attention heads.")] = None,
    feed_forward: Annotated[int | None, typer.Option(help="Size inside the gated block.")] = None,
    vocabulary: Annotated[int | None, typer.Option(help="Tokens of a new tokenizer.")] = None,
    steps: Annotated[int | None, typer.Option(min=1, help="Steps at full rate.")] = None,
    tokens_per_step: Annotated[int | None, typer.Option(min=64)] = None,
    cooldown_steps: Annotated[
        int | None, typer.Option(min=0, help="Steps in which the rate then falls to zero.")
    ] = None,
    cooldown: Annotated[
        int | None,
        typer.Option(
            min=1,
            help="Branch off the last checkpoint, cool down within so many steps and export;"
            " the run itself can go on.",
            metavar="STEPS",
        ),
    ] = None,
    seed: Annotated[int | None, typer.Option(help="Same seed and sources, same weights.")] = None,
    device: Annotated[str | None, typer.Option(help="cpu or cuda.")] = None,
    threads: Annotated[int | None, typer.Option(min=1)] = None,
    fuse: Annotated[
        bool, typer.Option("--compile", help="Fuse small operations; needs a C++ compiler.")
    ] = False,
    as_json: JsonFlag = False,
) -> None:
    """Train a model, resumable to the step, and export it in Hugging Face layout.

    A run can be killed at any time and started again with the same words. Its last line names the
    folder that `--model` takes.
    """
    from models.training.config import TrainConfig
    from models.training.pipeline import cool_down, run

    chosen: dict[str, Any] = {
        "sources": tuple(source) if source else None,
        "start_from": start_from,
        "width": width,
        "layers": layers,
        "heads": heads,
        "feed_forward": feed_forward,
        "vocabulary": vocabulary,
        "steps": steps,
        "tokens_per_step": tokens_per_step,
        "cooldown_steps": cooldown_steps,
        "seed": seed,
        "device": device,
        "threads": threads,
        "compile": fuse,
    }
    config = TrainConfig(folder=folder, **{k: v for k, v in chosen.items() if v is not None})
    report = _reporter(as_json)
    try:
        if cooldown:
            exported = cool_down(config, cooldown, progress=report)
        else:
            exported = run(config, progress=report)
    except (FileNotFoundError, ValueError) as error:
        raise BadRequestError(str(error)) from error
    typer.echo(json.dumps({"exported": str(exported)}) if as_json else exported)


def _reporter(as_json: bool) -> "Callable[[Progress], None]":
    def report(progress: "Progress") -> None:
        if as_json:
            typer.echo(json.dumps(asdict(progress)), err=True)
        else:
            typer.echo(_line(progress), err=True)

    return report


def _line(progress: "Progress") -> str:
    if progress.stage != "train":
        return f"{progress.stage}: {progress.message}"
    held_out = f" · held-out loss {progress.held_out_loss:.3f}" if progress.held_out_loss else ""
    return (
        f"step {progress.step}/{progress.steps} · loss {progress.loss:.3f}{held_out}"
        f" · {progress.tokens_per_second:,.0f} tokens/s · {progress.seconds_left / 3600:.1f} h left"
    )
