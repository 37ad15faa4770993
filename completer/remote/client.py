"""The connection of a language server to a server elsewhere: what leaves, and the files with it.

Secrets are cut out of all text before it is packed. What a language server tells an engine here it
tells that one, too; the messages about files are added and taken here.
"""

from __future__ import annotations

import asyncio
import logging
import threading
from collections.abc import AsyncIterator
from contextlib import suppress
from dataclasses import replace
from typing import TYPE_CHECKING

from completer.engine_process.connection import Connection
from completer.engine_process.messages import (
    Accepted,
    Asked,
    CloseWorkspace,
    Complete,
    DocumentChanged,
    FindNextEdits,
    NotMirrored,
    OpenWorkspace,
    Said,
    Stream,
    Wanted,
    Welcome,
)
from completer.place import Place, innermost
from completer.remote.connecting import Server
from completer.remote.deltas import Shortening
from completer.remote.leaving import Leaving
from completer.remote.sending import Send, Sending

if TYPE_CHECKING:
    from websockets.asyncio.client import ClientConnection

    from completer.settings import EngineSettings

SHORTENED = (Complete, DocumentChanged, FindNextEdits, Stream)
"""Messages with a document in them."""
log = logging.getLogger(__name__)


class RemoteEngine:
    """Connects to the server of the settings, time and again; knows what is mirrored there.

    Raises `SettingsError` for an address or a token that cannot be used.
    """

    def __init__(self, settings: EngineSettings) -> None:
        self._server = Server.of(settings)
        self._sending: dict[Place, Sending] = {}
        self.leaving = Leaving()

    async def __call__(self) -> Connection:
        """Connect. Raises `CompleterError` if that cannot be."""
        connection = await self._server.connect(RemoteConnection)
        connection.engine = self
        return connection

    def sending(self, root: Place) -> Sending:
        """What keeps the mirror of a workspace up to date."""
        if root not in self._sending:
            self._sending[root] = Sending(root)
        return self._sending[root]

    def stop(self, root: Place) -> None:
        """A workspace is closed: its files are not followed any more."""
        if (sending := self._sending.pop(root, None)) is not None:
            threading.Thread(target=sending.close, name="close-mirror", daemon=True).start()

    def may_send(self, path: Place) -> bool:
        """Whether an open document may be sent: one that an engine here would learn from."""
        root = innermost(path, self._sending)
        return root is not None and self._sending[root].may_send(path)

    def leave(self, send: Send) -> None:
        """A connection is lost: what it took is not sent there any more."""
        for sending in self._sending.values():
            sending.end(send)

    def close(self) -> None:
        """Follow no files any more; waits until nothing reads them."""
        while self._sending:
            self._sending.popitem()[1].close()


class RemoteConnection(Connection):
    """Messages to and from a server on another machine, for an `engine`."""

    engine: RemoteEngine

    def __init__(self, socket: ClientConnection, welcome: Welcome) -> None:
        super().__init__(socket, welcome)
        self._loop = asyncio.get_running_loop()
        self._shortening = Shortening()

    def send(self, message: Asked) -> None:
        """See `Connection`: without secrets."""
        match message:
            case OpenWorkspace(root):
                super().send(message)
                self.engine.sending(root).begin(self._from_thread)
            case CloseWorkspace(root):
                self.engine.stop(root)
                super().send(message)
            case DocumentChanged(path, text):
                if text is None or self.engine.may_send(path):
                    text = text and self.engine.leaving.text(text)
                    super().send(DocumentChanged(path, text))
            case Complete() | Stream():
                request = self.engine.leaving.request(message.request)
                super().send(replace(message, request=request))
            case FindNextEdits():
                edits = self.engine.leaving.next_edits(message.request)
                super().send(replace(message, request=edits))
            case Accepted(number, text):
                super().send(Accepted(number, self.engine.leaving.text(text)))
            case _:
                super().send(message)

    async def __aiter__(self) -> AsyncIterator[Said]:
        """See `Connection`: without what concerns files."""
        async for message in super().__aiter__():
            match message:
                case Wanted(root, digests):
                    self.engine.sending(root).wanted(digests)
                case NotMirrored(root, why, hint):
                    log.warning("%s: %s %s", root, why, hint)
                case _:
                    yield message

    async def close(self) -> None:
        """See `Connection`."""
        self.engine.leave(self._from_thread)
        await super().close()

    def _packed(self, message: Asked) -> bytes:
        data = super()._packed(message)
        if type(message) in SHORTENED:
            return self._shortening.short(SHORTENED.index(type(message)), data)
        return data

    def _from_thread(self, message: Asked) -> None:
        with suppress(RuntimeError):  # the loop has ended
            self._loop.call_soon_threadsafe(super().send, message)
