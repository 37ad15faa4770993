"""`completer lsp`: the language server on standard input and output."""

from typing import TYPE_CHECKING, Annotated

import typer

from completer.cli.ending import Ending, ending
from completer.cli.options import (
    ConfigFlag,
    DependenciesFlag,
    DeviceFlag,
    ModelFlag,
    PureFlag,
    TelemetryFlag,
    load,
)
from completer.place import local_place
from completer.settings import Settings

if TYPE_CHECKING:
    from completer.engine_process.client import RemoteService

ENDS_WITHIN_S = 1.3  # of the client's `exit`, or of a signal


def lsp(
    model: ModelFlag = None,
    device: DeviceFlag = None,
    pure: PureFlag = None,
    with_dependencies: DependenciesFlag = None,
    config: ConfigFlag = None,
    telemetry_folder: TelemetryFlag = None,
    in_process: Annotated[
        bool,
        typer.Option("--in-process", help="Load the model here, for this editor alone."),
    ] = False,
) -> None:
    """Serve an editor over standard input and output (LSP 3.18, inline completion).

    The engine is a process that all editors share; it is started if none runs.
    """
    with ending(ENDS_WITHIN_S) as end:
        settings = load(
            config,
            model=model,
            device=device,
            pure=pure,
            telemetry_folder=telemetry_folder,
            with_dependencies=with_dependencies,
        ).settings
        _serve(settings, end, in_process=in_process)


def _serve(settings: Settings, end: Ending, *, in_process: bool) -> None:
    from completer.cli.front_door import build_recorder
    from lsp.server import create_server

    recorder = build_recorder(settings)
    if in_process:
        from completer.cli.wiring import start_service

        local = start_service(settings)
        end.of(recorder, local)
        server = create_server(local, recorder)
    else:
        end.of(recorder)
        server = create_server(_remote(settings), recorder)
    end.asks(server.stop)
    server.start_io(on_end=lambda: end.limit(server.exit_code))


def _remote(settings: Settings) -> "RemoteService":
    """The service of an engine that is found, or started, when it is needed."""
    from completer.cli.front_door import described
    from completer.engine_process.client import RemoteService
    from completer.engine_process.starting import EngineStarter

    return RemoteService(
        EngineStarter(settings),
        described(settings),
        own=map(local_place, settings.workspaces),
        cache_bytes=settings.engine.result_cache_mb << 20,
    )
