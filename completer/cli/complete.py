"""`completer complete`: one completion at a place in a file."""

import asyncio
import dataclasses
import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from completer.cli.options import (
    ConfigFlag,
    DeviceFlag,
    JsonFlag,
    ModelFlag,
    PureFlag,
    TelemetryFlag,
    load,
)
from completer.context.content import decode
from completer.context.roots import find_root
from completer.errors import BadRequestError, CompleterError
from completer.place import Place, local_place
from completer.progress import progress
from completer.request import Completion, CompletionRequest, Sampling
from completer.settings import LoadedSettings, Settings
from models.source import check_source

if TYPE_CHECKING:
    from completer.serving.service import LocalService

PATIENCE_S, LONGEST_WAIT_S = 2.0, 120.0


def complete(
    place: Annotated[
        str, typer.Argument(metavar="FILE:LINE:COLUMN", help="Where; 1-based, as editors show it.")
    ],
    max_tokens: Annotated[
        int | None, typer.Option(min=1, help="Most tokens to generate.", metavar="N")
    ] = None,
    temperature: Annotated[float, typer.Option(min=0.0, max=5.0, help="0 is greedy.")] = 0.0,
    top_p: Annotated[float, typer.Option(min=0.0, max=1.0, help="Nucleus sampling.")] = 1.0,
    seed: Annotated[int, typer.Option(help="Same seed, same text.")] = 0,
    multiline: Annotated[
        bool | None,
        typer.Option("--multiline/--single-line", help="Default: by what stands at the caret."),
    ] = None,
    workspace: Annotated[
        Path | None,
        typer.Option("--workspace", "-w", help="Default: the project that the file lies in."),
    ] = None,
    model: ModelFlag = None,
    device: DeviceFlag = None,
    pure: PureFlag = None,
    config: ConfigFlag = None,
    telemetry_folder: TelemetryFlag = None,
    as_json: JsonFlag = False,
) -> None:
    """Complete the code at FILE:LINE:COLUMN.

    A server that runs with these settings is asked. The text goes to standard output, statistics
    go to standard error.
    """
    file, prefix, suffix = read_place(place)
    loaded = load(config, model=model, device=device, pure=pure, telemetry_folder=telemetry_folder)
    progress.info("completing %s ...", place)
    root = local_place(workspace or find_root(file) or file.parent)
    request = CompletionRequest(
        prefix=prefix,
        suffix=suffix,
        path=file,
        workspace=root,
        max_tokens=max_tokens,
        multiline=multiline,
        sampling=Sampling(temperature=temperature, top_p=top_p, seed=seed, seeded=True),
        polish=True,
        trigger="manual",
    )
    completion = _asked(loaded, request) or _run(loaded.settings, request, root)
    if as_json:
        typer.echo(json.dumps(as_dict(completion), ensure_ascii=False))
        return
    typer.echo(completion.text)
    typer.echo(_summary(completion), err=True)


def read_place(place: str) -> tuple[Place, str, str]:
    """Split FILE:LINE:COLUMN into the file and its text before and after the caret.

    Raises `BadRequestError` for a file that is not there or no text, and for a place outside it.
    """
    name, line_number, column = _parse(place)
    file = local_place(Path(name))
    try:
        data = file.read_bytes()
    except FileNotFoundError:
        raise BadRequestError(f"There is no file {name}.") from None
    except OSError as error:
        raise BadRequestError(f"{name} cannot be read as text: {error}.") from error
    if b"\0" in data:
        raise BadRequestError(f"{name} cannot be read as text: it is binary, or UTF-16.")
    text = decode(data).replace("\r", "\n")
    lines = text.split("\n")
    if not 1 <= line_number <= len(lines):
        raise BadRequestError(f"{name} has {len(lines)} lines; there is no line {line_number}.")
    line = lines[line_number - 1]
    if not 1 <= column <= len(line) + 1:
        raise BadRequestError(
            f"Line {line_number} of {name} has columns 1 to {len(line) + 1}, not {column}."
        )
    offset = sum(len(each) + 1 for each in lines[: line_number - 1]) + column - 1
    return file, text[:offset], text[offset:]


def as_dict(completion: Completion) -> dict[str, Any]:
    """What `--json` prints."""
    return {
        "text": completion.text,
        "finish_reason": completion.finish_reason,
        "distribution": completion.distribution,
        "exit_mode": completion.exit_mode,
        "model": completion.model,
        "token_ids": list(completion.choices[0].token_ids),
        "stats": dataclasses.asdict(completion.stats),
    }


def _parse(place: str) -> tuple[str, int, int]:
    name, _, column = place.rpartition(":")
    name, _, line = name.rpartition(":")
    if not (name and line.isdecimal() and column.isdecimal()):
        raise BadRequestError(
            f"{place!r} is not a place in a file.", hint="Write FILE:LINE:COLUMN, as app.py:12:9."
        )
    return name, int(line), int(column)


def _asked(loaded: LoadedSettings, request: CompletionRequest) -> Completion | None:
    """Have a running server answer, if one is there and can: it has model and index at hand."""
    from completer.cli.running_server import RunningServer

    server = RunningServer.find(loaded) if request.multiline is None else None
    if server is None:
        return None
    progress.info("asking %s ...", server.url)
    try:
        return server.complete(request)
    except CompleterError as error:
        progress.info("%s", error)
        return None


def _run(settings: Settings, request: CompletionRequest, workspace: Place) -> Completion:
    progress.info("loading %s ...", settings.model.source)
    check_source(settings.model.source, settings.model.layout)
    from completer.cli.assembly import build_model, build_service

    model, tuning = build_model(settings, own_code=False)
    service = build_service(model, tuning, settings)
    try:
        service.open_workspace(workspace)
        _wait_until_indexed(service, workspace)
        completion = asyncio.run(service.complete(request))
    finally:
        service.close()
    stats = dataclasses.replace(completion.stats, load_ms=model.load_ms)
    return dataclasses.replace(completion, stats=stats)


def _wait_until_indexed(service: "LocalService", workspace: Place) -> None:
    """A server has long read the workspace when it is asked; here the request would come first."""
    if not service.wait_until_indexed(workspace, PATIENCE_S):
        typer.echo(f"Reading {workspace}; the first time takes a while ...", err=True)
        if not service.wait_until_indexed(workspace, LONGEST_WAIT_S):
            typer.echo("Completing without it.", err=True)


def _summary(completion: Completion) -> str:
    stats = completion.stats
    return (
        f"{completion.finish_reason} · {stats.generated_tokens} tokens in {stats.steps + 1} steps"
        f" ({stats.accepted} of {stats.drafted} drafted accepted) · prompt {stats.prompt_tokens}"
        f" tokens · prefill {stats.prefill_ms:.0f} ms · decode {stats.decode_ms:.0f} ms"
        f" · load {stats.load_ms:.0f} ms · {completion.model}"
    )
