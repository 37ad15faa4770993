"""`completer telemetry`: export, purge, opt out, collect, and know people across installations."""

import json
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from completer.cli.collect import collect
from completer.cli.options import ConfigFlag, JsonFlag, identity_file, load
from completer.cli.outputs import ForceFlag
from completer.cli.telemetry_errors import telemetry_errors
from completer.errors import BadRequestError
from completer.place import local_place

if TYPE_CHECKING:
    from completer.settings import Settings
    from telemetry.export import Format
    from telemetry.retention import Purged

telemetry = typer.Typer(no_args_is_help=True, help="Look after what has been recorded.")
telemetry.command("collect")(collect)
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
    as_json: JsonFlag = False,
) -> None:
    """Delete what is too old, what one person left, or everything; say what went.

    It fails if anything was left that was to be deleted, or if there is nothing of that person.
    """
    from telemetry.files import own_files
    from telemetry.retention import purge
    from telemetry.schema import DAY_MS

    before_ms = None
    if older_than_days is not None:
        before_ms = int(time.time() * 1000) - older_than_days * DAY_MS
    settings = load(config).settings
    path = db or settings.telemetry.folder
    with telemetry_errors():
        own_files(path)  # what is not there, or not ours, need not be asked about
        if not yes:
            typer.confirm(f"Delete what is in {path}?", abort=True)
        try:
            purged = purge(
                path,
                before_ms=before_ms,
                user=user,
                everything=everything,
                identity=identity_file(settings),
            )
        except ValueError as error:
            raise BadRequestError(
                str(error), hint="Give --older-than-days, --user or --everything."
            ) from error
    if user is not None and not purged.rows and purged.is_complete:
        raise BadRequestError(
            f"Nothing of {user!r} was found.",
            hint="Files from another installation know people by its key: purge them there, or"
            " take them in with `completer telemetry merge`.",
        )
    receipt = _receipt(purged)
    typer.echo(json.dumps(receipt) if as_json else _in_words(receipt))
    for file, why in receipt["left"].items():
        typer.echo(f"Left {file}: {why}", err=True)
    if not purged.is_complete:
        raise typer.Exit(1)


def _receipt(purged: "Purged") -> dict[str, Any]:
    """What was deleted when, and which files were left, and why."""
    in_use = dict.fromkeys(purged.in_use, "a running process writes it; stop it and ask again.")
    return {
        "at": datetime.now(UTC).isoformat(timespec="seconds"),
        "rows": purged.rows,
        "tables": {table: rows for table, rows in purged.tables.items() if rows},
        "removed": [str(file) for file in purged.removed],
        "left": {str(file): why for file, why in (in_use | purged.failed).items()},
    }


def _in_words(receipt: dict[str, Any]) -> str:
    tables = ", ".join(f"{rows:,} {table}" for table, rows in receipt["tables"].items())
    lines = [f"Deleted {receipt['rows']:,} rows{': ' if tables else ''}{tables}."]
    return "\n".join([*lines, *(f"Removed {file}" for file in receipt["removed"])])


@telemetry.command("identity")
def identity(
    file: Annotated[Path, typer.Argument(help="The file to make.", metavar="FILE")],
) -> None:
    """Make a key by which several installations know people as the same."""
    from telemetry.privacy import make_key

    try:
        make_key(file)
    except OSError as error:
        raise BadRequestError(f"{error}.", hint="Name another file.") from error
    typer.echo(
        f"Set telemetry.identity_file to a copy of {file} in every installation, and run\n"
        "`completer telemetry merge` there for what was recorded before.\n"
        "Whoever has it can tell by a name which records are that person's: keep it private."
    )


@telemetry.command("merge")
def merge(
    source: Annotated[Path, typer.Argument(help="Another installation's telemetry folder.")],
    user: Annotated[
        list[str] | None,
        typer.Option("--user", help="Who is to be known; may be repeated.", metavar="NAME"),
    ] = None,
    source_identity: Annotated[
        Path | None,
        typer.Option(help="Its telemetry.identity_file, if it has one.", metavar="FILE"),
    ] = None,
    config: ConfigFlag = None,
) -> None:
    """Take in another installation's databases, and know its people as here.

    Only those that are named are known, with who runs this and who has a token. Naming the own
    folder changes it after telemetry.identity_file was set.
    """
    from telemetry.merging import merge
    from telemetry.privacy import KEY_FILE, Pseudonyms, install_key, read_key
    from telemetry.sessions import login_name

    settings = load(config).settings
    folder, ours = settings.telemetry.folder, identity_file(settings)
    names = {*(user or []), login_name(), *_with_tokens(settings)}
    with telemetry_errors("Bring its key, or name its telemetry.identity_file."):
        home = source if source.is_dir() else source.parent
        merged = merge(
            source,
            folder,
            theirs=Pseudonyms(read_key(source_identity or home / KEY_FILE)),
            ours=Pseudonyms(read_key(ours) if ours else install_key(folder)),
            names=names,
        )
    typer.echo(
        f"Took in {len(merged.files)} files; {len(merged.known)} were here before.\n"
        f"Known by name: {', '.join(sorted(merged.people)) or 'nobody'}. "
        f"People whose names were not given: {len(merged.unnamed)}; they count as others."
    )
    for file, why in merged.failed.items():
        typer.echo(f"Left {file}: {why}", err=True)
    if merged.failed:
        raise typer.Exit(1)


def _with_tokens(settings: "Settings") -> list[str]:
    from completer.http.tokens import TokenFile

    path = settings.server.tokens
    return [] if path is None else [token.name for token in TokenFile(path).read()]


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
