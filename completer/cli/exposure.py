"""Whether other machines can reach the server, and what it takes to let them."""

import socket
import ssl
from pathlib import Path

import typer

from completer.errors import SettingsError
from completer.http.access import is_loopback
from completer.http.tokens import TokenFile
from completer.settings import Settings


def check_exposure(settings: Settings, listener: socket.socket, *, insecure: bool = False) -> bool:
    """Whether other machines can reach `listener`.

    Raises `SettingsError` if they can and no token is set, or if the tokens cannot be used;
    `insecure` lets the former pass, with a warning.
    """
    has_token = settings.server.token is not None or bool(TokenFile(settings.server.tokens).read())
    address = listener.getsockname()[0]
    if is_loopback(address):
        return False
    if has_token:
        return True
    if not insecure:
        raise SettingsError(
            f"Other machines can reach {address}, and no token is set.",
            hint="Set one for each person with `completer token add NAME`, listen on 127.0.0.1,"
            " or let anybody ask with `--insecure`.",
        )
    typer.echo(
        f"completer: warning: whoever reaches {address} can ask, and so read the workspaces:"
        " no token is set (--insecure)",
        err=True,
    )
    return True


def tls_files(settings: Settings) -> dict[str, Path]:
    """uvicorn's options for an encrypted server, none for one that is not.

    Raises `SettingsError` for files that are no certificate and its key.
    """
    cert, key = settings.server.tls_cert, settings.server.tls_key
    if cert is None:
        if key is None:
            return {}
        raise SettingsError("server.tls_key is set without server.tls_cert.", hint="Set both.")
    cert = cert.expanduser()
    key = cert if key is None else key.expanduser()
    try:
        ssl.create_default_context(ssl.Purpose.CLIENT_AUTH).load_cert_chain(
            cert, key, password=lambda: ""
        )
    except (OSError, ValueError) as error:
        raise SettingsError(
            f"server.tls_cert {cert} and server.tls_key {key} cannot be used: {error}",
            hint="They are PEM files, the key without a passphrase. docs/remote.md makes a pair.",
        ) from error
    return {"ssl_certfile": cert, "ssl_keyfile": key}
