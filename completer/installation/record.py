"""What was put in place, so that it, and nothing else, can be taken away."""

import json
import shutil
import subprocess
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

from completer.errors import SettingsError
from completer.private_files import private_folder, replace_private_file

LONGEST_S = 120.0
Command = Sequence[str]


def run(command: Command) -> str:
    """Run another program to its end and return its output; raises `SettingsError` if it fails."""
    try:
        done = subprocess.run(  # noqa: S603 (what is run was found on the PATH)
            list(command), capture_output=True, text=True, timeout=LONGEST_S, check=True
        )
    except subprocess.CalledProcessError as error:
        said = (error.stderr or error.stdout or "").strip()
        raise SettingsError(f"`{' '.join(command)}` failed: {said}") from error
    except (OSError, subprocess.TimeoutExpired) as error:
        raise SettingsError(f"`{' '.join(command)}` could not be run: {error}") from error
    return done.stdout


class Record:
    """A JSON file of the files and folders that were made, and of commands that undo the rest."""

    def __init__(self, file: Path) -> None:
        self._file = file
        self._kept: dict[str, list[Any]] = {"paths": [], "commands": []}
        with suppress(OSError, ValueError):
            self._kept |= json.loads(file.read_text(encoding="utf-8"))

    def made(self, path: Path) -> None:
        """Remember a file or folder that is ours."""
        self._add("paths", str(path))

    def undone_by(self, command: Command) -> None:
        """Remember a command that undoes something."""
        self._add("commands", list(command))

    def is_ours(self, path: Path) -> bool:
        """Whether something was made by an earlier `setup`, so that it may be replaced."""
        return str(path) in self._kept["paths"]

    def undo(self) -> list[str]:
        """Take everything away; returns what was done. What somebody else has removed is passed."""
        done = []
        for command in self._kept["commands"]:
            with suppress(SettingsError):
                run(command)
                done.append(f"ran `{' '.join(command)}`")
        for path in map(Path, reversed(self._kept["paths"])):
            if path.is_dir() and not path.is_symlink():
                shutil.rmtree(path)
            elif path.exists() or path.is_symlink():
                path.unlink()
            else:
                continue
            done.append(f"removed {path}")
        self._file.unlink(missing_ok=True)
        return done

    def _add(self, kind: str, entry: object) -> None:
        if entry not in self._kept[kind]:
            self._kept[kind].append(entry)
        private_folder(self._file.parent)
        replace_private_file(self._file, json.dumps(self._kept, indent=1).encode())
