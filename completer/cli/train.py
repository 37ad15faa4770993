"""`completer train`: makes a small fill-in-the-middle model from source code."""

import json
from collections.abc import Callable
from dataclasses import asdict
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from completer.cli.background import lower_priority
from completer.cli.options import JsonFlag
from completer.errors import BadRequestError

if TYPE_CHECKING:
    from models.training.config import Progress

SHARED_SESSION = (
    "This shell's session keeps its share of the processor: put `setsid` before the command, and "
    "other sessions go first, too."
)

FLAGS = {"sources": "source", "package_paths": "package_path", "languages": "language"}

Sources = Annotated[
    list[Path] | None,
    typer.Option(
        "--source",
        help="Folder of code, whose licence a file `.licence` in it may say; may be repeated."
        " Default: this Python and its packages.",
        metavar="PATH",
    ),
]
PackagePaths = Annotated[
    list[Path] | None,
    typer.Option(
        "--package-path",
        help="Another folder with installed packages; may be repeated.",
        metavar="PATH",
    ),
]
Packages = Annotated[
    Path | None,
    typer.Option(
        help="List of the installed packages to take: a name a line, or a manifest.json."
        " Default: all with a permissive licence.",
        metavar="FILE",
    ),
]
Languages = Annotated[
    list[str] | None,
    typer.Option(
        "--language",
        help="Language whose files are taken; may be repeated. Default: python.",
        metavar="NAME",
    ),
]
OtherLanguages = Annotated[
    float | None,
    typer.Option(min=0.0, max=1.0, help="Share of the examples in other languages than Python."),
]
HeldOut = Annotated[
    list[str] | None,
    typer.Option(
        help="Package to measure on and never to train on; may be repeated."
        " Default: rich, click, starlette, anyio, uvicorn, httpx.",
        metavar="NAME",
    ),
]
Corpus = Annotated[
    Path | None,
    typer.Option(help="The corpus folder of another run, to use as it is.", metavar="FOLDER"),
]
StartFrom = Annotated[
    Path | None, typer.Option(help="A Llama checkpoint to continue from.", metavar="FOLDER")
]
PresetFlag = Annotated[
    str | None,
    typer.Option(
        "--preset",
        help="`bundled`: the run that makes the embedded model; `tiny`: the same in seconds."
        " Other flags go first.",
        metavar="NAME",
    ),
]
Width = Annotated[int | None, typer.Option(min=2, help="Size of a hidden state.")]
Layers = Annotated[int | None, typer.Option(min=1, help="Decoder layers.")]
Heads = Annotated[int | None, typer.Option(min=1, help="Attention heads.")]
KeyValueHeads = Annotated[
    int | None, typer.Option(min=1, help="Heads of keys and values, shared among the others.")
]
FeedForward = Annotated[int | None, typer.Option(min=1, help="Size inside the gated block.")]
Vocabulary = Annotated[
    int | None, typer.Option(min=300, max=65_536, help="Tokens of a new tokenizer.")
]
Minutes = Annotated[
    float | None,
    typer.Option(min=0.0, help="Train for so long, in place of --steps and --cooldown-steps."),
]
Steps = Annotated[int | None, typer.Option(min=1, help="Steps at full rate.")]
TokensPerStep = Annotated[int | None, typer.Option(min=64, help="Tokens of one step.")]
CooldownSteps = Annotated[
    int | None, typer.Option(min=0, help="Steps in which the rate then falls to zero.")
]
CooldownFlag = Annotated[
    int | None,
    typer.Option(
        "--cooldown",
        min=1,
        help="Branch off the last checkpoint, cool down within so many steps and export;"
        " the run itself can go on.",
        metavar="STEPS",
    ),
]
Seed = Annotated[int | None, typer.Option(help="Same seed and sources, same weights.")]
Device = Annotated[str | None, typer.Option(help="cpu or cuda.")]
Threads = Annotated[
    int | None, typer.Option(min=1, help="Default: as many as are faster at the time.")
]
Workers = Annotated[
    int | None,
    typer.Option(
        min=0,
        help="Processes that make rows ahead. Default: none on a CPU, else all cores but one.",
    ),
]
Fuse = Annotated[
    bool, typer.Option("--compile", help="Fuse small operations; needs a C++ compiler.")
]
Background = Annotated[
    bool, typer.Option("--background", help="Use only what no other program wants.")
]


