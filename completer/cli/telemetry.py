"""`completer telemetry`: export, purge, and opt out."""

import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from completer.cli.options import ConfigFlag, load
from completer.cli.outputs import ForceFlag
from completer.cli.telemetry_errors import telemetry_errors
from completer.errors import BadRequestError
from completer.place import local_place

if TYPE_CHECKING:
    from telemetry.export import Format

telemetry = typer.Typer(no_args_is_help=True, help="Look after what has been recorded.")
DbFlag = Annotated[
    Path | None,
    typer.Option("--db", help="A database or a folder of them.", metavar="PATH"),
]
UserFlag = Annotated[str | None, typer.Option("--user", help="One person.", metavar="NAME")]


@telemetry.command("export")
def export(
    folder: Annotated[Path, typer.Argument(help="Where the tables go, one file each.")],
    db: DbFlag = None,
    parquet: Annotated[
        bool, typer.Option("--parquet", help="Parquet instead of CSV; needs pyarrow.")
    ] = False,
    force: ForceFlag = False,
    config: ConfigFlag = None,
) -> None:
    """Write every table to a file, without the key and without hashes of texts."""
    from telemetry.export import MissingLibraryError, NotExportedError, export

    file_format: Format = "parquet" if parquet else "csv"
    try:
        with telemetry_errors():
            files = export(_folder(db, config), folder, file_format=file_format, force=force)
    except MissingLibraryError as error:
        raise BadRequestError(str(error)) from error
    except NotExportedError as error:
        raise BadRequestError(f"{error}.", hint="Name another folder, or add --force.") from error
    for file in files:
        typer.echo(file)


@telemetry.command("purge")
def purge(
    db: DbFlag = None,
    older_than_days: Annotated[
        int | None, typer.Option(min=0, help="Delete what is older.", metavar="DAYS")
    ] = None,
    user: UserFlag = None,
    everything: Annotated[bool, typer.Option("--everything", help="Delete all of it.")] = False,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")] = False,
    config: ConfigFlag = None,
) -> None:
    """Delete what is too old, what one person left, or everything."""
    from telemetry.files import own_files
    from telemetry.retention import NoKeyError, purge
    from telemetry.schema import DAY_MS

    before_ms = None
    if older_than_days is not None:
        before_ms = int(time.time() * 1000) - older_than_days * DAY_MS
    path = _folder(db, config)
    with telemetry_errors():
        own_files(path)  # what is not there, or not ours, need not be asked about
        if not yes:
            typer.confirm(f"Delete what is in {path}?", abort=True)
        try:
            purged = purge(path, before_ms=before_ms, user=user, everything=everything)
        except ValueError as error:
            raise BadRequestError(
                str(error), hint="Give --older-than-days, --user or --everything."
            ) from error
        except NoKeyError as error:
            raise BadRequestError(
                f"{error}.", hint="Purge in the folder that recorded, or bring its key here."
            ) from error
    if user is not None and not (purged.rows or purged.in_use or purged.failed):
        raise BadRequestError(
            f"Nothing of {user!r} was found.",
            hint="Files from another installation know people by its key: purge them there.",
        )
    typer.echo(f"Deleted {purged.rows} rows.")
    for file in purged.in_use:
        typer.echo(f"Left {file}: a running process writes it; stop it and ask again.", err=True)
    for file, why in purged.failed.items():
        typer.echo(f"Left {file}: {why}", err=True)
    if purged.failed:
        raise typer.Exit(1)


@telemetry.command("opt-out")
def opt_out(
    user: UserFlag = None,
    workspace: Annotated[
        Path | None, typer.Option("--workspace", "-w", help="One folder.", metavar="PATH")
    ] = None,
    undo: Annotated[bool, typer.Option("--undo", help="Record again.")] = False,
    config: ConfigFlag = None,
) -> None:
    """Record nothing of a person, or of what lies in a folder, from the next session on."""
    from telemetry.privacy import ForeignFileError, opt_out_list

    if not (user or workspace):
        raise BadRequestError("Say of whom nothing is to be recorded.", hint="--user, --workspace")
    folder = str(local_place(workspace)) if workspace else ""
    try:
        register = opt_out_list(load(config).settings.telemetry.folder)
        change = register.remove if undo else register.add
        change(user=user or "", workspace=folder)
    except ForeignFileError as error:
        raise BadRequestError(
            f"{error}.", hint="Set telemetry.folder to a folder of its own."
        ) from error
    if undo and register.covers(workspace=folder):
        raise BadRequestError(
            f"Still nothing of {folder} is recorded.",
            hint="A folder that holds it has opted out: take that back.",
        )
    typer.echo("Recorded again." if undo else "Nothing will be recorded.")


def _folder(db: Path | None, config: Path | None) -> Path:
    return db or load(config).settings.telemetry.folder
