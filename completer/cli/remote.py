"""`completer remote`: your token for a server elsewhere, what it keeps of you, and forgets."""

import json
import sys
from typing import TYPE_CHECKING, Annotated, Any

import typer

from completer.cli.options import ConfigFlag, JsonFlag, load
from completer.engine_process.asking import ask
from completer.errors import CompleterError, SettingsError

if TYPE_CHECKING:  # it takes a while to import
    from completer.settings import EngineSettings

MEGABYTE = 1 << 20
LONGEST_TOKEN = 4_096
remote = typer.Typer(no_args_is_help=True, help="The server that your editors use elsewhere.")
ServerFlag = Annotated[
    str | None, typer.Option(help="Its address; else engine.server.", metavar="URL")
]


@remote.command("status")
def status(server: ServerFlag = None, as_json: JsonFlag = False, config: ConfigFlag = None) -> None:
    """Show what the server keeps of your files."""
    _show(_asked("GET", server, config), as_json=as_json)


@remote.command("forget")
def forget(server: ServerFlag = None, as_json: JsonFlag = False, config: ConfigFlag = None) -> None:
    """Have the server remove all that it keeps of your files; an open editor sends them again."""
    _show(_asked("DELETE", server, config), as_json=as_json)


@remote.command("login")
def login(server: ServerFlag = None, config: ConfigFlag = None) -> None:
    """Keep your token for the server in the system's keyring; it is asked for, or piped in."""
    from completer.remote.connecting import checked, sound_token
    from completer.remote.token_store import store_token

    address = checked(_engine(server, config).server)
    store_token(address, sound_token(read_token(), "what was given"))
    typer.echo(f"The keyring has your token for {address}.")


@remote.command("logout")
def logout(server: ServerFlag = None, config: ConfigFlag = None) -> None:
    """Remove your token for the server from the system's keyring."""
    from completer.remote.connecting import checked
    from completer.remote.token_store import remove_token

    address = checked(_engine(server, config).server)
    had = remove_token(address)
    typer.echo(f"The keyring has {'your token no more' if had else 'no token'} for {address}.")


def read_token() -> str:
    """Ask for a token without showing it, or take it from what is piped in."""
    if sys.stdin.isatty():
        return str(typer.prompt("Token", hide_input=True))
    return sys.stdin.readline(LONGEST_TOKEN)


def _engine(server: str | None, config: ConfigFlag) -> "EngineSettings":
    """The engine's settings, in which a server is named."""
    settings = load(config, engine={"server": server}).settings.engine
    if not settings.server:
        raise SettingsError("No server is set.", hint="Name it with --server, or engine.server.")
    return settings


def _asked(method: str, server: str | None, config: ConfigFlag) -> dict[str, Any]:
    from completer.remote.connecting import Server

    there = Server.of(_engine(server, config))
    code, found = ask(there.http(), there.path(), headers=there.headers, method=method)
    if code != 200:
        why = found.get("error", {}).get("message") or "it does not answer"
        raise CompleterError(f"{there.address} does not do that: {why}")
    return found


def _show(kept: dict[str, Any], *, as_json: bool) -> None:
    if as_json:
        typer.echo(json.dumps(kept))
        return
    typer.echo(
        f"{kept['files']} files of {kept['workspaces']} workspaces,"
        f" {kept['bytes'] / MEGABYTE:.1f} of {kept['max_bytes'] / MEGABYTE:.0f} MB;"
        f" removed when unused for {kept['days']:g} days"
    )
