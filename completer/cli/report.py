"""`completer report`: acceptance, persistence and latency, from the telemetry databases."""

import json
from pathlib import Path
from typing import Annotated

import typer

from completer.cli.options import ConfigFlag, JsonFlag, load
from completer.cli.outputs import ForceFlag, check_output
from completer.cli.telemetry_errors import telemetry_errors
from completer.errors import BadRequestError


def report(
    db: Annotated[
        Path | None,
        typer.Option("--db", help="A database or a folder of them.", metavar="PATH"),
    ] = None,
    html: Annotated[
        Path | None, typer.Option("--html", help="Write a page to this file.", metavar="FILE")
    ] = None,
    compare: Annotated[
        tuple[str, str] | None,
        typer.Option("--compare", help="Compare two A/B arms.", metavar="ARM_A ARM_B"),
    ] = None,
    primary: Annotated[
        str,
        typer.Option("--primary", help="What --compare is about; the rest is corrected."),
    ] = "acceptance",
    include_late: Annotated[
        bool, typer.Option("--include-late", help="Count persistence checks that came too late.")
    ] = False,
    force: ForceFlag = False,
    config: ConfigFlag = None,
    as_json: JsonFlag = False,
) -> None:
    """Report what became of completions: acceptance rate, share of code typed, persistence."""
    from rich.console import Console

    from telemetry.report import build, is_report, render_terminal, to_json, write_html

    path = db or load(config).settings.telemetry.folder
    if html is not None:
        check_output(html, "an earlier report", is_report, force=force)
    try:
        with telemetry_errors("--db names another place."):
            built = build(path, compare_arms=compare, primary=primary, include_late=include_late)
    except ValueError as error:
        raise BadRequestError(str(error)) from error
    if html is not None:
        write_html(built, html)
        typer.echo(f"Wrote {html}.", err=True)
    if as_json:
        typer.echo(json.dumps(to_json(built)))
    elif html is None:
        render_terminal(built, Console())
