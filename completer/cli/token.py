"""`completer token`: who may use a server that other machines can reach."""

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from completer.cli.options import ConfigFlag, JsonFlag, load

if TYPE_CHECKING:
    from completer.http.tokens import Token, TokenFile

token = typer.Typer(no_args_is_help=True, help="Say who may use the server, and which workspaces.")
NameArgument = Annotated[str, typer.Argument(help="Whose token it is.", metavar="NAME")]


@token.command("add")
def add(
    name: NameArgument,
    workspace: Annotated[
        list[Path] | None,
        typer.Option(
            "--workspace", "-w", help="A folder that they may use; all without.", metavar="PATH"
        ),
    ] = None,
    admin: Annotated[
        bool, typer.Option("--admin", help="It shows everybody's figures at /report.")
    ] = False,
    config: ConfigFlag = None,
) -> None:
    """Make a token for a person and print it, once: only its hash is kept.

    A running server takes it at once.
    """
    file = _file(config)
    secret = file.add(name, workspace or None, admin=admin)
    what = ", ".join(map(str, workspace)) if workspace else "every workspace that is served"
    typer.echo(
        f"{name} may use {what}. This is shown only now; send it as a bearer token:", err=True
    )
    typer.echo(secret)


@token.command("list")
def list_tokens(as_json: JsonFlag = False, config: ConfigFlag = None) -> None:
    """Show who has a token, and what it is for; never the tokens."""
    tokens = _file(config).read()
    if as_json:
        typer.echo(json.dumps([_facts(each) for each in tokens], ensure_ascii=False))
        return
    for each in tokens:
        folders = "every workspace"
        if each.workspaces is not None:
            folders = ", ".join(map(str, each.workspaces)) or "no workspace"
        admin = "  (admin)" if each.admin else ""
        typer.echo(f"{each.name}  {each.created:%Y-%m-%d}  {folders}{admin}")


@token.command("remove")
def remove(name: NameArgument, config: ConfigFlag = None) -> None:
    """Take a person's token away; a running server refuses it at once."""
    file = _file(config)
    file.remove(name)
    typer.echo(f"{name} has no token any more.")
    if not file.read():
        typer.echo(
            "It was the last: a server on this machine's own address asks for none.", err=True
        )


def _file(config: Path | None) -> "TokenFile":
    from completer.http.tokens import TokenFile

    return TokenFile(load(config).settings.server.tokens)


def _facts(token: "Token") -> dict[str, object]:
    """Return what may be printed of a token: all but its hash."""
    return token.model_dump(mode="json", exclude={"sha256"})
