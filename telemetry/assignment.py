"""Chance that follows from who somebody is: the same for a person and an experiment, always.

It is drawn by the key under which people are recorded. So it is the same in all installations that
share that key, independent between experiments, and unpredictable for who has no key.
"""

from __future__ import annotations

import logging
from functools import cached_property
from pathlib import Path

from telemetry.privacy import KEY_FILE, NoKeyError, OptOut, Pseudonyms, install_key, read_key
from telemetry.sessions import login_name

_log = logging.getLogger(__name__)


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
