"""How uvicorn is to serve the application: with deadlines, and with no trust in any header."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from http import HTTPStatus
from typing import Any

import h11
import uvicorn
from starlette.applications import Starlette
from uvicorn.protocols.http.h11_impl import H11Protocol
from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol

from completer.engine_process.wire import MAX_BYTES
from completer.http.accepting import Accepting
from completer.http.ending import RefusingAtTheEnd
from completer.http.errors import error_response
from completer.http.options import HttpOptions
from completer.http.security import CLOSE, HEADER_TOO_LONG

PINGS_EVERY_S = 60.0  # a laptop may be closed without a word
FINISHES_WITHIN_S = 2  # what runs when the server is to end


class ImpatientProtocol(H11Protocol):
    """HTTP/1.1 on a connection that is closed if a request's header takes too long to arrive.

    uvicorn itself waits for ever for a header that has begun, and on a connection that has sent
    nothing yet.
    """

    def __init__(
        self,
        *arguments: Any,  # noqa: ANN401
        options: HttpOptions,
        on_end: Callable[[], None],
        **named: Any,  # noqa: ANN401
    ) -> None:
        super().__init__(*arguments, **named)
        self._options = options
        self._on_end = on_end
        self.ws_protocol_class = partial(EndingSocket, on_end=on_end)  # type: ignore[assignment]
        self._deadline: asyncio.TimerHandle | None = None
        self._refused = False

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Start the time limit for the first request's header."""
        super().connection_made(transport)
        _send_at_once(transport)
        self._await_header()

    def data_received(self, data: bytes) -> None:
        """A part of a request; if it is not a whole header, the rest is awaited."""
        if self._refused:
            return
        super().data_received(data)
        if self.transport.get_protocol() is not self:
            return
        if self._is_idle:
            self._await_header()
        else:
            self._stop_waiting()

    def connection_lost(self, exc: Exception | None) -> None:
        """Stop the time limit, and report that the connection has ended."""
        self._stop_waiting()
        super().connection_lost(exc)
        self._on_end()

    def handle_websocket_upgrade(self, event: h11.Request) -> None:
        """Hand the connection over to a protocol of its own, which has no time limit."""
        self._stop_waiting()
        super().handle_websocket_upgrade(event)

    def send_400_response(self, msg: str) -> None:
        """Refuse what is no request, or has a header that is too long, in our words."""
        too_long = len(self.conn.trailing_data[0]) > self._options.max_header_bytes
        if self._is_idle:
            self._refuse(*((431, HEADER_TOO_LONG) if too_long else (400, msg)))
        elif self.conn.our_state is h11.SEND_RESPONSE:  # it is the body that is wrong
            super().send_400_response(msg)
        else:
            self.transport.close()

    @property
    def _is_idle(self) -> bool:
        """Whether no request is being answered."""
        return self.cycle is None or self.cycle.response_complete

    def _refuse(self, status: int, why: str) -> None:
        """Reply, and read on in vain for a while: to close at once could take the reply away."""
        self._refused = True
        reply = error_response(status, why, headers=CLOSE)
        reason = HTTPStatus(status).phrase.encode()
        head = h11.Response(status_code=status, headers=reply.raw_headers, reason=reason)
        for event in (head, h11.Data(data=bytes(reply.body)), h11.EndOfMessage()):
            self.transport.write(self.conn.send(event) or b"")
        if self.transport.can_write_eof():
            self.transport.write_eof()
        self._await_header()  # or the end, which comes no later

    def _await_header(self) -> None:
        if self._deadline is None:
            patience_s = self._options.header_timeout_s
            self._deadline = self.loop.call_later(patience_s, self.transport.close)

    def _stop_waiting(self) -> None:
        if self._deadline is not None:
            self._deadline.cancel()
            self._deadline = None


class EndingSocket(WebSocketsSansIOProtocol):
    """A WebSocket that says when its connection has ended."""

    def __init__(self, *arguments: Any, on_end: Callable[[], None], **named: Any) -> None:  # noqa: ANN401
        super().__init__(*arguments, **named)
        self._on_end = on_end

    def connection_lost(self, exc: Exception | None) -> None:
        """Report that the connection has ended."""
        super().connection_lost(exc)
        self._on_end()


def _send_at_once(transport: asyncio.Transport) -> None:
    """Let no reply wait for the acknowledgement of its header: that takes clients 40 ms.

    asyncio does this only for sockets that were made with the protocol's number.
    """
    connection = transport.get_extra_info("socket")
    if connection is not None and connection.family in (socket.AF_INET, socket.AF_INET6):
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)


class Server(uvicorn.Server):
    """uvicorn's server; `Accepting` takes its connections, and signals are left to who runs it."""

    def __init__(self, config: uvicorn.Config, options: HttpOptions) -> None:
        super().__init__(config)
        self._options = options

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Start the application, then take connections from these sockets."""
        await super().startup(sockets=[])
        self.servers.extend(map(self._accepting, sockets or []))  # type: ignore[arg-type]

    def _accepting(self, listener: socket.socket) -> Accepting:
        """Take connections; those of this machine's own socket need no TLS."""
        on_network = listener.family in (socket.AF_INET, socket.AF_INET6)
        tls = self.config.ssl if on_network else None
        limit, patience_s = self._options.max_connections, self._options.header_timeout_s
        return Accepting(listener, self._protocol, limit, tls, patience_s)

    def stop(self) -> None:
        """Finish what runs and end; asked again, end at once. From any thread."""
        self.force_exit = self.should_exit
        self.should_exit = True

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Leave signals to the command that serves: uvicorn would install handlers of its own."""
        yield

    def _protocol(self, on_end: Callable[[], None]) -> asyncio.Protocol:
        return ImpatientProtocol(
            config=self.config,
            server_state=self.server_state,
            app_state=self.lifespan.state,
            options=self._options,
            on_end=on_end,
        )


def server_config(
    app: Starlette,
    *,
    host: str,
    port: int,
    options: HttpOptions,
    **more: Any,  # noqa: ANN401
) -> uvicorn.Config:
    """uvicorn's configuration for `app`; `more` are further options of uvicorn's.

    Headers of proxies are not believed, for the checks of `security` rest on the connection; but
    for those of the proxies that the options name.
    """
    defaults: dict[str, Any] = {
        "ws": WebSocketsSansIOProtocol,
        "ws_max_size": MAX_BYTES,
        "ws_per_message_deflate": True,  # where a client offers it: those on this machine do not
        "ws_ping_interval": PINGS_EVERY_S,
        "ws_ping_timeout": PINGS_EVERY_S,
        "h11_max_incomplete_event_size": options.max_header_bytes,
        "timeout_keep_alive": options.keep_alive_s,
        "proxy_headers": bool(options.forwarded_allow_ips),
        "forwarded_allow_ips": options.forwarded_allow_ips,
        "server_header": False,
        "access_log": False,
        "log_level": "warning",
        "timeout_graceful_shutdown": FINISHES_WITHIN_S,
    }
    return uvicorn.Config(RefusingAtTheEnd(app), host=host, port=port, **{**defaults, **more})
