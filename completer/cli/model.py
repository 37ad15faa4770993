"""`completer model`: which models there are, and fetching, using, removing and timing one."""

import json
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from completer.cli.options import ConfigFlag, DeviceFlag, DtypeFlag, JsonFlag, load
from completer.cli.printing import grid, show
from completer.progress import progress
from completer.settings import config_file
from models.errors import ModelError
from models.source import BUNDLED, check_source, hub, hub_answers

if TYPE_CHECKING:
    from models.hub.catalogue import KnownModel

model = typer.Typer(no_args_is_help=True, help="Find, fetch, use, remove and time models.")
NameArgument = Annotated[
    str,
    typer.Argument(
        help="A name that `list` shows, a hub id (`org/name`, `org/name:file.gguf`), or a path.",
        metavar="NAME",
    ),
]
DTYPES = ("bfloat16", "int8", "int4")


@model.command("list")
def list_models(as_json: JsonFlag = False, config: ConfigFlag = None) -> None:
    """Show models that are known to fill in the middle, and those that are on this machine.

    The time for a line is an estimate from this machine's memory bandwidth, measured once: ten
    tokens, each of which reads all weights, without drafts.
    """
    from models.hub.catalogue import KNOWN
    from models.hub.fetching import SILENT_AFTER_S
    from models.hub.local import local_models
    from models.hub.speed import bytes_per_second

    speed = bytes_per_second(load(config).settings.cache_folder)
    result = {
        "hub": {"address": hub(), "reachable": hub_answers(SILENT_AFTER_S)},
        "bytes_per_s": speed,
        "known": [_facts(each, speed) for each in KNOWN],
        "local": [asdict(each) for each in local_models()],
    }
    if as_json:
        typer.echo(json.dumps(result, ensure_ascii=False))
    else:
        _print(result)


@model.command("pull")
def pull(name: NameArgument, as_json: JsonFlag = False) -> None:
    """Fetch a model from the hub: safetensors, GGUF and text files, nothing that runs.

    A download that was broken off goes on; files are compared with the hub's checksums.
    """
    from models.hub.catalogue import find
    from models.hub.fetching import pull as fetch

    source = fetch(*find(name))
    if as_json:
        typer.echo(json.dumps({"name": name, "source": source}))
    else:
        typer.echo(f"{name} is here. Use it with: completer model use {source}")


@model.command("use")
def use(name: NameArgument, dtype: DtypeFlag = None, config: ConfigFlag = None) -> None:
    """Write a model that is on this machine into your settings; all else there stays."""
    from completer.user_settings import write_setting

    source = _on_this_machine(name)
    layout = load(config, dtype=dtype).settings.model.layout
    check_source(source, layout)
    file = config or config_file()
    for setting, value in {"source": source, "dtype": dtype}.items():
        if value is not None:
            write_setting(file, "model", setting, value)
            typer.echo(f'model.{setting} = "{value}" is in {file}.')
    typer.echo("Servers use it once they start again.")


@model.command("remove")
def remove(
    name: NameArgument,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")] = False,
    config: ConfigFlag = None,
) -> None:
    """Take a model out of Hugging Face's cache, which other programs may use as well."""
    from models.hub.catalogue import find
    from models.hub.fetching import remove as take_away

    repo, _ = find(name)
    used = load(config).settings.model.source
    if repo == used or f"models--{repo.replace('/', '--')}" in Path(used).parts:
        progress.info("your settings name this model; choose another with `completer model use`")
    if not yes:
        typer.confirm(f"Remove {repo} from Hugging Face's cache?", abort=True)
    typer.echo(f"{repo} is gone; that freed {take_away(repo) / 1e9:.2f} GB.")


@model.command("bench")
def bench(
    name: NameArgument = BUNDLED,
    device: DeviceFlag = None,
    dtype: DtypeFlag = None,
    as_json: JsonFlag = False,
    config: ConfigFlag = None,
) -> None:
    """Load a model and measure how long it takes for a line here, without any repository."""
    from completer.cli.model_bench import time_lines

    source = _on_this_machine(name)
    settings = load(config, model=source, device=device, dtype=dtype).settings
    progress.info("loading %s ...", source)
    check_source(source, settings.model.layout)
    show(time_lines(settings), as_json, lambda result: grid(name, list(result), [_texts(result)]))


def _on_this_machine(name: str) -> str:
    """Turn a name into what `--model` takes; raises `ModelError` for what is not here."""
    from models.hub.catalogue import find
    from models.hub.local import local_models

    path = Path(name).expanduser()
    if name == BUNDLED or path.exists():
        return BUNDLED if name == BUNDLED else str(path.absolute())
    here = {each.name: each.source for each in local_models()}
    if name in here:
        return here[name]
    repo, file = find(name)
    wanted = f"{repo}:{file}" if file else repo
    if wanted not in here:
        raise ModelError(
            f"{wanted} is not on this machine.", hint=f"Fetch it: completer model pull {name}"
        )
    return here[wanted]


def _facts(model: "KnownModel", speed: float) -> dict[str, Any]:
    memory = {f"{dtype}_gb": round(model.memory_gb(dtype), 2) for dtype in DTYPES}
    times = {f"{dtype}_line_ms": round(model.line_ms(speed, dtype)) for dtype in DTYPES}
    return asdict(model) | memory | times


def _print(result: dict[str, Any]) -> None:
    """Columns without borders, which are wider than many terminals."""
    head = ("name", "hub id", "10⁹", "licence", "languages", "GB", "ms a line")
    _columns([head, *(_row(each) for each in result["known"])])
    typer.echo(
        "\n*  not for commercial use, or not freely     °  agree on the hub first\n"
        "10⁹: parameters; GB and ms: in bfloat16/int8/int4. ms: estimated for 10 tokens without\n"
        f"drafts from the {result['bytes_per_s'] / 1e9:.0f} GB/s that this machine was measured to"
        " read."
    )
    typer.echo("\nOn this machine, beside the embedded model:")
    _columns([(e["name"], e["where"], f"{e['size'] / 1e9:.2f} GB") for e in result["local"]])
    if not result["local"]:
        typer.echo("nothing")
    if not result["hub"]["reachable"]:
        typer.echo(
            f"\nThe hub ({result['hub']['address']}) does not answer: nothing can be pulled."
        )


def _columns(rows: Sequence[Sequence[str]]) -> None:
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    for row in rows:
        cells = (cell.ljust(width) for cell, width in zip(row, widths, strict=True))
        typer.echo("  ".join(cells).rstrip())


def _row(facts: dict[str, Any]) -> list[str]:
    licence = facts["licence"] + "*" * facts["restricted"] + "°" * facts["gated"]
    pairs = ["/".join(f"{facts[f'{d}_{unit}']:g}" for d in DTYPES) for unit in ("gb", "line_ms")]
    size = f"{facts['parameters']:g}"
    return [facts["name"], facts["repo"], size, licence, facts["languages"], *pairs]


def _texts(result: dict[str, Any]) -> list[str]:
    return [f"{each:.1f}" if isinstance(each, float) else str(each) for each in result.values()]
