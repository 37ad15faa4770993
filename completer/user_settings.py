"""Changing a setting or a section in the user's own file, with all else as the user wrote it."""

import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import tomlkit
from tomlkit.exceptions import TOMLKitError
from tomlkit.items import AoT, Item, Table, Whitespace

from completer.errors import SettingsError
from completer.private_files import new_private_file, private_folder


def write_setting(file: Path, section: str, name: str, value: bool | str | list[str]) -> None:
    """Set `section.name` in a TOML file, which need not exist; comments and order stay.

    Raises `SettingsError` for a file that cannot be read or written.
    """
    written = tomlkit.item(value).as_string()
    with _changing(file, f"Put {name} = {written} below [{section}] by hand.") as document:
        document.setdefault(section, tomlkit.table())[name] = value


def write_section(file: Path, section: str, values: Mapping[str, Any]) -> None:
    """Set a whole section, in place of what is there. Raises as `write_setting` does."""
    text = tomlkit.dumps({section: values})
    with _changing(file, f"Put this into it by hand:\n{text}") as document:
        _take_out(document, section)
        document[section] = tomlkit.parse(text)[section]


def remove_section(file: Path, section: str) -> bool:
    """Take a section out; say whether there was one. Raises as `write_setting` does."""
    with _changing(file, f"Take [{section}] out by hand.") as document:
        return _take_out(document, section)


def _take_out(document: tomlkit.TOMLDocument, section: str) -> bool:
    """Take a section out, but for comments at its end: they may be of what follows."""
    ends = {
        at: _comments_at_the_end(item)
        for at, (key, item) in enumerate(document.body)
        if key is not None and key.key == section
    }
    document.pop(section, None)
    for at, text in ends.items():
        document.body[at] = (None, Whitespace(text))
    return bool(ends)


def _comments_at_the_end(item: Item) -> str:
    """What follows the last value of a section, or of the last table in it, if it says anything."""
    if isinstance(item, AoT):
        item = item.body[-1]
    if not isinstance(item, Table):
        return ""
    body = item.value.body
    last = max((at for at, (key, _) in enumerate(body) if key is not None), default=-1)
    behind = "".join(each.as_string() for _, each in body[last + 1 :])
    if not behind and last >= 0:
        return _comments_at_the_end(body[last][1])
    return behind if "#" in behind else ""


@contextmanager
def _changing(file: Path, by_hand: str) -> Iterator[tomlkit.TOMLDocument]:
    """Yield what a file says, and write it as it is then."""
    try:
        document = tomlkit.parse(file.read_text(encoding="utf-8") if file.exists() else "")
        yield document
        _replace(file, tomlkit.dumps(document))
    except (OSError, ValueError, TypeError, TOMLKitError) as error:
        raise SettingsError(f"{file} could not be changed: {error}", hint=by_hand) from error


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
