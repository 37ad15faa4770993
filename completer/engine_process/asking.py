"""What an engine says of itself, to a command."""

from __future__ import annotations

import json
import socket
from http.client import HTTPConnection, HTTPException
from typing import Any

from completer.engine_process.connection import PATH
from completer.engine_process.registration import Registration

ANSWERS_WITHIN_S = 5.0


class _SocketConnection(HTTPConnection):
    """HTTP over a unix socket."""

    def __init__(self, path: str) -> None:
        super().__init__("localhost", timeout=ANSWERS_WITHIN_S)
        self._path = path

    def connect(self) -> None:
        """Connect to the socket."""
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.settimeout(ANSWERS_WITHIN_S)
        self.sock.connect(self._path)


def described(engine: Registration) -> dict[str, Any] | None:
    """What `GET /v1/engine` tells; `None` where no engine answers."""
    if engine.socket:
        connection: HTTPConnection = _SocketConnection(engine.socket)
    else:
        connection = HTTPConnection("127.0.0.1", engine.port, timeout=ANSWERS_WITHIN_S)
    try:
        connection.request("GET", PATH, headers={"Authorization": f"Bearer {engine.token}"})
        reply = connection.getresponse()
        found = json.load(reply)
    except (OSError, HTTPException, ValueError):
        return None
    finally:
        connection.close()
    return found if reply.status == 200 and isinstance(found, dict) else None
