"""`completer lsp`: the language server on standard input and output."""

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
) -> None:
    """Serve an editor over standard input and output (LSP 3.18, inline completion)."""
    loaded = load(
        config,
        model=model,
        device=device,
        pure=pure,
        telemetry_folder=telemetry_folder,
        with_dependencies=with_dependencies,
    )

    from completer.cli.wiring import build_recorder, deferred_service
    from lsp.server import create_server

    service = deferred_service(loaded.settings)
    recorder = build_recorder(loaded.settings)
    try:
        create_server(service, recorder).start_io()
    finally:
        service.close()
        recorder.close()
