"""An engine and a language server in one process, with nothing but the wire format between."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

from completer.engine_process.connection import Connection
from completer.engine_process.editors import Editors
from completer.engine_process.messages import Welcome
from completer.engine_process.wire import pack_asked, pack_said, read_asked, read_said
from tests.fakes import FakeService


class Engine:
    """An engine around a scripted service, which can be killed."""

    def __init__(self, service: FakeService | None = None, **options: Any) -> None:
        self.service = service or FakeService()
        self.editors = Editors(self.service, **options)
        self.wires: list[Wire] = []

    def connect(self) -> Wire:
        self.wires.append(Wire(self))
        return self.wires[-1]

    def kill(self) -> None:
        """End without a word."""
        for wire in self.wires:
            wire.cut()
        self.wires.clear()


class Wire(Connection):
    """A connection that packs and reads every message, in order."""

    def __init__(self, engine: Engine) -> None:
        self.welcome = Welcome("1", engine.service.info())
        self.is_open = True
        self._said: asyncio.Queue[bytes | None] = asyncio.Queue()
        self._editor = engine.editors.connected(self._say)

    def _say(self, message: Any) -> None:
        self._said.put_nowait(pack_said(message))

    def send(self, message: Any) -> None:
        data = pack_asked(message)
        if self.is_open:
            self._editor.take(read_asked(data))

    async def __aiter__(self) -> AsyncIterator[Any]:
        while (data := await self._said.get()) is not None:
            yield read_said(data)

    async def close(self) -> None:
        self.cut()

    def cut(self) -> None:
        if self.is_open:
            self.is_open = False
            self._editor.gone()
            self._said.put_nowait(None)
