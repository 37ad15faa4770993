"""Whether other machines can reach the server, and what it takes to let them."""

import socket

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
