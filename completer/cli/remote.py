"""`completer remote`: what a server elsewhere keeps of your files; it forgets them when told."""

import json
from typing import Annotated, Any

import typer

from completer.cli.options import ConfigFlag, JsonFlag, load
from completer.engine_process.asking import ask
from completer.errors import CompleterError, SettingsError

MEGABYTE = 1 << 20
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


def _asked(method: str, server: str | None, config: ConfigFlag) -> dict[str, Any]:
    from completer.remote.connecting import Server

    settings = load(config, engine={"server": server}).settings.engine
    if not settings.server:
        raise SettingsError("No server is set.", hint="Name it with --server, or engine.server.")
    there = Server.of(settings)
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
