"""The extension for VS Code and its relatives, from a file that `make vsix` has built."""

import json
import shutil
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from platformdirs import user_config_path, user_data_path

from completer.errors import SettingsError
from completer.installation.part import Part
from completer.installation.record import Record, run

EXTENSION = "completer.completer"
SETTING = "completer.command"


@dataclass(frozen=True, slots=True)
class Editor:
    """A relative of VS Code: its program, its name, and the folder of its settings."""

    program: str
    name: str
    folder: str

    @property
    def settings(self) -> Path:
        """Where a person's settings lie."""
        served = self.program == "code-server" and sys.platform != "win32"
        base = Path.home() / ".local" / "share" if served else user_config_path()
        if sys.platform == "darwin" and not served:
            base = user_data_path()
        return base / self.folder / "User" / "settings.json"


EDITORS = (
    Editor("code", "VS Code", "Code"),
    Editor("codium", "VSCodium", "VSCodium"),
    Editor("code-server", "code-server", "code-server"),
)


def vscode(plugin: Path, program: Path) -> Iterator[Part]:
    """A part for each editor that is on the PATH, if the extension was built."""
    built = sorted(plugin.glob("*.vsix"))
    for editor in EDITORS:
        found = shutil.which(editor.program)
        if found is not None and built:
            yield _part(editor, found, built[-1], program)


def _part(editor: Editor, found: str, vsix: Path, program: Path) -> Part:
    def install(record: Record) -> str:
        run([found, "--install-extension", str(vsix), "--force"])
        record.undone_by([found, "--uninstall-extension", EXTENSION])
        told = tell_program(editor.settings, program)
        return f"{editor.name}: the extension is installed; {told}"

    return Part(editor.program, f"Install the extension for {editor.name}?", install)


def tell_program(settings: Path, program: Path) -> str:
    """Set `completer.command` in a settings file; returns what is so, or is left to do.

    A file with comments is left alone, and so is a value that a person has set.
    """
    known = _read(settings)
    if known is None:
        return f"put {json.dumps(SETTING)}: {json.dumps(str(program))} into {settings}"
    if SETTING in known:
        return f"{SETTING} stays {known[SETTING]}"
    text = json.dumps({**known, SETTING: str(program)}, indent=4, ensure_ascii=False)
    try:
        settings.parent.mkdir(parents=True, exist_ok=True)
        settings.write_text(f"{text}\n", encoding="utf-8")
    except OSError as error:
        raise SettingsError(f"{settings} could not be changed: {error}") from error
    return f"{SETTING} is set"


def _read(settings: Path) -> dict[str, object] | None:
    """What a settings file says; `None` for one that is not plain JSON."""
    try:
        known = json.loads(settings.read_text(encoding="utf-8") if settings.exists() else "{}")
    except (OSError, ValueError):
        return None
    return known if isinstance(known, dict) else None
