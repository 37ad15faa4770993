"""`completer setup`: editors, model, autostart, and whether it all works."""

import os
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated

import typer
from platformdirs import user_data_path

from completer.cli.options import ConfigFlag, load
from completer.errors import CompleterError
from completer.installation.autostart import autostart
from completer.installation.best_model import best_model
from completer.installation.neovim import neovim
from completer.installation.part import Part
from completer.installation.record import Record
from completer.installation.vscode import EDITORS, vscode
from completer.setting_kinds import APP
from completer.settings import Settings, config_file
from models.source import BUNDLED


def setup(
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do all of it; ask nothing.")] = False,
    remove: Annotated[
        bool, typer.Option("--remove", help="Take away what an earlier setup put in place.")
    ] = False,
    only: Annotated[
        list[str] | None,
        typer.Option(
            help="neovim, code, codium, code-server, model or autostart; may be repeated.",
            metavar="PART",
        ),
    ] = None,
    doctor: Annotated[bool, typer.Option(help="Check at the end whether it all works.")] = True,
    config: ConfigFlag = None,
) -> None:
    """Install the plugins of the editors that are here, choose a model, and offer autostart.

    Only what nobody else has put there is written; `--remove` takes it away again, but for your
    settings and the telemetry.
    """
    record = Record(user_data_path(APP) / "setup.json")
    if remove:
        for done in record.undo() or ["nothing was there"]:
            typer.echo(done)
        return
    settings = load(config).settings
    for part in parts(settings, config or config_file()):
        if only and part.name not in only:
            continue
        if yes or typer.confirm(part.offer, default=part.name != "autostart"):
            _install(part, record)
    if not (yes or only) and typer.confirm(
        "Make a token, for other machines that may ask?", default=False
    ):
        _make_token(settings)
    if doctor:
        from completer.cli.doctor import doctor as check

        check(config=config)


def parts(settings: Settings, config: Path) -> Iterator[Part]:
    """What may be put in place here, in the order in which it is offered."""
    import lsp

    plugins, program = Path(lsp.__file__).parent / "editors", program_path()
    if (found := neovim(plugins / "neovim", program)) is not None:
        yield found
    yield from vscode(plugins / "vscode", program)
    if not list((plugins / "vscode").glob("*.vsix")):
        _tell_of_vsix()
    if (better := better_model(settings, config)) is not None:
        yield better
    if (started := autostart(program)) is not None:
        yield started


def program_path() -> Path:
    """What editors start: the `completer` beside this Python, or the one on the PATH."""
    beside = Path(sys.executable).with_name("completer.exe" if os.name == "nt" else "completer")
    found = shutil.which("completer")
    return beside if beside.exists() or found is None else Path(found)


def better_model(settings: Settings, config: Path) -> Part | None:
    """The best model on this machine, in place of the embedded one."""
    from completer.user_settings import write_setting

    found = best_model(settings) if settings.model.source == BUNDLED else None
    if found is None:
        return None
    chosen = f"{found.source} in {found.dtype}" if found.dtype else found.source

    def install(record: Record) -> str:
        undo = [str(program_path()), "model", "use", BUNDLED, "--config", str(config)]
        record.undone_by([*undo, *(("--dtype", "auto") if found.dtype else ())])
        if found.dtype:
            write_setting(config, "model", "dtype", found.dtype)
        write_setting(config, "model", "source", found.source)
        return f"model: {chosen} is in {config}"

    how = f", in {found.dtype}, the most exact dtype that fits" if found.dtype else ""
    return Part("model", f"Use {found.source}, which is on this machine{how}?", install)


def _install(part: Part, record: Record) -> None:
    """Put one part in place; what fails is told, and the others go on."""
    try:
        typer.echo(part.install(record))
    except CompleterError as error:
        typer.echo(f"{part.name}: {error} {error.hint}".rstrip(), err=True)


def _tell_of_vsix() -> None:
    if any(shutil.which(editor.program) for editor in EDITORS):
        typer.echo("VS Code: build the extension first, in a checkout: make vsix", err=True)


def _make_token(settings: Settings) -> None:
    from completer.http.tokens import TokenFile

    name = typer.prompt("Whose is it?")
    typer.echo(TokenFile(settings.server.tokens).add(name, None))
