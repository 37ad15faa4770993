"""The `completer` command: what comes before a subcommand, and how errors reach a user."""

import io
import sys
from collections.abc import Callable

from completer.cli.interruption import interruptible
from completer.cli.libraries import prepare_libraries
from completer.errors import CompleterError
from completer.progress import show_progress
from models.errors import ModelError


def main(run: Callable[[], object] | None = None) -> None:
    """Run a command; what a user can act on is one line on standard error and exit code 1."""
    prepare_libraries()
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):  # a path may hold what is no UTF-8
            stream.reconfigure(errors="backslashreplace")
    show_progress()
    with interruptible():
        try:
            (run or _command())()
        except (CompleterError, ModelError) as error:
            print(f"completer: {error}", file=sys.stderr)
            if error.hint:
                print(f"  {error.hint}", file=sys.stderr)
            sys.exit(1)


def _command() -> Callable[[], object]:
    """What the command line asks for.

    Every editor starts `completer lsp`: without flags it does not wait for what reads flags, which
    takes a quarter of its start.
    """
    if sys.argv[1:] == ["lsp"]:
        from completer.cli.language_server import run

        return run
    from completer.cli.commands import app

    return app
