"""Changing one setting in the user's own file, with all else in it as the user wrote it."""

import shutil
from pathlib import Path

import tomlkit
from tomlkit.exceptions import TOMLKitError

from completer.errors import SettingsError
from completer.private_files import new_private_file, private_folder


def write_setting(file: Path, section: str, name: str, value: str | list[str]) -> None:
    """Set `section.name` in a TOML file, which need not exist; comments and order stay.

    Raises `SettingsError` for a file that cannot be read or written.
    """
    try:
        text = file.read_text(encoding="utf-8") if file.exists() else ""
        document = tomlkit.parse(text)
        table = document.setdefault(section, tomlkit.table())
        table[name] = value
        _replace(file, tomlkit.dumps(document))
    except (OSError, ValueError, TypeError, TOMLKitError) as error:
        raise SettingsError(
            f"{file} could not be changed: {error}",
            hint=f"Put {name} = {tomlkit.item(value).as_string()} below [{section}] by hand.",
        ) from error


def _replace(file: Path, text: str) -> None:
    """Write beside the file first: it is whole at every moment, and as open to others as before."""
    target = file.resolve()
    private_folder(target.parent)
    beside = target.with_name(f"{target.name}.new")
    with new_private_file(beside) as new:
        new.write(text.encode())
    if target.exists():
        shutil.copymode(target, beside)
    beside.replace(target)
