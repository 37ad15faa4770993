"""`completer lsp`: the language server on standard input and output."""

from functools import partial
from pathlib import Path
from typing import Annotated

import typer

from completer.cli.ending import ending
from completer.cli.language_server import ENDS_WITHIN_S, serve, serve_in_process
from completer.cli.options import (
    ConfigFlag,
    DependenciesFlag,
    DeviceFlag,
    ModelFlag,
    PureFlag,
    TelemetryFlag,
    load,
)


def lsp(
    model: ModelFlag = None,
    device: DeviceFlag = None,
    pure: PureFlag = None,
    with_dependencies: DependenciesFlag = None,
    config: ConfigFlag = None,
    telemetry_folder: TelemetryFlag = None,
    server: Annotated[
        str | None,
        typer.Option(help="A server on another machine, as the engine.", metavar="URL"),
    ] = None,
    token_file: Annotated[
        Path | None, typer.Option(help="Holds your token there.", metavar="FILE")
    ] = None,
    ca_file: Annotated[
        Path | None, typer.Option(help="Certificates by which it is known.", metavar="FILE")
    ] = None,
    in_process: Annotated[
        bool,
        typer.Option("--in-process", help="Load the model here, for this editor alone."),
    ] = False,
) -> None:
    """Serve an editor over standard input and output (LSP 3.18, inline completion).

    The engine is a process that all editors share; it is started if none runs. With `--server` it
    is on another machine, and what it may read of your files is sent there.
    """
    with ending(ENDS_WITHIN_S) as end:
        loading = partial(
            load,
            config,
            model=model,
            device=device,
            pure=pure,
            telemetry_folder=telemetry_folder,
            with_dependencies=with_dependencies,
            engine={"server": server, "token_file": token_file, "ca_file": ca_file},
        )
        (serve_in_process if in_process else serve)(loading, end, config)
