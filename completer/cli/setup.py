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
from completer.installation.neovim import neovim
from completer.installation.part import Part
from completer.installation.record import Record
from completer.installation.vscode import EDITORS, vscode
from completer.setting_kinds import APP
from completer.settings import Settings, config_file

SLOWEST_LINE_MS = 400.0
"""What a person still waits for at the end of a line."""


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
    """The largest known model on this machine that fits its memory and is fast enough here."""
    from completer.user_settings import write_setting
    from models.hub.catalogue import KNOWN
    from models.hub.local import local_models
    from models.hub.speed import bytes_per_second

    if settings.model.source != "bundled":
        return None
    here = {each.name: each.source for each in local_models()}
    speed, room_gb = bytes_per_second(settings.cache_folder), _memory_gb() / 2
    known = [(f"{each.repo}:{each.file}" if each.file else each.repo, each) for each in KNOWN]
    fitting = [
        (each.parameters, here[name])
        for name, each in known
        if name in here and each.memory_gb("int8") <= room_gb
        if each.line_ms(speed, "int8") <= SLOWEST_LINE_MS
    ]
    if not fitting:
        return None
    _, source = max(fitting)

    def install(record: Record) -> str:
        write_setting(config, "model", "source", source)
        program = str(program_path())
        record.undone_by([program, "model", "use", "bundled", "--config", str(config)])
        return f"model: {source} is in {config}"

    return Part("model", f"Use {source}, which is on this machine?", install)


def _memory_gb() -> float:
    try:
        return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 1e9
    except (AttributeError, ValueError, OSError):  # a system that does not say
        return 8.0


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
