"""`completer engine`: the engine's process, which language servers start and share."""

import logging
import os
import secrets
import socket
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from importlib.metadata import version
from logging.handlers import RotatingFileHandler
from pathlib import Path

from completer.cli.ending import Ending, ending
from completer.engine_process.registration import (
    LONGEST_SOCKET,
    Registration,
    digest_of,
    log_file,
    runtime_folder,
    unpacked,
)
from completer.progress import progress
from completer.setting_kinds import APP
from completer.settings import Settings
from telemetry.recorder import NullRecorder

ENDS_WITHIN_S = 4.0
LOG_BYTES, LOGS = 1 << 20, 2


def engine() -> None:
    """Serve the language servers of one person; settings come on standard input."""
    with ending(ENDS_WITHIN_S) as end:
        settings = unpacked(sys.stdin.buffer.read())
        keep_log(log_file(digest_of(settings)))
        with listening(digest_of(settings), lingers=True) as (listener, registration):
            _serve(settings, listener, registration, end)


def keep_log(path: Path) -> None:
    """Write what is logged to a file that does not grow for ever."""
    file = RotatingFileHandler(path, maxBytes=LOG_BYTES, backupCount=LOGS, encoding="utf-8")
    file.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(name)s: %(message)s"))
    root = logging.getLogger()
    root.addHandler(file)
    root.setLevel(logging.INFO)
    for logger in (progress, logging.getLogger("models")):
        logger.handlers = []
        logger.propagate = True


@contextmanager
def listening(digest: str, *, lingers: bool) -> Iterator[tuple[socket.socket, Registration]]:
    """Listen for editors of this machine's user; yields the socket and what to register."""
    path = str(runtime_folder() / f"{digest[:8]}-{os.getpid()}.sock")
    engine = Registration(
        digest=digest,
        pid=os.getpid(),
        version=version(APP),
        token=secrets.token_urlsafe(32),
        lingers=lingers,
    )
    if hasattr(socket, "AF_UNIX") and len(os.fsencode(path)) <= LONGEST_SOCKET:
        with socket.socket(socket.AF_UNIX) as listener:
            Path(path).unlink(missing_ok=True)
            listener.bind(path)
            Path(path).chmod(0o600)
            listener.listen()
            try:
                yield listener, replace(engine, socket=path)
            finally:
                Path(path).unlink(missing_ok=True)
    else:
        with socket.create_server(("127.0.0.1", 0)) as listener:
            yield listener, replace(engine, port=listener.getsockname()[1])


def _serve(
    settings: Settings, listener: socket.socket, registration: Registration, end: Ending
) -> None:
    from completer.cli.wiring import http_options, start_service
    from completer.http.app import create_app
    from completer.http.engine_door import EngineDoor
    from completer.http.serving import Server, server_config

    options = http_options(settings, exposed=False, own_token=registration.token)
    service = start_service(settings)
    end.of(NullRecorder(), service)
    door = EngineDoor(
        service,
        registration,
        lambda: server.stop(),
        linger_s=60.0 * settings.engine.linger_minutes,
    )
    app = create_app(service, NullRecorder(), options=options, engine=door)
    server = Server(server_config(app, host="127.0.0.1", port=0, options=options), options)
    end.asks(server.stop)
    server.run(sockets=[listener])
