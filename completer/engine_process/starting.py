"""Finds the engine that runs for some settings, or starts one in the background.

An engine is found by its registration. Who finds none, or an older one than itself, starts another
while it holds the lock, so that editors that begin at once get one engine.
"""

from __future__ import annotations

import asyncio
import logging
import os
import subprocess
import sys
import time
from collections.abc import Awaitable, Callable
from contextlib import suppress
from importlib.metadata import version
from pathlib import Path
from typing import Protocol

from filelock import Timeout

from completer.engine_process.connection import Connection
from completer.engine_process.registration import (
    Registration,
    digest_of,
    engine_settings,
    is_older,
    log_file,
    packed,
    registered,
    starting,
)
from completer.errors import CompleterError
from completer.private_files import FILE_MODE
from completer.setting_kinds import APP
from completer.settings import Settings

log = logging.getLogger(__name__)
STARTS_WITHIN_S = 60.0  # of a machine that is busy
LOOKS_EVERY_S = 0.05
_DETACHED = getattr(subprocess, "DETACHED_PROCESS", 0)  # from a console, where systems have them
_started: list[subprocess.Popen[bytes]] = []  # until they have ended: they are this one's children


class Connects(Protocol):
    """Connects to an engine; raises `OSError` if nobody is there."""

    def __call__(self, engine: Registration) -> Awaitable[Connection]:
        """Return the connection."""
        ...


class EngineStarter:
    """Connects to the engine for some settings, whoever has started it."""

    def __init__(
        self,
        settings: Settings,
        *,
        connect: Connects = Connection.to,
        start: Callable[[bytes, Path], subprocess.Popen[bytes]] | None = None,
        own_version: str = "",
    ) -> None:
        wanted = engine_settings(settings)
        self._packed = packed(wanted)
        self._digest = digest_of(wanted)
        self._connect = connect
        self._start = start or start_engine
        self._version = own_version or version(APP)

    async def __call__(self) -> Connection:
        """Return a connection to the engine, which is started if there is none.

        Raises `CompleterError` if it does not start.
        """
        until = time.monotonic() + STARTS_WITHIN_S
        while time.monotonic() < until:
            found = await self._found()
            if found is not None:
                return found
            with suppress(Timeout), starting(self._digest):
                return await self._found() or await self._started()
            await asyncio.sleep(LOOKS_EVERY_S)
        raise CompleterError("The engine does not start.", hint=self._hint)

    async def _found(self) -> Connection | None:
        """Connect to the engine that is registered, unless it is gone or older than this."""
        engine = registered(self._digest)
        if engine is None or is_older(engine.version, self._version):
            return None
        with suppress(OSError):
            return await self._connect(engine)
        return None

    async def _started(self) -> Connection:
        """Start an engine and wait until it can be asked."""
        process = await asyncio.to_thread(self._start, self._packed, log_file(self._digest))
        _started[:] = [*(each for each in _started if each.poll() is None), process]
        until = time.monotonic() + STARTS_WITHIN_S
        while process.poll() is None and time.monotonic() < until:
            engine = registered(self._digest)
            if engine is not None and engine.pid == process.pid:
                with suppress(OSError):
                    return await self._connect(engine)
            await asyncio.sleep(LOOKS_EVERY_S)
        raise CompleterError("The engine does not start.", hint=self._hint)

    @property
    def _hint(self) -> str:
        log_path = log_file(self._digest)
        return f"{log_path} says why; `completer lsp --in-process` does without an engine."


def start_engine(settings: bytes, log_path: Path) -> subprocess.Popen[bytes]:
    """Start an engine that outlives this process; `settings` are packed.

    It runs in the root folder, so that none is kept from being removed.
    """
    command = [sys.executable, "-P", "-m", "completer", "engine"]
    descriptor = os.open(log_path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, FILE_MODE)
    try:
        process = subprocess.Popen(  # noqa: S603  this program itself
            command,
            stdin=subprocess.PIPE,
            stdout=descriptor,
            stderr=descriptor,
            cwd=Path(sys.executable).anchor,
            env=_environment(),
            start_new_session=sys.platform != "win32",
            creationflags=_DETACHED,
        )
    finally:
        os.close(descriptor)
    if process.stdin is not None:
        with suppress(BrokenPipeError), process.stdin as stdin:
            stdin.write(settings)
    log.info("engine %d is started; its log is %s", process.pid, log_path)
    return process


def _environment() -> dict[str, str]:
    """This process's, with its import path as seen from another folder."""
    paths = os.environ.get("PYTHONPATH", "").split(os.pathsep)
    return {
        **os.environ,
        "PYTHONPATH": os.pathsep.join(str(Path(p).absolute()) for p in paths if p),
    }
