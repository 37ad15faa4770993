"""`completer telemetry collect`: the databases of many processes in one file."""

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from completer.cli.options import JsonFlag
from completer.cli.telemetry_errors import telemetry_errors

if TYPE_CHECKING:
    from telemetry.collecting import Collected


def collect(
    sources: Annotated[
        list[Path],
        typer.Argument(help="Databases, or folders of them; they may be in use.", metavar="SOURCE"),
    ],
    into: Annotated[
        Path, typer.Option(help="The file; what it has already stays.", metavar="FILE")
    ],
    as_json: JsonFlag = False,
) -> None:
    """Bring one file up to date with the databases of replicas and laptops, for one report.

    It may be done again and again: only what is new is added, and what has changed taken over.
    """
    from telemetry.collecting import collect

    with telemetry_errors("Name a file that is not there yet, or an earlier collection."):
        collected = collect(sources, into)
    added, changed = (
        {table: rows for table, rows in counted.items() if rows}
        for counted in (collected.added, collected.changed)
    )
    if as_json:
        failed = {str(path): why for path, why in collected.failed.items()}
        keys = len(collected.people_keys)
        said = {"files": len(collected.files), "added": added, "changed": changed}
        typer.echo(json.dumps({**said, "people_keys": keys, "failed": failed}))
    else:
        new = ", ".join(f"{rows:,} {table}" for table, rows in added.items()) or "nothing"
        typer.echo(
            f"Read {len(collected.files)} files: {new} new, {sum(changed.values()):,} changed."
        )
    _warn(collected)
    if collected.failed:
        raise typer.Exit(1)


def _warn(collected: "Collected") -> None:
    """Say what was left out, and whether people may count several times."""
    for path, why in collected.failed.items():
        typer.echo(f"Left {path}: {why}", err=True)
    if len(keys := collected.people_keys) > 1:
        unknown = " (files of earlier versions do not say which)" if None in keys else ""
        typer.echo(
            f"People are known under {len(keys)} keys{unknown}: who is in files of several counts"
            " as several. Set telemetry.identity_file to one key everywhere; `completer telemetry"
            " merge` changes what was recorded before.",
            err=True,
        )
