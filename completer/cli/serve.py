"""`completer serve`: the HTTP endpoint."""

import logging
import socket
import threading
from contextlib import ExitStack, suppress
from functools import partial
from typing import TYPE_CHECKING, Annotated

import typer

from completer.cli.ending import Ending, ending
from completer.cli.engine import listening
from completer.cli.options import (
    ConfigFlag,
    DependenciesFlag,
    DeviceFlag,
    ModelFlag,
    PureFlag,
    TelemetryFlag,
    WorkspaceFlag,
    load,
)
from completer.cli.running_server import url
from completer.engine_process.registration import Registration, digest_of, engine_settings
from completer.errors import SettingsError
from completer.progress import progress
from completer.settings import Settings
from models.source import check_source

if TYPE_CHECKING:
    from completer.serving.service import Service

log = logging.getLogger(__name__)
Shared = tuple[socket.socket, Registration]
ENDS_WITHIN_S = 4.0  # what supervises it kills what takes longer


def serve(
    host: Annotated[str | None, typer.Option(help="Address to listen on.")] = None,
    port: Annotated[int | None, typer.Option(min=0, max=65535, help="0: any free one.")] = None,
    workspace: WorkspaceFlag = None,
    model: ModelFlag = None,
    device: DeviceFlag = None,
    pure: PureFlag = None,
    with_dependencies: DependenciesFlag = None,
    config: ConfigFlag = None,
    telemetry_folder: TelemetryFlag = None,
    forwarded_allow_ips: Annotated[
        str | None,
        typer.Option(help="Proxies that say who asks, with commas.", metavar="ADDRESSES"),
    ] = None,
    insecure: Annotated[
        bool,
        typer.Option("--insecure", help="Let whoever reaches the address ask, without a token."),
    ] = False,
) -> None:
    """Serve completions over HTTP until interrupted.

    Speaks the OpenAI, llama.cpp, Tabby, Mistral, DeepSeek and TGI dialects.
    """
    with ending(ENDS_WITHIN_S) as end:
        settings = load(
            config,
            model=model,
            device=device,
            pure=pure,
            workspaces=workspace,
            host=host,
            port=port,
            forwarded_allow_ips=forwarded_allow_ips,
            telemetry_folder=telemetry_folder,
            with_dependencies=with_dependencies,
        ).settings
        check_source(settings.model.source, settings.model.layout)
        for other in settings.experiment.models:
            check_source(other)
        listener = listen(settings.server.host, settings.server.port)
        with ExitStack() as stack:
            shared = _for_editors(settings, stack)
            _serve(settings, listener, shared, end, insecure=insecure)


def listen(host: str, port: int) -> socket.socket:
    """Bind before the model loads: a busy port is told at once. Raises `SettingsError`."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((host, port))
    except OSError as error:
        listener.close()
        raise SettingsError(
            f"Cannot listen on {host}:{port}: {error.strerror}.",
            hint="Another server may run there: choose another --port, or 0 for any free one.",
        ) from error
    return listener


def _for_editors(settings: Settings, stack: ExitStack) -> Shared | None:
    """Where language servers find this server, if there can be such a place."""
    try:
        digest = digest_of(engine_settings(settings))
        return stack.enter_context(listening(digest, lingers=False))
    except (SettingsError, OSError) as error:
        log.warning("editors start an engine of their own: %s", error)
        return None


def _serve(
    settings: Settings,
    listener: socket.socket,
    shared: Shared | None,
    end: Ending,
    *,
    insecure: bool,
) -> None:
    from completer.cli.exposure import check_exposure, tls_files
    from completer.cli.front_door import build_recorder
    from completer.cli.wiring import http_options, mirrors, start_service
    from completer.engine_process.by_model import ByModel, connect_to
    from completer.http.app import create_app
    from completer.http.engine_door import EngineDoor
    from completer.http.remote_door import RemoteDoor
    from completer.http.serving import Server, server_config

    exposed = check_exposure(settings, listener, insecure=insecure)
    options, tls = http_options(settings, exposed=exposed, insecure=insecure), tls_files(settings)
    service = start_service(settings)
    recorder = build_recorder(settings)
    end.of(recorder, service)
    door = EngineDoor(service, shared[1], _never, own=service.workspaces) if shared else None
    remote = RemoteDoor(service, mirrors(settings), most_running=options.max_running_per_user)
    models = ByModel(service, partial(connect_to, settings))
    app = create_app(models, recorder, options=options, engine=door, remote=remote)
    host, port = listener.getsockname()[:2]
    server = Server(server_config(app, host=host, port=port, options=options, **tls), options)
    end.asks(server.stop)
    listener.listen()  # who asks now waits for the model
    address = url(host, port, "https" if tls else "http")
    progress.info("loading %s for %s ...", settings.model.source, address)
    greeting = (service, settings, address)
    threading.Thread(target=_greet, args=greeting, name="greet", daemon=True).start()
    server.run(sockets=[listener, shared[0]] if shared else [listener])


def _never() -> None:
    """End for want of editors."""


def _greet(service: "Service", settings: Settings, address: str) -> None:
    """Say how to use the server once it can be; if its model fails, the log says why."""
    with suppress(Exception):
        service.wait_until_loaded()
        _say_how_to_use(settings, address)


def _say_how_to_use(settings: Settings, address: str) -> None:
    folders = ", ".join(str(root) for root in settings.workspaces) or "none (use --workspace PATH)"
    typer.echo(
        f"completer serves {settings.model.source} on {address} · workspaces: {folders}\n"
        f"\nTry it:\n"
        f"  curl {address}/v1/completions -H 'content-type: application/json' \\\n"
        f'    -d \'{{"prompt": "import os\\ndef size(path):\\n    return os.", '
        f'"suffix": "\\n", "max_tokens": 16}}\'\n'
        f"\nEditors: lsp/editors/ has plugins for Neovim and VS Code. Check the set-up with"
        f" `completer doctor`. Stop with Ctrl-C."
    )
