"""`completer report`: acceptance, persistence and latency, from the telemetry databases."""

import json
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from completer.cli.known_people import KnownPeople
from completer.cli.options import ConfigFlag, JsonFlag, load
from completer.cli.outputs import ForceFlag, check_output
from completer.cli.telemetry_errors import telemetry_errors
from completer.errors import BadRequestError

if TYPE_CHECKING:
    from completer.settings import Settings
    from telemetry.report import Plan

DAY = "%Y-%m-%d"


def report(
    db: Annotated[
        Path | None,
        typer.Option("--db", help="A database or a folder of them.", metavar="PATH"),
    ] = None,
    html: Annotated[
        Path | None, typer.Option("--html", help="Write a page to this file.", metavar="FILE")
    ] = None,
    since: Annotated[
        datetime | None, typer.Option(formats=[DAY], help="The first day, UTC.", metavar="DATE")
    ] = None,
    until: Annotated[
        datetime | None, typer.Option(formats=[DAY], help="The last day, UTC.", metavar="DATE")
    ] = None,
    team: Annotated[
        str | None, typer.Option("--team", help="One of telemetry.teams.", metavar="TEAM")
    ] = None,
    user: Annotated[str | None, typer.Option("--user", help="One person.", metavar="NAME")] = None,
    people: Annotated[
        bool, typer.Option("--people", help="Everybody's own figures, with known names.")
    ] = False,
    compare: Annotated[
        tuple[str, str] | None,
        typer.Option("--compare", help="Compare two A/B arms.", metavar="ARM_A ARM_B"),
    ] = None,
    experiment: Annotated[
        str | None,
        typer.Option("--experiment", help="Which arm of an experiment wins.", metavar="NAME"),
    ] = None,
    primary: Annotated[
        str | None,
        typer.Option(
            "--primary", help="What --compare is about, acceptance; the rest is corrected."
        ),
    ] = None,
    include_late: Annotated[
        bool, typer.Option("--include-late", help="Count persistence checks that came too late.")
    ] = False,
    force: ForceFlag = False,
    config: ConfigFlag = None,
    as_json: JsonFlag = False,
) -> None:
    """Report what became of completions: acceptance rate, share of code typed, persistence."""
    from rich.console import Console

    from telemetry.report import (
        PRIMARY,
        Selection,
        build,
        is_report,
        render_terminal,
        to_json,
        write_html,
    )

    settings = load(config).settings
    path = db or settings.telemetry.folder
    planned = settings.experiment
    plan = _plan(settings, experiment, primary) if experiment else None
    first, last = (planned.start, planned.end) if plan and plan.end else (None, None)
    if html is not None:
        check_output(html, "an earlier report", is_report, force=force)
    try:
        with telemetry_errors("--db names another place."):
            known = KnownPeople(settings, path)
            built = build(
                path,
                compare_arms=compare,
                primary=primary or PRIMARY,
                plan=plan,
                include_late=include_late,
                selection=Selection(
                    since.date() if since else first,
                    until.date() if until else last,
                    known.chosen(team, user),
                ),
                teams=known.teams(),
                names=known.names() if people else None,
            )
    except ValueError as error:
        raise BadRequestError(str(error)) from error
    if html is not None:
        write_html(built, html)
        typer.echo(f"Wrote {html}.", err=True)
    if as_json:
        typer.echo(json.dumps(to_json(built)))
    elif html is None:
        render_terminal(built, Console())


def _plan(settings: "Settings", name: str, primary: str | None) -> "Plan":
    """What was laid down for an experiment: in the settings, if they still have it."""
    from telemetry.report import PRIMARY, Plan

    planned = settings.experiment
    if planned.name != name:
        return Plan(name, primary=primary or PRIMARY)
    if primary not in (None, planned.primary):
        raise BadRequestError(
            f"{name} is decided by {planned.primary}, which was named beforehand.",
            hint="--compare looks at other metrics, and decides nothing.",
        )
    arms = tuple(arm.name for arm in planned.arms)
    return Plan(name, arms, planned.primary, planned.end, planned.stopped)
