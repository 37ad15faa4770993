"""Who may ask, from where, and how much: checks that run before anything is read.

Each is plain ASGI middleware, so that the application below still sees when a client goes away.
They decide on the path of the connection and on nothing that is rebuilt from headers.
"""

from __future__ import annotations

import asyncio
import base64
import ipaddress
from contextlib import suppress
from urllib.parse import urlsplit

from starlette.datastructures import Headers
from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from completer.engine_process.connection import PATH
from completer.http.access import NOBODY, Access, Accesses
from completer.http.errors import error_response
from completer.http.options import HttpOptions

ASKING = ("http", "websocket")
WITHOUT_TOKEN = frozenset({"/health", "/v1/health", PATH})
REPORT_PATH = "/report"
NOT_ALLOWED = 1008
CLOSE = {"Connection": "close"}
HEADER_TOO_LONG = "The request's header is too long."


class HeaderLimit:
    """Refuses, with 431, requests whose header is too long though it came at once."""

    def __init__(self, app: ASGIApp, options: HttpOptions) -> None:
        self._app = app
        self._max_bytes = options.max_header_bytes

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Count what the client has sent before the body."""
        if scope["type"] in ASKING and _header_bytes(scope) > self._max_bytes:
            await error_response(431, HEADER_TOO_LONG, headers=CLOSE)(scope, receive, send)
        else:
            await self._app(scope, receive, send)


class HostGuard:
    """Refuses, with 403, requests that a foreign web page or a rebound name could have made."""

    def __init__(self, app: ASGIApp, options: HttpOptions) -> None:
        self._app = app
        self._hosts = {"localhost", *map(str.lower, options.allowed_hosts)}
        self._origins = set(options.allowed_origins)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on if its `Host` and `Origin` are allowed."""
        if scope["type"] in ASKING and (why := self._objection(scope)):
            await error_response(403, why)(scope, receive, send)
        else:
            await self._app(scope, receive, send)

    def _objection(self, scope: Scope) -> str | None:
        headers = Headers(scope=scope)
        hosts, origins = headers.getlist("host"), headers.getlist("origin")
        if len(hosts) != 1 or not self._is_ours(host_name(hosts[0]), scope):
            name = host_name(hosts[0]) if hosts else ""
            return f"Host {name!r} is not this server's. If it is, add it to server.allowed_hosts."
        scheme = scope["scheme"].replace("ws", "http")
        same = {f"{scheme}://{hosts[0]}", *self._origins}
        for origin in origins:
            if origin not in same:
                named = "://" in origin  # others are pages of files, which look all the same
                advice = " If they should, add that to server.allowed_origins." if named else ""
                return f"Pages of {origin!r} may not use this server.{advice}"
        return None

    def _is_ours(self, name: str, scope: Scope) -> bool:
        """Whether a host is a known name, a loopback address or the address that was connected to.

        Names are what a foreign page can point here; an address it cannot.
        """
        if name in self._hosts:
            return True
        try:
            address = ipaddress.ip_address(name)
        except ValueError:
            return False
        return address.is_loopback or name == (scope.get("server") or ("",))[0]


class BearerAuth:
    """Asks for a token on every path but health; `scope["access"]` is whose it was.

    The engine's own path takes another token: see `engine_door`.
    """

    def __init__(self, app: ASGIApp, accesses: Accesses) -> None:
        self._app = app
        self._accesses = accesses

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on with its access, or answer 401."""
        if scope["type"] not in ASKING:
            await self._app(scope, receive, send)
            return
        access = self._accesses.of(_bearer(scope))
        if access is None and scope["path"] not in WITHOUT_TOKEN:
            message = "A token is needed: send the header `Authorization: Bearer <token>`."
            kind = 'Basic realm="completer"' if scope["path"] == REPORT_PATH else "Bearer"
            challenge = {"WWW-Authenticate": kind}
            await error_response(401, message, headers=challenge)(scope, receive, send)
            return
        if scope["type"] == "websocket" and access is not None:
            receive = self._as_long_as_known(scope, access, receive)
        await self._app({**scope, "access": access or NOBODY}, receive, send)

    def _as_long_as_known(self, scope: Scope, access: Access, receive: Receive) -> Receive:
        """Have a connection end when its token was taken away, or stands for something else."""

        async def receive_if_known() -> Message:
            message = await receive()
            if self._accesses.of(_bearer(scope)) != access:
                return {"type": "websocket.disconnect", "code": NOT_ALLOWED}
            return message

        return receive_if_known


class BodyLimit:
    """Ends, with 413 or 408, requests whose body is too large or takes too long to arrive."""

    def __init__(self, app: ASGIApp, options: HttpOptions) -> None:
        self._app = app
        self._max_bytes = options.max_body_bytes
        self._timeout_s = options.body_timeout_s

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Refuse an announced size at once; count and time what comes otherwise."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
        elif _announced_bytes(scope) > self._max_bytes:
            await error_response(413, self._too_large, headers=CLOSE)(scope, receive, send)
        else:
            await self._app(scope, self._limited(receive), send)

    @property
    def _too_large(self) -> str:
        return f"The request is larger than {self._max_bytes} bytes."

    def _limited(self, receive: Receive) -> Receive:
        deadline = asyncio.get_running_loop().time() + self._timeout_s
        received, complete = 0, False

        async def receive_in_time() -> Message:
            nonlocal received, complete
            if complete:
                return await receive()
            try:
                async with asyncio.timeout_at(deadline):
                    message = await receive()
            except TimeoutError:
                raise HTTPException(408, "The request took too long to arrive.", CLOSE) from None
            received += len(message.get("body", b""))
            complete = not message.get("more_body", False)
            if received > self._max_bytes:
                raise HTTPException(413, self._too_large, CLOSE)
            return message

        return receive_in_time


def host_name(host: str) -> str:
    """The name in a `Host` header, lower case, without port, brackets or final dot."""
    try:
        return (urlsplit(f"//{host}").hostname or "").rstrip(".")
    except ValueError:
        return ""


def _bearer(scope: Scope) -> bytes | None:
    """The token that a request shows; a browser that asks for the report has it as a password."""
    kind, _, given = Headers(scope=scope).get("authorization", "").partition(" ")
    if kind.lower() == "basic" and scope["path"] == REPORT_PATH:
        with suppress(ValueError):
            return base64.b64decode(given).partition(b":")[2]
    return given.strip().encode("latin-1") if kind.lower() == "bearer" else None


def _header_bytes(scope: Scope) -> int:
    """About what the request's line and header fields took."""
    fields = sum(len(name) + len(value) + 4 for name, value in scope["headers"])
    return fields + len(scope.get("raw_path") or b"") + len(scope["query_string"])


def _announced_bytes(scope: Scope) -> int:
    length = Headers(scope=scope).get("content-length", "0")
    return int(length) if length.isascii() and length.isdigit() and len(length) < 19 else 2**63
