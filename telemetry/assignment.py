"""Chance that follows from who somebody is: the same for a person and an experiment, always.

It is drawn by the key under which people are recorded. So it is the same in all installations that
share that key, independent between experiments, and unpredictable for who has no key.
"""

from __future__ import annotations

import logging
import sqlite3
from collections import Counter
from contextlib import suppress
from functools import cached_property
from pathlib import Path
from typing import Final

from telemetry.files import database_files
from telemetry.migrations import SchemaTooNewError
from telemetry.privacy import KEY_FILE, NoKeyError, OptOut, Pseudonyms, install_key, read_key
from telemetry.sessions import login_name
from telemetry.store import reading

_log = logging.getLogger(__name__)


_IN_ARMS: Final = """
SELECT DISTINCT s.user_h, l.name FROM opportunity o JOIN session s ON s.id = o.session
JOIN label l ON l.id = o.arm WHERE substr(l.name, 1, ?) = ?
"""


def people_in_arms(path: Path, experiment: str) -> dict[str, int]:
    """How many people were in each arm of an experiment so far, by `EXPERIMENT/ARM`."""
    prefix = f"{experiment}/"
    found: set[tuple[str, str]] = set()
    with suppress(FileNotFoundError):
        for file in database_files(path):
            with suppress(sqlite3.Error, SchemaTooNewError), reading(file) as connection:
                found.update(connection.execute(_IN_ARMS, (len(prefix), prefix)))
    return Counter(arm for _, arm in found)


class Assignment:
    """Draws for people who are recorded in `folder`, under its key or the one in `identity`."""

    def __init__(self, folder: Path, identity: Path | None = None) -> None:
        self._folder = folder
        self._identity = identity

    def draw(self, experiment: str, person: str) -> tuple[float, float] | None:
        """Two independent numbers from [0, 1); `None` for who has opted out, or without a key.

        Who is not named is who runs this process, as in what is recorded.
        """
        person = person or login_name()
        if self._people is None or self._opt_out.covers(user=person):
            return None
        return self._people.draw(experiment, person)

    @cached_property
    def _people(self) -> Pseudonyms | None:
        install_key(self._folder)
        try:
            return Pseudonyms(read_key(self._identity or self._folder / KEY_FILE))
        except (NoKeyError, OSError) as error:
            _log.warning("telemetry: nobody takes part in an experiment: %s", error)
            return None

    @cached_property
    def _opt_out(self) -> OptOut:
        return OptOut(self._folder, Pseudonyms(install_key(self._folder)))
