"""How uvicorn is to serve the application: with deadlines, and with no trust in any header."""

from __future__ import annotations

import asyncio
import socket
from typing import Any

import uvicorn
from starlette.applications import Starlette
from uvicorn.protocols.http.h11_impl import H11Protocol

HEADER_TIMEOUT_S = 10.0
MAX_HEADER_BYTES = 32 * 1024


class ImpatientProtocol(H11Protocol):
    """HTTP/1.1 on a connection that is closed if a request's header takes too long to arrive.

    uvicorn itself waits for ever for a header that has begun, and on a connection that has sent
    nothing yet.
    """

    header_timeout_s = HEADER_TIMEOUT_S
    _deadline: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """The first request is awaited."""
        super().connection_made(transport)
        _send_at_once(transport)
        self._await_header()

    def data_received(self, data: bytes) -> None:
        """A part of a request; if it is not a whole header, the rest is awaited."""
        super().data_received(data)
        if self.cycle is None or self.cycle.response_complete:
            self._await_header()
        else:
            self._stop_waiting()

    def connection_lost(self, exc: Exception | None) -> None:
        """Nothing is awaited any more."""
        self._stop_waiting()
        super().connection_lost(exc)

    def _await_header(self) -> None:
        if self._deadline is None:
            self._deadline = self.loop.call_later(self.header_timeout_s, self.transport.close)

    def _stop_waiting(self) -> None:
        if self._deadline is not None:
            self._deadline.cancel()
            self._deadline = None


def _send_at_once(transport: asyncio.Transport) -> None:
    """Let no reply wait for the acknowledgement of its header: that takes clients 40 ms.

    asyncio does this only for sockets that were made with the protocol's number.
    """
    connection = transport.get_extra_info("socket")
    if connection is not None and connection.family in (socket.AF_INET, socket.AF_INET6):
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)


def server_config(app: Starlette, *, host: str, port: int, **more: Any) -> uvicorn.Config:  # noqa: ANN401
    """uvicorn's configuration for `app`; `more` are further options of uvicorn's.

    Headers of proxies are not believed, for the checks of `security` rest on the connection.
    """
    defaults: dict[str, Any] = {
        "http": ImpatientProtocol,
        "ws": "none",
        "h11_max_incomplete_event_size": MAX_HEADER_BYTES,
        "proxy_headers": False,
        "server_header": False,
        "access_log": False,
        "log_level": "warning",
        "timeout_graceful_shutdown": 5,
    }
    return uvicorn.Config(app, host=host, port=port, **{**defaults, **more})
