"""Runs the language server: thin beside an engine that all editors share, or with its own model."""

import asyncio
import gc
from collections.abc import Callable
from contextlib import suppress
from functools import cache, partial
from pathlib import Path
from typing import TYPE_CHECKING

from completer.cli.ending import Ending, ending
from completer.config_file import config_file
from completer.errors import WorkspaceError
from completer.later import Later
from completer.place import local_place

if TYPE_CHECKING:  # none of it is imported before the client has its first answer
    from completer.engine_process.connection import Connection
    from completer.remote.client import RemoteEngine
    from completer.request import ArmOf
    from completer.settings import LoadedSettings, Settings
    from telemetry.recorder import Recorder

ENDS_WITHIN_S = 1.3  # of the client's `exit`, or of a signal
Loading = Callable[[], "LoadedSettings"]


def run() -> None:
    """Serve an editor by the user's settings."""

    def loading() -> "LoadedSettings":
        from completer.settings import load_settings

        return load_settings()

    with ending(ENDS_WITHIN_S) as end:
        serve(loading, end)


def serve_in_process(loading: Loading, end: Ending, config: Path | None = None) -> None:
    """Serve with a model in this process. `config` is the user's file, if it is not where it is."""
    from completer.cli.front_door import arms, build_recorder
    from completer.cli.wiring import start_service
    from completer.engine_process.by_model import ByModel, connect_to
    from lsp.options import LspOptions
    from lsp.server import create_server

    settings = loading().settings
    service, recorder = start_service(settings), build_recorder(settings)
    end.of(recorder, service)
    options = LspOptions(config=config or config_file(), arm_of=arms(settings))
    models = ByModel(service, partial(connect_to, settings))
    server = create_server(models, recorder, options=options)
    end.asks(server.stop)
    server.start_io(on_end=lambda: end.limit(server.exit_code))


def serve(loading: Loading, end: Ending, config: Path | None = None) -> None:
    """Answer the client before the settings are read; if they cannot be used, end with that."""
    gc.disable()  # until all is there that stays: to look through it takes a tenth of the start
    from completer.engine_process.by_model import ByModel
    from completer.engine_process.client import RemoteService
    from lsp.options import LspOptions
    from lsp.server import create_server
    from telemetry.late import LateRecorder

    def load_settings() -> "Settings":
        from completer.engine_process import starting  # noqa: F401  it takes a while to import

        try:
            found = loading().settings
            if found.engine.server:
                from completer.remote.client import RemoteEngine

                elsewhere.append(RemoteEngine(found.engine))
            return found
        finally:
            gc.collect()
            gc.freeze()
            gc.enable()

    elsewhere: list[RemoteEngine] = []
    settings = Later(load_settings, lambda: server.stop())

    def open_recorder() -> "Recorder":
        from completer.cli.front_door import build_recorder

        return build_recorder(settings.begin().result())

    async def find_engine() -> "Connection":
        found = await asyncio.wrap_future(settings.begin())
        for root in found.workspaces:
            with suppress(WorkspaceError):  # as where it is left out when a server starts
                service.open_workspace(local_place(root))
        for engine in elsewhere:
            return await engine()
        from completer.engine_process.starting import EngineStarter

        return await EngineStarter(found)()

    service, recorder = RemoteService(find_engine), LateRecorder(open_recorder)
    end.of(recorder)
    options = LspOptions(config=config or config_file(), arm_of=_arms_of(settings))
    models = ByModel(service, partial(_other_engine, settings))
    server = create_server(models, recorder, options=options)
    end.asks(server.stop)
    try:
        server.start_io(on_end=lambda: end.limit(server.exit_code))
    finally:
        settings.begin().result()


def _arms_of(settings: "Later[Settings]") -> "ArmOf":
    """Which arm somebody is in, from when the settings are there."""

    @cache
    def found() -> "ArmOf":
        from completer.cli.front_door import arms

        return arms(settings.begin().result())

    return lambda person: found()(person)


async def _other_engine(settings: "Later[Settings]", model: str) -> "Connection":
    """The engine of an arm with another model."""
    from completer.engine_process.by_model import connect_to

    return await connect_to(await asyncio.wrap_future(settings.begin()), model)
