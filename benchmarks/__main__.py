"""`python -m benchmarks NAME`: one benchmark a module, each with `run` and `table`."""

from importlib import import_module
from typing import Any

import typer
from typer.core import TyperGroup

from benchmarks.command import make_command
from completer.cli.app import main

NAMES = (
    "decode",
    "type",
    "exits",
    "dtypes",
    "draft",
    "serve",
    "gpu",
    "path",
    "telemetry",
    "simulate",
    "intervals",
    "names",
    "windows",
    "socket",
    "remote",
    "team",
    "next-edits",
    "next-edit-card",
    "edit-drafts",
    "replay",
    "alternatives",
    "scaling",
    "cluster",
)


class Benchmarks(TyperGroup):
    """Loads the benchmark that is named, and the others only to list them."""

    def list_commands(self, ctx: object) -> list[str]:
        """Name all benchmarks."""
        return list(NAMES)

    def get_command(self, ctx: object, cmd_name: str) -> Any:  # noqa: ANN401  click's or typer's
        """Load one."""
        if cmd_name not in NAMES:
            return None
        module = import_module(f"benchmarks.{cmd_name.replace('-', '_')}")
        return make_command(cmd_name, module.run, module.table)


benchmarks = typer.Typer(
    cls=Benchmarks, no_args_is_help=True, add_completion=False, pretty_exceptions_enable=False
)


@benchmarks.callback()
def common() -> None:
    """Measure speeds, each beside a peer in one run."""


if __name__ == "__main__":
    main(benchmarks)
