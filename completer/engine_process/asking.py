"""What an engine, or another server of ours, answers a command."""

from __future__ import annotations

import json
import socket
from collections.abc import Mapping
from http.client import HTTPConnection, HTTPException
from types import MappingProxyType
from typing import Any

from completer.engine_process.connection import PATH
from completer.engine_process.registration import Registration

ANSWERS_WITHIN_S = 5.0
NO_HEADERS: Mapping[str, Any] = MappingProxyType({})


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
    status, found = ask(connection, PATH, headers={"Authorization": f"Bearer {engine.token}"})
    return found if status == 200 else None


def ask(
    connection: HTTPConnection,
    path: str,
    body: str | None = None,
    headers: Mapping[str, str | bytes] = NO_HEADERS,
    *,
    method: str = "",
) -> tuple[int, dict[str, Any]]:
    """Post a body, or get what there is, or what else `method` says; closes the connection.

    Returns the status and the JSON object that came back, or 0 and an empty one.
    """
    try:
        connection.request(method or ("GET" if body is None else "POST"), path, body, dict(headers))
        reply = connection.getresponse()
        found = json.load(reply)
    except (OSError, HTTPException, ValueError):
        return 0, {}
    finally:
        connection.close()
    return (reply.status, found) if isinstance(found, dict) else (0, {})
