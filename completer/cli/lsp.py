"""`completer lsp`: the language server on standard input and output."""

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
from completer.settings import Settings

ENDS_WITHIN_S = 1.3  # of the client's `exit`, or of a signal


def lsp(
    model: ModelFlag = None,
    device: DeviceFlag = None,
    pure: PureFlag = None,
    with_dependencies: DependenciesFlag = None,
    config: ConfigFlag = None,
    telemetry_folder: TelemetryFlag = None,
) -> None:
    """Serve an editor over standard input and output (LSP 3.18, inline completion)."""
    with ending(ENDS_WITHIN_S) as end:
        settings = load(
            config,
            model=model,
            device=device,
            pure=pure,
            telemetry_folder=telemetry_folder,
            with_dependencies=with_dependencies,
        ).settings
        _serve(settings, end)


def _serve(settings: Settings, end: Ending) -> None:
    from completer.cli.wiring import build_recorder, start_service
    from lsp.options import LspOptions
    from lsp.server import create_server

    service = start_service(settings)
    recorder = build_recorder(settings)
    end.of(recorder, service)
    server = create_server(service, recorder, options=LspOptions(config=settings.file))
    end.asks(server.stop)
    server.start_io(on_end=lambda: end.limit(server.exit_code))
