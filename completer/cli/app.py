"""The `completer` command: its subcommands, and how errors reach a user."""

import io
import os
import sys
from importlib.metadata import version
from typing import Annotated

import typer

from completer.cli import complete, doctor, index, lsp, report, serve
from completer.cli.calibrate import calibrate
from completer.cli.eval import evaluate
from completer.cli.interruption import interruptible
from completer.cli.model import model
from completer.cli.setup import setup
from completer.cli.telemetry import telemetry
from completer.cli.token import token
from completer.cli.train import train
from completer.cli.tune import tune
from completer.drafting.memory import share_arenas
from completer.errors import CompleterError
from completer.progress import show_progress
from models.errors import ModelError

LIBRARIES = {
    # Threads that wait by spinning slow each other down up to fiftyfold on a busy machine; a tenth
    # of a millisecond is enough to have them at hand for the next product. GNU's OpenMP, which
    # torch has on Linux, lets one say so.
    "OMP_WAIT_POLICY": "passive",
    "GOMP_SPINCOUNT": "10000",
    # oneDNN's compiled kernels, a quarter of a megabyte each: torch keeps those that it uses, and
    # oneDNN others beside them.
    "LRU_CACHE_CAPACITY": "256",
    "ONEDNN_PRIMITIVE_CACHE_CAPACITY": "16",
}

app = typer.Typer(
    name="completer",
    help="Self-hosted code completion, for editors and for any client that speaks HTTP.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
app.command("serve")(serve.serve)
app.command("lsp")(lsp.lsp)
app.command("complete")(complete.complete)
app.command("eval")(evaluate)
app.command("calibrate")(calibrate)
app.command("report")(report.report)
app.command("doctor")(doctor.doctor)
app.command("train")(train)
app.command("index")(index.index)
app.command("tune")(tune)
app.command("setup")(setup)
app.add_typer(model, name="model")
app.add_typer(telemetry, name="telemetry")
app.add_typer(token, name="token")


@app.command(
    "bench", hidden=True, context_settings={"ignore_unknown_options": True, "help_option_names": []}
)
def bench(words: Annotated[list[str] | None, typer.Argument()] = None) -> None:
    """Say where benchmarks are now: they are no longer installed."""
    name = next(iter(words or []), "NAME")
    now = "completer tune" if name == "tune" else f"python -m benchmarks {name}"
    where = "" if name == "tune" else " from a checkout"
    typer.echo(f"completer: Run `{now}`{where}.", err=True)
    raise typer.Exit(2)


def _print_version(wanted: bool) -> None:
    if wanted:
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


def main(commands: typer.Typer = app) -> None:
    """Run a command; what a user can act on is one line on standard error and exit code 1."""
    for name, value in LIBRARIES.items():
        os.environ.setdefault(name, value)
    share_arenas()
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):  # a path may hold what is no UTF-8
            stream.reconfigure(errors="backslashreplace")
    show_progress()
    with interruptible():
        try:
            commands()
        except (CompleterError, ModelError) as error:
            typer.echo(f"completer: {error}", err=True)
            if error.hint:
                typer.echo(f"  {error.hint}", err=True)
            sys.exit(1)