def train(
    folder: Annotated[
        Path, typer.Argument(help="All that the run writes; a run that is there is continued.")
    ],
    preset: PresetFlag = None,
    source: Sources = None,
    package_path: PackagePaths = None,
    packages: Packages = None,
    language: Languages = None,
    other_languages: OtherLanguages = None,
    held_out: HeldOut = None,
    corpus: Corpus = None,
    start_from: StartFrom = None,
    width: Width = None,
    layers: Layers = None,
    heads: Heads = None,
    key_value_heads: KeyValueHeads = None,
    feed_forward: FeedForward = None,
    vocabulary: Vocabulary = None,
    minutes: Minutes = None,
    steps: Steps = None,
    tokens_per_step: TokensPerStep = None,
    cooldown_steps: CooldownSteps = None,
    cooldown: CooldownFlag = None,
    seed: Seed = None,
    device: Device = None,
    threads: Threads = None,
    workers: Workers = None,
    fuse: Fuse = False,
    background: Background = False,
    as_json: JsonFlag = False,
) -> None:
    """Train a model, resumable to the step, and export it in Hugging Face layout.

    A run can be killed at any time and started again with the same words. Its last line names the
    folder that `--model` takes.
    """
    if background and not lower_priority():
        typer.echo(SHARED_SESSION, err=True)
    chosen = {
        "sources": source,
        "package_paths": package_path,
        "packages": packages,
        "languages": language,
        "other_languages": other_languages,
        "held_out": held_out,
        "corpus": corpus,
        "start_from": start_from,
        "width": width,
        "layers": layers,
        "heads": heads,
        "key_value_heads": key_value_heads,
        "feed_forward": feed_forward,
        "vocabulary": vocabulary,
        "minutes": minutes,
        "steps": steps,
        "tokens_per_step": tokens_per_step,
        "cooldown_steps": cooldown_steps,
        "seed": seed,
        "device": device,
        "threads": threads,
        "workers": workers,
        "compile": fuse or None,
    }
    exported = _train(folder, preset, chosen, cooldown, _reporter(as_json))
    typer.echo(json.dumps({"exported": str(exported)}) if as_json else exported)


def _train(
    folder: Path,
    preset: str | None,
    chosen: dict[str, Any],
    cooldown: int | None,
    report: "Callable[[Progress], None]",
) -> Path:
    """Run or branch off with what was chosen on the command line; returns the exported folder."""
    from models.training.config import TrainConfig
    from models.training.pipeline import cool_down, run
    from models.training.presets import preset_choices

    given: dict[str, Any] = {
        k: tuple(v) if isinstance(v, list) else v for k, v in chosen.items() if v is not None
    }
    try:
        named = preset_choices(preset) if preset else {}
        config = TrainConfig(folder=folder, command=_command(preset, given), **(named | given))
        if cooldown:
            return cool_down(config, cooldown, progress=report)
        return run(config, progress=report)
    except (FileExistsError, FileNotFoundError, ValueError) as error:
        raise BadRequestError(str(error)) from error


def _command(preset: str | None, given: dict[str, Any]) -> str:
    """What was asked for, for the model card: with names in place of this machine's paths."""
    words = ["completer train RUN", *(["--preset", preset] if preset else [])]
    for name, value in given.items():
        flag = "--" + FLAGS.get(name, name).replace("_", "-")
        for each in value if isinstance(value, tuple) else (value,):
            words.append(flag)
            if each is not True:
                words.append(name.upper() if isinstance(each, Path) else str(each))
    return " ".join(words)


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
    step = f"{progress.step}/{progress.steps}" if progress.steps else str(progress.step)
    held_out = ""
    if progress.held_out_loss is not None and progress.held_out_middle_loss is not None:
        held_out = (
            f" · held-out loss {progress.held_out_loss:.3f},"
            f" of middles {progress.held_out_middle_loss:.3f}"
        )
    return (
        f"step {step} · loss {progress.loss:.3f}{held_out}"
        f" · {progress.tokens_per_second:,.0f} tokens/s"
        f" · {timedelta(seconds=round(progress.seconds_left))} left"
    )
