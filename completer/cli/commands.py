"""The subcommands of `completer`, each loaded when it is named."""

from importlib import import_module
from typing import Annotated, Any

import typer
from typer.core import TyperGroup

COMMANDS = {
    "serve": "serve.serve",
    "lsp": "lsp.lsp",
    "complete": "complete.complete",
    "status": "engines.status",
    "stop": "engines.stop",
    "restart": "engines.restart",
    "logs": "engines.logs",
    "eval": "eval.evaluate",
    "calibrate": "calibrate.calibrate",
    "report": "report.report",
    "doctor": "doctor.doctor",
    "train": "train.train",
    "index": "index.index",
    "tune": "tune.tune",
    "setup": "setup.setup",
    "model": "model.model",
    "experiment": "experiment.experiment",
    "telemetry": "telemetry.telemetry",
    "token": "token.token",
    "remote": "remote.remote",
    "cluster": "cluster.cluster",
    "engine": "engine.engine",
    "bench": "commands.bench",
}
"""Where each command is, below `completer.cli`."""
HIDDEN = ("engine", "bench")


class Commands(TyperGroup):
    """Loads the command that is named, and the others only to list them."""

    def list_commands(self, ctx: object) -> list[str]:
        """Name all commands."""
        return list(COMMANDS)

    def get_command(self, ctx: object, cmd_name: str) -> Any:  # noqa: ANN401  click's or typer's
        """Load one."""
        if cmd_name not in COMMANDS:
            return None
        module, _, name = COMMANDS[cmd_name].partition(".")
        found = getattr(import_module(f"completer.cli.{module}"), name)
        group = found if isinstance(found, typer.Typer) else typer.Typer(add_completion=False)
        if group is not found:
            group.command(cmd_name, hidden=cmd_name in HIDDEN)(found)
        command = typer.main.get_command(group)
        command.name = cmd_name
        return command


app = typer.Typer(
    name="completer",
    cls=Commands,
    help="Self-hosted code completion, for editors and for any client that speaks HTTP.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
bench = typer.Typer(add_completion=False)


@bench.command(
    "bench", hidden=True, context_settings={"ignore_unknown_options": True, "help_option_names": []}
)
def say_where_benchmarks_are(words: Annotated[list[str] | None, typer.Argument()] = None) -> None:
    """Say where benchmarks are now: they are no longer installed."""
    name = next(iter(words or []), "NAME")
    now = "completer tune" if name == "tune" else f"python -m benchmarks {name}"
    where = "" if name == "tune" else " from a checkout"
    typer.echo(f"completer: Run `{now}`{where}.", err=True)
    raise typer.Exit(2)


def _print_version(wanted: bool) -> None:
    if wanted:
        from importlib.metadata import version

        typer.echo(version("completer"))
        raise typer.Exit


@app.callback()
def common(
    show_version: Annotated[
        bool,
        typer.Option(
            "--version", callback=_print_version, is_eager=True, help="Print the version and stop."
        ),
    ] = False,
) -> None:
    """Self-hosted code completion, for editors and for any client that speaks HTTP."""
