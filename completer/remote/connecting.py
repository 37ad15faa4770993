"""Finds the server on another machine that is the engine of editors here.

A token goes to a server whose certificate proves its name, or to this machine itself.
"""

from __future__ import annotations

import ipaddress
import json
import os
import platform
import ssl
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar
from urllib.parse import urlsplit

from completer.engine_process.connection import Connection
from completer.engine_process.messages import PROTOCOL
from completer.errors import CompleterError, SettingsError
from completer.private_files import read_secret
from completer.remote.token_store import stored_token

if TYPE_CHECKING:
    from http.client import HTTPConnection

    from completer.settings import EngineSettings

PATH = "/v1/remote"
MACHINE_HEADER = "X-Completer-Machine"
TOKEN_VARIABLE = "COMPLETER_TOKEN"  # noqa: S105  a name
ANSWERS_WITHIN_S = 20.0
ASKS_EVERY_S = 20.0  # whether the server is still there
BUSY_S = 60.0  # a server that compiles or loads says nothing meanwhile
C = TypeVar("C", bound=Connection)


@dataclass(frozen=True, slots=True)
class Server:
    """A server by its address, the token for it, and the certificates that it is known by."""

    address: str
    token: str
    ca_file: Path | None = None

    @classmethod
    def of(cls, settings: EngineSettings) -> Server:
        """The server of the settings.

        Raises `SettingsError` for an address that is none or not safe, and without a token.
        """
        address = checked(settings.server)
        ca_file = settings.ca_file and settings.ca_file.expanduser()
        return cls(address, token_of(settings.token_file, address), ca_file)

    @property
    def headers(self) -> dict[str, str]:
        """What each request carries."""
        machine = platform.node().encode("ascii", "replace").decode()
        return {"Authorization": f"Bearer {self.token}", MACHINE_HEADER: machine}

    def http(self) -> HTTPConnection:
        """A connection for a single request."""
        from http.client import HTTPConnection, HTTPSConnection

        parts = urlsplit(self.address)
        host = parts.hostname or ""
        if (context := self.tls()) is None:
            return HTTPConnection(host, parts.port, timeout=ANSWERS_WITHIN_S)
        return HTTPSConnection(host, parts.port, timeout=ANSWERS_WITHIN_S, context=context)

    def path(self, rest: str = "") -> str:
        """What is asked for on such a connection."""
        return urlsplit(self.address).path + PATH + rest

    def tls(self) -> ssl.SSLContext | None:
        """How the connection is encrypted; `None` for one that stays on this machine.

        Raises `SettingsError` for a file that holds no certificates.
        """
        if urlsplit(self.address).scheme == "http":
            return None
        try:
            return ssl.create_default_context(cafile=self.ca_file)
        except OSError as error:
            why = f"engine.ca_file: {self.ca_file} cannot be used: {error}"
            raise SettingsError(why, hint="It holds certificates in PEM.") from error

    async def connect(self, kind: type[C]) -> C:
        """Connect to it. Raises `CompleterError` if it is not there, or does not let us in."""
        tls = self.tls()
        options: dict[str, Any] = {
            "additional_headers": self.headers,
            "ping_interval": ASKS_EVERY_S,
            "ping_timeout": BUSY_S,
            "ssl": tls,
            "proxy": None if tls is None else True,
        }
        uri = f"ws{self.address.removeprefix('http')}{PATH}/{PROTOCOL}"
        try:
            return await kind.open(uri, options)
        except ssl.SSLCertVerificationError as error:
            why = f"{self.address} does not prove its name: {error.verify_message}."
            raise CompleterError(why, hint="For one of your own name its --ca-file.") from error
        except OSError as error:
            raise _refusal(self.address, error) from error


def token_of(file: Path | None, address: str = "") -> str:
    """The token in a file that is yours alone, else the environment's, else the keyring's.

    Raises `SettingsError` where there is none.
    """
    if file is not None:
        return sound_token(read_secret(file.expanduser(), "engine.token_file"), str(file))
    token = os.environ.get(TOKEN_VARIABLE, "")
    if not token and address:
        token = stored_token(address)
    return sound_token(token, TOKEN_VARIABLE)


def sound_token(token: str, where: str) -> str:
    """A token without the space around it. Raises `SettingsError` for what is none."""
    token = token.strip()
    if not token or not token.isascii() or not token.isprintable():
        raise SettingsError(
            f"There is no token for the server in {where}.",
            hint="Have one made with `completer token add NAME` there; then engine.token_file,"
            f" {TOKEN_VARIABLE} or `completer remote login`.",
        )
    return token


def checked(address: str) -> str:
    """An address without a slash at its end; `SettingsError` for one that no token may go to."""
    address = address.rstrip("/")
    parts = urlsplit(address)
    try:
        whole = parts.scheme in ("http", "https") and parts.hostname and (parts.port or True)
    except ValueError:
        whole = False
    if not whole or parts.query or parts.fragment or parts.username is not None:
        raise SettingsError(
            f"engine.server is no address: {address!r}", hint="Such as https://gpu:8012"
        )
    if parts.scheme == "http" and not _is_here(parts.hostname or ""):
        raise SettingsError(
            f"A token would go to {parts.hostname} for all on the way to read.",
            hint="Use https:// (the server: server.tls_cert and server.tls_key), or reach it over"
            " SSH: `ssh -L 8012:localhost:8012` and http://localhost:8012",
        )
    return address


def _is_here(host: str) -> bool:
    with suppress(ValueError):
        return ipaddress.ip_address(host).is_loopback
    return host == "localhost"


def _refusal(address: str, error: OSError) -> CompleterError:
    """What a server says that lets nobody in, or why none answers."""
    response = getattr(error.__cause__, "response", None)
    if response is None:
        return CompleterError(f"{address} does not answer: {error}", hint="Does it run?")
    message = ""
    with suppress(ValueError, KeyError, TypeError):
        message = str(json.loads(response.body)["error"]["message"])
    message = message or f"it answers {response.status_code}"
    hint = "Is the token that of `completer token add` there?" if "oken" in message else ""
    return CompleterError(f"{address} lets no editor in: {message}", hint=hint)
