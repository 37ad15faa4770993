"""A made-up telemetry database, and the figures that a report of it must show."""

from pathlib import Path
from typing import Annotated, Any

import typer
from rich.json import JSON

from benchmarks.simulation.simulate import simulate
from completer.errors import BadRequestError


def run(
    *,
    suggestions: Annotated[int, typer.Option(min=1, help="How many.", metavar="N")],
    db: Annotated[Path, typer.Option(help="The file to write.", metavar="FILE")],
    seed: Annotated[int, typer.Option(help="Same seed and time, same database.")] = 0,
) -> dict[str, Any]:
    """Write a made-up database, and print the figures that a report of it must show."""
    try:
        return simulate(suggestions, db, seed=seed)
    except FileExistsError as error:
        raise BadRequestError(str(error)) from error


def table(result: dict[str, Any]) -> JSON:
    """Lay the figures out."""
    return JSON.from_data(result)
